"""Lists of campaigns and promos: what filters find, and the orders by recent numbers (A01)."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.campaigns.commands import NewCampaign, create_campaign
from app.domain.campaigns.reads import (
    CampaignFilter,
    CampaignOrder,
    PromoFilter,
    PromoOrder,
    campaigns,
    promos,
)
from app.domain.events import place_recordings
from app.domain.paging import Listing, PageRequest, fetch_page, key_of
from app.domain.rollups.fold import fold
from app.domain.rollups.tables import DAILY
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Banner, Campaign, CommissionPlan, Landing, Promo, TrafficSource
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import World, make_promo, make_visits, make_world, partner_scope
from tests.schema.statements import statements


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
def scope(world: World, clock: ManualClock) -> Scope:
    return partner_scope(world.partner, clock)


async def _ids(listing: Listing[Any]) -> list[int]:
    return [row.id for row in await listing.rows.order_by("id")]


async def _other(world: World, scope: Scope) -> Campaign:
    """A campaign that differs from the world's in everything a filter asks for."""
    plan = await CommissionPlan.create(
        brand=world.brand, name="Other", is_default=True, created_at=NOW
    )
    later = scope.at_offset(timedelta(hours=1))
    return await create_campaign(later, NewCampaign("50%_off", plan_id=plan.id))


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("50%_off", True),
        ("%_", True),
        ("0%_O", True),
        ("%", True),
        ("50_", False),
        ("5%f", False),
        ("_", True),
        ("\\", False),
    ],
)
async def test_a01_names_are_found_by_a_part_in_any_case_and_wildcards_mean_themselves(
    world: World, scope: Scope, part: str, found: bool
) -> None:
    other = await _other(world, scope)
    listed = await _ids(await campaigns(scope, CampaignFilter(name_contains=part)))
    assert listed == ([other.id] if found else [])


async def test_a01_each_filter_of_campaigns_finds_its_campaign_and_no_other(
    world: World, scope: Scope
) -> None:
    other = await _other(world, scope)
    source = await TrafficSource.create(name="SEO", created_at=NOW)
    await Promo.filter(id=world.promo.id).update(traffic_source_id=source.id)
    await Campaign.filter(id=other.id).update(state="archived")
    mine, theirs = [world.campaign.id], [other.id]
    cases: list[tuple[CampaignFilter, list[int]]] = [
        (CampaignFilter(state="archived"), theirs),
        (CampaignFilter(state="active"), mine),
        (CampaignFilter(brand_id=world.brand.id), mine + theirs),
        (CampaignFilter(brand_id=4_711), []),
        (CampaignFilter(name_contains="OFF"), theirs),
        (CampaignFilter(campaign_id=other.id), theirs),
        (CampaignFilter(plan_id=other.plan_id), theirs),
        (CampaignFilter(promo_code=world.promo.code), mine),
        (CampaignFilter(promo_code=f" {world.promo.code.upper()} "), mine),
        (CampaignFilter(promo_code="nothing"), []),
        (CampaignFilter(traffic_source_id=source.id), mine),
        (CampaignFilter(created_since=NOW + timedelta(hours=1)), theirs),
        (CampaignFilter(created_until=NOW + timedelta(hours=1)), mine),
        (CampaignFilter(plan_id=other.plan_id, state="active"), []),
    ]
    for chosen, expected in cases:
        assert await _ids(await campaigns(scope, chosen)) == expected, chosen
    asked = {name for chosen, _ in cases for name in _set_fields(chosen)}
    assert asked == {field.name for field in fields(CampaignFilter)}


async def test_a01_each_filter_of_promos_finds_its_promo_and_no_other(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    source = await TrafficSource.create(name="SEO", created_at=NOW)
    landing = await Landing.create(brand=world.brand, title="B", url="https://b/", created_at=NOW)
    banner = await Banner.create(
        code="banner",
        brand=world.brand,
        title="B",
        format="png",
        width=1,
        height=1,
        size=1,
        sha256="0" * 64,
        storage_key="b",
        created_at=NOW,
    )
    other = await Promo.create(
        campaign=await Campaign.create(
            partner=world.partner,
            brand=world.brand,
            plan_id=world.campaign.plan_id,
            name="B",
            state="archived",
            created_at=NOW,
        ),
        partner=world.partner,
        brand=world.brand,
        landing=landing,
        traffic_source=source,
        banner=banner,
        code="other",
        title="100%",
        created_at=NOW,
    )
    theirs = [other.id]
    cases: list[tuple[PromoFilter, list[int]]] = [
        (PromoFilter(campaign_id=other.campaign_id), theirs),
        (PromoFilter(code="other"), theirs),
        (PromoFilter(code="Other."), theirs),
        (PromoFilter(brand_id=world.brand.id), [world.promo.id, other.id]),
        (PromoFilter(title_contains="0%"), theirs),
        (PromoFilter(title_contains="PRO"), [world.promo.id]),
        (PromoFilter(traffic_source_id=source.id), theirs),
        (PromoFilter(landing_id=landing.id), theirs),
        (PromoFilter(banner_id=banner.id), theirs),
        (PromoFilter(campaign_state="archived"), theirs),
        (PromoFilter(campaign_state="active"), [world.promo.id]),
    ]
    for chosen, expected in cases:
        assert await _ids(await promos(scope, chosen)) == expected, chosen
    asked = {name for chosen, _ in cases for name in _set_fields(chosen)}
    assert asked == {field.name for field in fields(PromoFilter)}


def _set_fields(chosen: CampaignFilter | PromoFilter) -> list[str]:
    return [f.name for f in fields(chosen) if getattr(chosen, f.name) is not None]


# The orders by recent numbers


async def _fold(system: Scope) -> None:
    while await place_recordings(system):
        continue
    while await fold(system, DAILY):
        continue


async def _busy(world: World, clock: ManualClock, counts: list[int]) -> list[tuple[int, int]]:
    """(campaign, promo) ids with so many visits each."""
    made = []
    for count in counts:
        campaign, promo = await make_promo(world.partner, world.brand, clock)
        if count:
            await make_visits(promo, clock, count)
        made.append((campaign.id, promo.id))
    return made


async def test_a01_campaigns_and_promos_are_ordered_by_visits_of_the_last_30_business_days(
    world: World, scope: Scope, clock: ManualClock, system: Scope
) -> None:
    made = await _busy(world, clock, [2, 0, 5])
    await _fold(system)
    cases: tuple[tuple[Listing[Any], Any, int, Any], ...] = (
        (await campaigns(scope, CampaignFilter()), CampaignOrder.MOST_VISITS, 0, world.campaign),
        (await promos(scope, PromoFilter()), PromoOrder.MOST_VISITS, 1, world.promo),
    )
    for listing, order, place, own in cases:
        page = await fetch_page(listing.rows, listing.orderings[order], PageRequest(10))
        two, none, five = (ids[place] for ids in made)
        assert [row.id for row in page.rows] == [five, two, own.id, none]


async def test_a01_a_visit_counts_for_30_business_days_of_its_brand(
    world: World, clock: ManualClock, system: Scope
) -> None:
    # 23:30 on 10 March in Bucharest: the day that the visit falls on.
    await make_visits(world.promo, ManualClock(NOW + timedelta(hours=9, minutes=30)), 3)
    await _fold(system)
    # Summer time has begun meanwhile: 9 April starts in Bucharest at 21:00 UTC.
    midnight = datetime(2026, 4, 8, 21, 0, tzinfo=UTC)
    for moment, expected in ((midnight - timedelta(seconds=1), 4), (midnight, 0)):
        then = partner_scope(world.partner, ManualClock(moment))
        listing = await campaigns(then, CampaignFilter())
        ordering = listing.orderings[CampaignOrder.MOST_VISITS]
        (row,) = (await fetch_page(listing.rows, ordering, PageRequest(1))).rows
        assert key_of(row, ordering) == (expected, row.id), moment


async def test_g21_a_page_by_a_computed_value_goes_on_where_it_stood_though_values_change(
    world: World, scope: Scope, clock: ManualClock, system: Scope
) -> None:
    made = await _busy(world, clock, [3, 3, 7, 0])
    await _fold(system)
    listing = await campaigns(scope, CampaignFilter())
    ordering = listing.orderings[CampaignOrder.MOST_VISITS]
    seen: list[int] = []
    key: tuple[Any, ...] | None = None
    while True:
        page = await fetch_page(listing.rows, ordering, PageRequest(2, key=key))
        seen += [row.id for row in page.rows]
        if not page.has_next:
            break
        key = key_of(page.rows[-1], ordering)
        # The last one of all becomes the busiest: it was met by nobody and is not met twice.
        await make_visits(await Promo.get(id=made[3][1]), clock, 50)
        await _fold(system)
    three, equal, seven, _ = (ids[0] for ids in made)
    assert seen == [seven, equal, three, world.campaign.id]


async def test_g21_a_page_by_a_computed_value_reads_the_same_both_ways(
    world: World, scope: Scope, clock: ManualClock, system: Scope
) -> None:
    await _busy(world, clock, [3, 3, 7, 0, 3])
    await _fold(system)
    listing = await campaigns(scope, CampaignFilter())
    ordering = listing.orderings[CampaignOrder.MOST_VISITS]
    whole = (await fetch_page(listing.rows, ordering, PageRequest(50))).rows
    for place, row in enumerate(whole):
        request = PageRequest(2, backward=True, key=key_of(row, ordering))
        before = await fetch_page(listing.rows, ordering, request)
        assert [item.id for item in before.rows] == [
            item.id for item in whole[max(0, place - 2) : place]
        ]


async def test_a01_each_page_by_recent_numbers_reads_the_rollup_once(
    world: World, scope: Scope, clock: ManualClock, system: Scope
) -> None:
    await _busy(world, clock, [3, 1, 2])
    await _fold(system)
    listing = await promos(scope, PromoFilter())
    ordering = listing.orderings[PromoOrder.MOST_VISITS]
    key: tuple[Any, ...] | None = None
    for _ in range(2):
        async with statements() as sent:
            page = await fetch_page(listing.rows, ordering, PageRequest(2, key=key))
        assert sum(each.count("daily_rollups") for each in sent) == 1
        assert f"r.partner_id = {world.partner.id}" in sent[0]
        key = key_of(page.rows[-1], ordering)


async def test_a01_registrations_order_campaigns_too(
    world: World, scope: Scope, clock: ManualClock
) -> None:
    listing = await campaigns(scope, CampaignFilter())
    ordering = listing.orderings[CampaignOrder.MOST_REGISTRATIONS]
    (row,) = (await fetch_page(listing.rows, ordering, PageRequest(5))).rows
    assert key_of(row, ordering) == (0, world.campaign.id)
