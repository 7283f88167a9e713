"""Rows of brands' intake for the tenants of these tests (W3, M03, M06)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.infra.clock import Clock
from app.infra.money import NO_CURRENCY
from app.models import HeldItem, Player, PlayerFlag, PlayerMove


async def make_intake_rows(player: Player, recording_id: int, clock: Clock) -> dict[str, Any]:
    """One row of each kind, by GraphQL type."""
    now = clock.now()
    flag = await PlayerFlag.create(
        recording_id=recording_id,
        occurred_at=now,
        business_day=now.date(),
        brand_id=player.brand_id,
        partner_id=player.partner_id,
        campaign_id=player.campaign_id,
        plan_id=1,
        promo_id=player.promo_id,
        player_id=player.id,
        country="RO",
        currency=NO_CURRENCY,
        flag="duplicate",
        raised=True,
        step=1,
    )
    held = await HeldItem.create(
        brand_id=player.brand_id,
        door="events",
        user_id="same-user",
        visit_id=1,
        natural_key="events:same",
        content={"id": "same"},
        received_at=now,
        held_until=now + timedelta(hours=48),
    )
    move = await PlayerMove.create(
        brand_id=player.brand_id,
        player_id=player.id,
        from_promo_id=player.promo_id,
        to_promo_id=player.promo_id,
        effective_day=now.date() + timedelta(days=8),
        reason="Same reason",
        created_at=now,
    )
    return {"PlayerFlag": flag, "HeldItem": held, "PlayerMove": move}
