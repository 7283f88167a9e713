"""Attribution by stag, coupon and last click, with what lost (M01, M02)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.attribution.decide import Attribution, Claim, Refusal, Rule, attribute
from app.domain.intake import Stag
from app.infra.clock import ManualClock
from app.infra.database import transaction
from app.models import Affiliation, Brand, Campaign, Coupon, Partner, Promo
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import World, make_coupon, make_partner, make_promo, make_visits, make_world

VISITOR = 4711
LATER = NOW + timedelta(hours=2)


async def rival_of(world: World, clock: ManualClock) -> Promo:
    """A promo of another partner for the same brand."""
    partner = await make_partner(clock, world.brand)
    return (await make_promo(partner, world.brand, clock))[1]


async def decide(
    world: World, tag: Stag | None, coupon: str | None = None, **options: Any
) -> Attribution | Refusal:
    brand = await Brand.get(id=world.brand.id)
    values = {"at": LATER, "needs_open": True, **options}
    claim = Claim(tag, coupon, values["at"])
    async with transaction() as tx:
        return (await attribute(tx, brand, [claim], needs_open=values["needs_open"]))[0]


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def click(promo: Promo, clock: ManualClock, **columns: Any) -> Stag:
    """A click of the visitor on the promo."""
    (visit_id,) = await make_visits(promo, clock, **{"visitor_id": VISITOR, **columns})
    return Stag(promo.id, visit_id)


async def test_the_stag_decides_before_a_coupon_which_is_told_as_a_loser_m02(
    world: World, clock: ManualClock
) -> None:
    rival = await rival_of(world, clock)
    await make_coupon(rival, clock)
    tag = await click(world.promo, clock)

    decision = await decide(world, tag, "SPRING")

    assert isinstance(decision, Attribution)
    assert (decision.rule, decision.promo_id) == (Rule.STAG, world.promo.id)
    assert decision.losing_candidates == [
        {"rule": "coupon", "promo_id": rival.id, "visit_id": None}
    ]


async def test_a_brand_may_put_the_coupon_first_m02(world: World, clock: ManualClock) -> None:
    rival = await rival_of(world, clock)
    await make_coupon(rival, clock)
    await Brand.filter(id=world.brand.id).update(coupon_first=True)
    tag = await click(world.promo, clock)

    decision = await decide(world, tag, "spring")

    assert isinstance(decision, Attribution)
    assert (decision.rule, decision.promo_id, decision.visit_id) == (Rule.COUPON, rival.id, None)
    assert decision.losing_candidates == [
        {"rule": "stag", "promo_id": world.promo.id, "visit_id": tag.visit_id}
    ]


async def test_a_later_click_wins_only_where_the_brand_wants_it_m01(
    world: World, clock: ManualClock
) -> None:
    rival = await rival_of(world, clock)
    tag = await click(world.promo, clock)
    clock.advance(timedelta(hours=1))
    later = await click(rival, clock)

    explicit = await decide(world, tag)
    await Brand.filter(id=world.brand.id).update(server_last_click=True)
    by_server = await decide(world, tag)

    assert isinstance(explicit, Attribution)
    assert (explicit.rule, explicit.promo_id) == (Rule.STAG, world.promo.id)
    assert [(each.rule, each.visit_id) for each in explicit.losing] == [
        (Rule.CLICK, later.visit_id)
    ]
    assert isinstance(by_server, Attribution)
    assert (by_server.rule, by_server.visit_id) == (Rule.LAST_CLICK, later.visit_id)
    assert [(each.rule, each.visit_id) for each in by_server.losing] == [(Rule.STAG, tag.visit_id)]


@pytest.mark.parametrize(
    "columns",
    [
        {"visitor_id": 1},
        {"visitor_id": None},
        {"uncounted_reason": "bot"},
        {"attributable_until": NOW},
        {"occurred_at": LATER + timedelta(seconds=1)},
    ],
    ids=["another visitor", "no cookie", "bot", "window over", "after the registration"],
)
async def test_a_later_click_must_be_eligible_m01(
    world: World, clock: ManualClock, columns: dict[str, Any]
) -> None:
    await Brand.filter(id=world.brand.id).update(server_last_click=True)
    rival = await rival_of(world, clock)
    tag = await click(world.promo, clock)
    await click(rival, clock, **columns)

    decision = await decide(world, tag)

    assert isinstance(decision, Attribution)
    assert (decision.rule, decision.losing) == (Rule.STAG, ())


async def test_a_click_on_another_brand_is_no_touch_of_this_one(
    world: World, clock: ManualClock
) -> None:
    other = await make_world(clock)
    tag = await click(world.promo, clock)
    await click(other.promo, clock)

    decision = await decide(world, tag)

    assert isinstance(decision, Attribution)
    assert decision.losing == ()


async def test_a_stopped_rival_wins_no_new_player_m1d(world: World, clock: ManualClock) -> None:
    await Brand.filter(id=world.brand.id).update(server_last_click=True)
    rival = await rival_of(world, clock)
    tag = await click(world.promo, clock)
    await click(rival, clock)
    await Affiliation.filter(partner_id=rival.partner_id).update(state="suspended")

    decision = await decide(world, tag)

    assert isinstance(decision, Attribution)
    assert decision.promo_id == world.promo.id


@pytest.mark.parametrize(
    ("model", "state"),
    [
        (Partner, "blocked"),
        (Affiliation, "suspended"),
        (Affiliation, "deleted"),
        (Brand, "disabled"),
        (Campaign, "disabled"),
        (Campaign, "archived"),
    ],
)
async def test_a_visit_from_before_a_state_stopped_the_link_brings_no_new_player_m1d(
    world: World, clock: ManualClock, model: Any, state: str
) -> None:
    tag = await click(world.promo, clock)
    await model.all().update(state=state)

    decision = await decide(world, tag)

    if state == "archived":
        assert isinstance(decision, Attribution)
    else:
        assert isinstance(decision, Refusal)
        assert decision.error == "not_attributable"


@pytest.mark.parametrize(
    ("tag", "coupon", "error"),
    [
        (None, None, "no_tag"),
        (None, "NOSUCH", "unknown_coupon"),
        (Stag(1, 1), None, "unknown_tag"),
        (Stag(1, 1), "SPRING", "unknown_tag"),
    ],
)
async def test_what_names_nobody_is_refused_with_the_reason(
    world: World, tag: Stag | None, coupon: str | None, error: str
) -> None:
    await make_coupon(world.promo, world.clock)

    decision = await decide(world, tag, coupon)

    assert isinstance(decision, Refusal)
    assert decision.error == error


async def test_after_the_window_the_coupon_still_counts_m02(
    world: World, clock: ManualClock
) -> None:
    await make_coupon(world.promo, world.clock)
    tag = await click(world.promo, clock, attributable_until=NOW)

    alone = await decide(world, tag)
    with_coupon = await decide(world, tag, "SPRING")

    assert isinstance(alone, Refusal)
    assert alone.error == "window_ended"
    assert isinstance(with_coupon, Attribution)
    assert with_coupon.rule is Rule.COUPON


async def test_a_disabled_coupon_or_one_of_another_brand_counts_for_nobody(
    world: World, clock: ManualClock
) -> None:
    other = await make_world(clock)
    await make_coupon(other.promo, clock, "OTHER")
    await make_coupon(world.promo, clock, "OLD")
    await Coupon.filter(code="OLD").update(state="disabled")

    for code in ("OTHER", "OLD"):
        decision = await decide(world, None, code)
        assert isinstance(decision, Refusal)
        assert decision.error == "unknown_coupon"


async def test_a_repeated_click_of_the_same_partner_renews_the_window_m01(
    world: World, clock: ManualClock
) -> None:
    """Each click has its own window: the stag of the later one counts for longer."""
    first = await click(world.promo, clock)
    clock.advance(timedelta(days=20))
    second = await click(world.promo, clock)
    at = NOW + timedelta(days=40)

    assert isinstance(await decide(world, first, at=at), Refusal)
    assert isinstance(await decide(world, second, at=at), Attribution)
