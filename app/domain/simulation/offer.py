"""The offer of the demo programme: what operators made of its brands (O01, M02)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from app.domain.brands.changes import ChangedField, announce_change
from app.domain.brands.commands import BrandEdit, edit_brand
from app.domain.brands.coupons import create_coupon
from app.domain.brands.landings import LandingEdit, edit_landing
from app.domain.brands.promotions import NewPromotion, create_promotion
from app.domain.brands.traffic_sources import TrafficSourcePolicy, set_policy
from app.domain.scope import Scope
from app.models import Brand, Landing, TrafficSource

# The programme begins 120 days before today: these run today.
_PROMOTIONS = (
    ("Free delivery", "Free delivery on orders of 200 lei and more.", None, 30, 150),
    ("15% off outdoor shoes", "Everything for the trail, 15% off.", "TRAIL15", 110, 160),
    ("Summer clearance", "The last sizes of the season.", None, 130, 160),
)
_REDIRECT_ARGUMENTS = (
    ("utm_source", "%%affiliate_code%%"),
    ("utm_campaign", "%%campaign_name%%"),
    ("utm_content", "%%promo_code%%"),
)
_POLICIES = {
    "SEO": TrafficSourcePolicy.YES,
    "E-mail": TrafficSourcePolicy.YES,
    "Paid advertising": TrafficSourcePolicy.NO,
}
COUPON = "BARGAIN10"


async def make_offer(
    operator: Scope, casino: Brand, shop: Brand, promos: Mapping[str, Sequence[int]]
) -> None:
    """Settings, material and terms of both brands; `promos` are the shop's promo ids by the code of their partner.

    Policies come after the promos: what stated a traffic source before keeps working.
    """
    shop_edit = BrandEdit(
        countries=("RO", "MD"),
        domains=("willow-wren.example",),
        redirect_arguments=_REDIRECT_ARGUMENTS,
        ignored_ips=("198.51.100.0/28",),
        coupon_first=True,
    )
    await edit_brand(operator, shop.id, shop_edit)
    await edit_brand(operator, casino.id, BrandEdit(countries=("DE", "FI", "MT", "RO")))
    # Still ahead today, so that partners see what an announcement looks like.
    cookies = ChangedField.COOKIE_DAYS
    await announce_change(operator, shop.id, cookies, Decimal(45), notice_days=125)
    for landing in await operator.query(Landing).filter(brand_id=shop.id).order_by("id"):
        countries = ("RO", "MD") if landing.title == "Outlet" else ("RO",)
        edit = LandingEdit(countries=countries, language="en")
        await edit_landing(operator, landing.id, edit)
    sources = {row.name: row.id for row in await operator.query(TrafficSource).all()}
    for name, policy in _POLICIES.items():
        await set_policy(operator, shop.id, sources[name], policy)
    await _promotions(operator, shop)
    await create_coupon(operator, promos["BRGLANE"][0], COUPON)


async def _promotions(operator: Scope, shop: Brand) -> None:
    begin = operator.now()
    for title, description, coupon, first, last in _PROMOTIONS:
        new = NewPromotion(
            shop.id,
            title,
            description,
            f"{shop.main_url}{title.lower().replace(' ', '-').replace('%', '')}",
            begin + timedelta(days=first),
            begin + timedelta(days=last),
            coupon,
        )
        await create_promotion(operator, new)
