"""Landings, traffic sources, promotions and coupons as operators keep them (O01, M02)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.brands.coupons import CouponFilter, coupons, create_coupon, set_coupon_state
from app.domain.brands.landings import (
    LandingAudience,
    LandingEdit,
    NewLanding,
    create_landing,
    edit_landing,
    set_landing_state,
    sort_landings,
)
from app.domain.brands.offers import LandingFilter, landings, traffic_sources
from app.domain.brands.promotions import (
    NewPromotion,
    PromotionEdit,
    PromotionFilter,
    create_promotion,
    edit_promotion,
    promotions,
    set_promotion_state,
    sort_promotions,
)
from app.domain.brands.traffic_sources import (
    PolicyFilter,
    TrafficSourcePolicy,
    create_traffic_source,
    policies,
    rename_traffic_source,
    require_traffic_source,
    set_policy,
    set_traffic_source_state,
    sort_traffic_sources,
)
from app.domain.campaigns.commands import NewPromo, create_promo
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Coupon, Landing, Promotion, TrafficSource
from app.settings import Settings
from tests.factories import (
    World,
    make_brand,
    make_partner,
    make_promo,
    make_world,
    partner_scope,
    staff_scope,
)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A brand, a partner, a campaign with a promo."""
    return await make_world(clock)


@pytest.fixture
def content(world: World, clock: ManualClock) -> Scope:
    """The scope of somebody who keeps the material."""
    return staff_scope(clock, StaffRole.CONTENT)


@pytest.fixture
def owner(world: World, clock: ManualClock) -> Scope:
    """The scope of an owner of the programme."""
    return staff_scope(clock)


async def _types() -> list[str]:
    return [row["type"] for row in await fetch("SELECT type FROM events ORDER BY id")]


def _promotion(world: World, **fields: Any) -> NewPromotion:
    now = world.clock.now()
    new = NewPromotion(
        world.brand.id,
        "A tenth off",
        "All shoes.\nThis week only.",
        "https://shop.example/sale",
        now,
        now + timedelta(days=7),
    )
    return replace(new, **fields)


async def test_o01_a_landing_is_offered_edited_and_taken_away(
    world: World, content: Scope, clock: ManualClock
) -> None:
    new = NewLanding(
        world.brand.id, " Live ", "https://shop.example/live", countries=("ro",), language="EN"
    )
    landing = await create_landing(content, new)
    edited = await edit_landing(
        content,
        landing.id,
        LandingEdit(audience=LandingAudience.SUB_AFFILIATES, countries=(), language=""),
    )
    disabled = await set_landing_state(content, landing.id, enabled=False)

    assert (landing.title, landing.countries, landing.language) == ("Live", ["RO"], "en")
    assert (edited.title, edited.audience, edited.countries, edited.language) == (
        "Live",
        "sub_affiliates",
        [],
        None,
    )
    assert disabled.state == "disabled"
    partner = partner_scope(world.partner, clock)
    offered = await (await landings(partner, LandingFilter(world.brand.id))).rows
    assert landing.id not in {row.id for row in offered}
    assert (await _types())[-3:] == ["landing.created", "landing.edited", "landing.disabled"]
    with pytest.raises(Conflict):
        await set_landing_state(content, landing.id, enabled=False)


async def test_o01_landings_are_found_by_the_country_they_are_meant_for(
    world: World, content: Scope
) -> None:
    everywhere = await Landing.get(brand_id=world.brand.id)
    made = {}
    for code in ("RO", "DE"):
        new = NewLanding(world.brand.id, code, "https://shop.example/", countries=(code,))
        made[code] = (await create_landing(content, new)).id

    found = await (await landings(content, LandingFilter(country="RO"))).rows

    assert {row.id for row in found} == {everywhere.id, made["RO"]}


async def test_o01_landings_are_sorted_within_their_brand(
    world: World, content: Scope, clock: ManualClock
) -> None:
    first = await Landing.get(brand_id=world.brand.id)
    second = await create_landing(
        content, NewLanding(world.brand.id, "Second", "https://shop.example/")
    )
    foreign = await Landing.get(brand_id=(await make_brand(clock)).id)

    await sort_landings(content, world.brand.id, [second.id, first.id])

    rows = await Landing.filter(brand_id=world.brand.id).order_by("sort_order")
    assert [row.id for row in rows] == [second.id, first.id]
    with pytest.raises(NotFound):
        await sort_landings(content, world.brand.id, [foreign.id])


async def test_o01_a_traffic_source_has_one_name_in_the_programme(
    owner: Scope, content: Scope
) -> None:
    source = await create_traffic_source(owner, " SEO ")
    other = await create_traffic_source(owner, "E-mail")

    with pytest.raises(Conflict, match="a traffic source SEO already"):
        await create_traffic_source(owner, "SEO")
    with pytest.raises(Conflict):
        await rename_traffic_source(owner, other.id, "SEO")
    renamed = await rename_traffic_source(owner, source.id, "Search")

    assert renamed.name == "Search"
    with pytest.raises(Forbidden):
        await create_traffic_source(content, "Fax")


async def test_o01_a_disabled_traffic_source_is_offered_no_longer(
    world: World, owner: Scope, clock: ManualClock
) -> None:
    source = await create_traffic_source(owner, "SEO")
    await set_traffic_source_state(owner, source.id, enabled=False)

    partner = partner_scope(world.partner, clock)
    assert await (await traffic_sources(partner)).rows == []
    assert [row.id for row in await (await traffic_sources(owner)).rows] == [source.id]
    await set_traffic_source_state(owner, source.id, enabled=True)
    assert len(await (await traffic_sources(partner)).rows) == 1


async def test_o01_traffic_sources_are_sorted(owner: Scope) -> None:
    made = [(await create_traffic_source(owner, name)).id for name in ("A", "B", "C")]

    await sort_traffic_sources(owner, [made[2]])

    rows = await TrafficSource.all().order_by("sort_order")
    assert [row.id for row in rows] == [made[2], made[0], made[1]]


async def test_o01_a_policy_is_changed_by_the_advertiser_and_told_to_partners(
    world: World, owner: Scope, clock: ManualClock
) -> None:
    source = await create_traffic_source(owner, "SEO")
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({world.brand.id}))
    partner = partner_scope(world.partner, clock)

    await set_policy(advertiser, world.brand.id, source.id, TrafficSourcePolicy.NO)

    with pytest.raises(Conflict):
        await require_traffic_source(partner, world.brand.id, source.id)
    with pytest.raises(Conflict):
        await create_promo(partner, NewPromo(world.campaign.id, "P", None, source.id))
    told = await (await policies(partner, PolicyFilter(world.brand.id))).rows
    assert [row.policy for row in told] == ["no"]
    await set_policy(advertiser, world.brand.id, source.id, TrafficSourcePolicy.MAYBE)
    await require_traffic_source(partner, world.brand.id, source.id)
    assert (await _types()).count("brand.traffic_source_policy_set") == 2


async def test_o01_partners_see_promotions_that_are_active_and_not_over(
    world: World, content: Scope, clock: ManualClock
) -> None:
    shown = await create_promotion(content, _promotion(world, coupon="TENTH"))
    hidden = await create_promotion(content, _promotion(world))
    await set_promotion_state(content, hidden.id, enabled=False)
    partner = partner_scope(world.partner, clock)
    stranger = partner_scope(await make_partner(clock), clock)

    seen = await (await promotions(partner, PromotionFilter())).rows
    assert [(row.id, row.coupon) for row in seen] == [(shown.id, "TENTH")]
    assert await (await promotions(stranger, PromotionFilter())).rows == []
    clock.advance(timedelta(days=7))
    assert await (await promotions(partner, PromotionFilter())).rows == []
    assert len(await (await promotions(content, PromotionFilter())).rows) == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"description": " "}, "description"),
        ({"description": "x" * 4_001}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"coupon": "x" * 65}, "coupon"),
    ],
)
async def test_o01_a_bad_promotion_is_refused_with_its_field(
    world: World, content: Scope, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await create_promotion(content, _promotion(world, **fields))

    assert refused.value.field == (field,)


async def test_o01_a_promotion_ends_after_it_starts_whatever_is_edited(
    world: World, content: Scope, clock: ManualClock
) -> None:
    promotion = await create_promotion(content, _promotion(world, coupon="TENTH"))

    with pytest.raises(Invalid) as refused:
        await edit_promotion(
            content, promotion.id, PromotionEdit(starts_at=clock.now() + timedelta(days=7))
        )
    edited = await edit_promotion(content, promotion.id, PromotionEdit(title="New", coupon=""))

    assert refused.value.field == ("endsAt",)
    assert (edited.title, edited.coupon) == ("New", None)


async def test_o01_promotions_are_sorted_within_their_brand(world: World, content: Scope) -> None:
    made = [(await create_promotion(content, _promotion(world))).id for _ in range(3)]

    await sort_promotions(content, world.brand.id, [made[2], made[0]])

    rows = await Promotion.all().order_by("sort_order")
    assert [row.id for row in rows] == [made[2], made[0], made[1]]


async def test_m02_a_code_is_bound_once_per_brand_whatever_its_case(
    world: World, owner: Scope, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    partner = await make_partner(clock, other)
    _, elsewhere = await make_promo(partner, other, clock)
    await create_coupon(owner, world.promo.id, "Review10")

    with pytest.raises(Conflict, match="whatever its case"):
        await create_coupon(owner, world.promo.id, "REVIEW10")
    coupon = await create_coupon(owner, elsewhere.id, "REVIEW10")

    assert coupon.brand_id == other.id


async def test_m02_two_who_bind_a_code_at_the_same_time_bind_it_once(
    world: World, owner: Scope
) -> None:
    tried = [create_coupon(owner, world.promo.id, code) for code in ("ten", "TEN", "Ten", "tEN")]

    results = await asyncio.gather(*tried, return_exceptions=True)

    assert sum(isinstance(result, Coupon) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3


async def test_m02_a_disabled_code_is_free_again_until_somebody_takes_it(
    world: World, owner: Scope
) -> None:
    first = await create_coupon(owner, world.promo.id, "TEN")
    await set_coupon_state(owner, first.id, enabled=False)
    await create_coupon(owner, world.promo.id, "ten")

    with pytest.raises(Conflict, match="whatever its case"):
        await set_coupon_state(owner, first.id, enabled=True)
    assert (await _types())[-3:] == ["coupon.created", "coupon.disabled", "coupon.created"]


@pytest.mark.parametrize("bad", ["", "TEN OFF", "x" * 65, "a\x00"])
async def test_m02_a_bad_code_is_refused(world: World, owner: Scope, bad: str) -> None:
    with pytest.raises(Invalid):
        await create_coupon(owner, world.promo.id, bad)


async def test_m02_coupons_belong_to_the_promos_partner(
    world: World, owner: Scope, clock: ManualClock
) -> None:
    coupon = await create_coupon(owner, world.promo.id, "TEN")
    stranger = partner_scope(await make_partner(clock, world.brand), clock)
    partner = partner_scope(world.partner, clock)

    found = await (await coupons(partner, CouponFilter(code="ten"))).rows

    assert [row.id for row in found] == [coupon.id]
    assert await (await coupons(stranger, CouponFilter())).rows == []
    with pytest.raises(Forbidden):
        await create_coupon(partner, world.promo.id, "MINE")
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({world.brand.id + 1}))
    with pytest.raises(NotFound):
        await create_coupon(advertiser, world.promo.id, "MINE")
    with pytest.raises(NotFound):
        await set_coupon_state(advertiser, coupon.id, enabled=False)
