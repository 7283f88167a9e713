"""Rows of the operators' offer for the tenants of these tests (O01, O02, M02)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.infra.clock import Clock
from app.models import (
    Brand,
    BrandChange,
    BrandFunding,
    BrandTrafficSource,
    Campaign,
    CampaignPlanMove,
    Coupon,
    Promo,
    Promotion,
    TrafficSource,
)


async def make_offer_rows(
    brand: Brand, campaign: Campaign, promo: Promo, source: TrafficSource, clock: Clock
) -> dict[str, Any]:
    """One row of each kind, by GraphQL type; what is announced has not taken effect."""
    now = clock.now()
    change = await BrandChange.create(
        brand=brand,
        field="cookie_days",
        before="30",
        after="45",
        announced_at=now,
        effective_at=now + timedelta(days=8),
    )
    funding = await BrandFunding.create(
        brand=brand,
        kind="deposit",
        currency=brand.currency,
        amount=100,
        balance=100,
        comment="Same comment",
        created_at=now,
    )
    policy = await BrandTrafficSource.create(brand=brand, traffic_source=source, policy="yes")
    promotion = await Promotion.create(
        brand=brand,
        title="Same title",
        description="A tenth off.",
        url="https://brand.example/sale",
        coupon="TENTH",
        starts_at=now,
        ends_at=now + timedelta(days=30),
        created_at=now,
    )
    coupon = await Coupon.create(brand=brand, promo=promo, code=f"CODE{promo.id}", created_at=now)
    move = await CampaignPlanMove.create(
        campaign=campaign,
        from_plan_id=campaign.plan_id,
        to_plan_id=campaign.plan_id,
        effective_at=now + timedelta(days=8),
        existing_players="stay",
        carried="carry",
        created_at=now,
    )
    return {
        "BrandSettings": brand,
        "BrandChange": change,
        "BrandFunding": funding,
        "BrandTrafficSource": policy,
        "Promotion": promotion,
        "Coupon": coupon,
        "CampaignPlanMove": move,
    }
