"""Operators move players to other promos from a business day on; what was counted before stays (M03)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.brands.metric_sources import ReportSource, set_metric_source
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.players.moves import (
    NewPlayerMove,
    PlayerMoveFilter,
    apply_due_player_moves,
    cancel_player_move,
    move_player,
    player_moves,
)
from app.domain.players.register import register_players
from app.domain.rollups.fold import fold_all
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import (
    Activity,
    Affiliation,
    Campaign,
    Conversion,
    Event,
    FirstDeposit,
    Player,
    PlayerMove,
    Promo,
    Registration,
)
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.brand_events.sending import ago, event, make_event_world, said, send
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_brand,
    make_partner,
    make_promo,
    make_visits,
    staff_scope,
)

TODAY = date(2026, 3, 10)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A brand that counts events, with the player p1."""
    return await make_event_world(clock, "p1")


@pytest.fixture
async def other(world: World, clock: ManualClock) -> Promo:
    """A promo of another partner of the brand."""
    partner = await make_partner(clock, world.brand)
    return (await make_promo(partner, world.brand, clock))[1]


async def move(
    world: World, promo: Promo, day: date | None = None, reason: str = "The call center brought it"
) -> PlayerMove:
    player = await Player.get(brand_id=world.brand.id, user_id="p1")
    new = NewPlayerMove(player.id, promo.id, reason, day)
    return await move_player(staff_scope(world.clock), new)


async def bets() -> list[tuple[int, int]]:
    """To which promo each bet belongs, by amount."""
    facts = await Activity.filter(superseded_by=None).order_by("casino_total_bets_sum")
    return [(int(fact.casino_total_bets_sum), fact.promo_id) for fact in facts]


async def bet(world: World, amount: int, **fields: Any) -> None:
    (result,) = await send(world, event(world, f"b{amount}", "bet", amount=str(amount), **fields))
    assert said(result) == ["created"]


async def test_what_happens_from_today_on_goes_to_the_new_promo_and_what_was_counted_stays_m03(
    world: World, other: Promo
) -> None:
    await bet(world, 1)

    moved = await move(world, other)
    await bet(world, 2)

    assert (moved.effective_day, moved.applied_at) == (TODAY, NOW)
    assert await bets() == [(1, world.promo.id), (2, other.id)]
    player = await Player.get(user_id="p1")
    assert (player.promo_id, player.partner_id) == (other.id, other.partner_id)
    assert (player.attributed_by, player.visit_id) == ("moved", world.visit_id)
    (fact,) = await Activity.filter(promo_id=other.id)
    campaign = await Campaign.get(id=other.campaign_id)
    assert (fact.partner_id, fact.campaign_id) == (other.partner_id, campaign.id)
    assert fact.plan_id == campaign.plan_id
    assert (await Registration.get()).promo_id == world.promo.id


async def test_what_is_told_late_of_an_earlier_day_belongs_to_the_earlier_promo_m03(
    world: World, other: Promo
) -> None:
    await move(world, other)

    await bet(world, 1, occurred_at=ago(world, days=1))
    await send(world, event(world, "d1", "deposit", amount="5", occurred_at=ago(world, days=2)))
    await bet(world, 3)

    assert (await bets())[1:] == [(1, world.promo.id), (3, other.id)]
    assert (await FirstDeposit.get()).promo_id == world.promo.id


async def test_first_deposits_sales_and_activity_after_the_move_belong_to_the_new_promo_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    await move(world, other)

    await send(
        world,
        event(world, "d1", "deposit", amount="5"),
        event(world, "s1", "sale", amount="9", user_id="p1"),
        event(world, "s2", "sale", amount="9", tag=world.tag),
    )
    start = clock.now() - timedelta(hours=1)
    played = {"user_id": "p1", "casino_bets_count": 1}
    scope = brand_scope(world.brand, clock)
    bounds = (start.isoformat(), clock.now().isoformat())
    await record_activity(scope, world.brand.id, *bounds, [played])

    assert (await FirstDeposit.get()).promo_id == other.id
    sales = {sale.transaction_id: sale.promo_id for sale in await Conversion.all()}
    # A sale with a tag is attributed on its own.
    assert sales == {"s1": other.id, "s2": world.promo.id}
    assert {fact.promo_id for fact in await Activity.all()} == {other.id}
    told = await Event.get(type="player.first_deposited")
    assert (told.partner_id, told.data["promo_id"]) == (other.partner_id, other.id)


async def test_a_correction_moves_no_sale_and_a_refund_follows_its_sale_m03(
    world: World, other: Promo
) -> None:
    await send(world, event(world, "s1", "sale", amount="9", user_id="p1"))
    await move(world, other)

    await send(
        world,
        event(world, "a1", "amend", ref="s1", amount="8"),
        event(world, "r1", "refund", ref="s1", amount="2"),
    )

    facts = await Conversion.filter(superseded_by=None).order_by("kind")
    assert [(each.kind, each.promo_id) for each in facts] == [
        ("refund", world.promo.id),
        ("sale", world.promo.id),
    ]


async def test_a_move_of_a_later_day_waits_for_it_on_the_brands_clock_m03(
    world: World, other: Promo, clock: ManualClock, system: Scope
) -> None:
    moved = await move(world, other, TOMORROW)
    await bet(world, 1)
    assert (moved.applied_at, await apply_due_player_moves(system)) == (None, 0)
    assert (await Player.get(user_id="p1")).promo_id == world.promo.id

    # Midnight in Bucharest.
    clock.at = NOW.replace(hour=21, minute=59)
    assert await apply_due_player_moves(system) == 0
    clock.at = NOW.replace(hour=22)
    await bet(world, 2)
    assert await apply_due_player_moves(system) == 1
    assert await apply_due_player_moves(system) == 0

    # Attribution goes by the day, whether the row has followed or not.
    assert await bets() == [(1, world.promo.id), (2, other.id)]
    assert (await Player.get(user_id="p1")).promo_id == other.id
    types = [row.type for row in await Event.filter(type__startswith="player.move").order_by("id")]
    assert types == ["player.move_planned", "player.moved"]


async def test_a_player_moves_back_with_its_visit_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    await move(world, other)
    clock.advance(timedelta(days=1))
    await move(world, world.promo)
    await bet(world, 1)
    await bet(world, 2, occurred_at=ago(world, days=1))
    await bet(world, 3, occurred_at=ago(world, days=2))

    assert await bets() == [(1, world.promo.id), (2, other.id), (3, world.promo.id)]
    await send(world, event(world, "d1", "deposit", amount="5"))
    told = await Event.get(type="player.deposited")
    assert told.data["visit_id"] == world.visit_id


async def test_of_two_moves_on_one_day_the_later_holds_and_both_are_history_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    _, third = await make_promo(world.partner, world.brand, clock)
    await move(world, other)
    await bet(world, 1)
    await move(world, third)
    await bet(world, 2)
    await bet(world, 3, occurred_at=ago(world, days=1))

    assert await bets() == [(1, other.id), (2, third.id), (3, world.promo.id)]
    listing = await player_moves(staff_scope(clock), PlayerMoveFilter(pending=False))
    rows = await listing.rows.order_by("id")
    assert [(row.from_promo_id, row.to_promo_id) for row in rows] == [
        (world.promo.id, other.id),
        (other.id, third.id),
    ]


async def test_the_brand_may_repeat_the_first_tag_of_a_moved_player_m03(
    world: World, other: Promo
) -> None:
    await move(world, other)
    scope = brand_scope(world.brand, world.clock)
    (foreign,) = await make_visits(other, world.clock)

    results = await register_players(
        scope,
        world.brand.id,
        [
            world.player("p1"),
            world.player("p1", tag=f"{other.id}_0"),
            world.player("p1", tag=f"{other.id}_{foreign}"),
        ],
        box=BOX,
    )

    assert [result.error or result.status.value for result in results] == [
        "unchanged",
        "unchanged",
        "conflict",
    ]
    assert (results[0].promo_id, results[0].stag) == (other.id, f"{other.id}_0")


async def test_what_decided_at_first_is_kept_m03(world: World, other: Promo) -> None:
    await move(world, other)
    await move(world, world.promo)

    (first,) = (await Player.get(user_id="p1")).losing_candidates
    assert first == {"rule": "stag", "promo_id": world.promo.id, "visit_id": world.visit_id}


async def test_rollups_folded_from_facts_agree_after_a_move_m03(
    world: World, other: Promo, system: Scope
) -> None:
    await bet(world, 1)
    await move(world, other)
    await bet(world, 2)
    await fold_all(system)

    facts = await Activity.filter(superseded_by=None, promo_id=other.id)
    assert sum(fact.casino_bets_count for fact in facts) == 1


async def test_an_operator_takes_a_move_back_before_its_day_and_not_after_m03(
    world: World, other: Promo, clock: ManualClock, system: Scope
) -> None:
    operator = staff_scope(clock)
    waiting = await move(world, other, TOMORROW)
    cancelled = await cancel_player_move(operator, waiting.id)
    clock.advance(timedelta(days=1))
    assert await apply_due_player_moves(system) == 0
    await bet(world, 1)
    applied = await move(world, other)

    assert cancelled.cancelled_at == NOW
    assert await bets() == [(1, world.promo.id)]
    for row in (cancelled, applied):
        with pytest.raises(Conflict, match="already"):
            await cancel_player_move(operator, row.id)


async def test_a_second_move_while_one_waits_is_a_conflict_m03(world: World, other: Promo) -> None:
    await move(world, other, TOMORROW)
    with pytest.raises(Conflict, match="cancel it first"):
        await move(world, other)


@pytest.mark.parametrize("days", [-1, 367])
async def test_a_day_that_has_ended_or_is_too_far_is_refused_m03(
    world: World, other: Promo, days: int
) -> None:
    with pytest.raises(Invalid, match="2026-03-10 to 2027-03-11"):
        await move(world, other, TODAY + timedelta(days=days))
    assert await PlayerMove.all().count() == 0


async def test_the_promo_that_the_player_has_and_one_that_is_stopped_are_conflicts_m03(
    world: World, other: Promo
) -> None:
    with pytest.raises(Conflict, match="already"):
        await move(world, world.promo)
    await Affiliation.filter(partner_id=other.partner_id).update(state="suspended")
    with pytest.raises(Conflict, match="stopped"):
        await move(world, other)


async def test_a_promo_of_another_brand_is_refused_m03(world: World, clock: ManualClock) -> None:
    brand = await make_brand(clock)
    partner = await make_partner(clock, brand)
    _, promo = await make_promo(partner, brand, clock)
    with pytest.raises(Invalid, match="another brand"):
        await move(world, promo)


async def test_foreign_players_promos_and_moves_are_not_found_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    player = await Player.get(user_id="p1")
    waiting = await move(world, other, TOMORROW)
    elsewhere = staff_scope(clock, brand_ids=frozenset({4_711}))
    with pytest.raises(NotFound, match="player"):
        await move_player(elsewhere, NewPlayerMove(player.id, other.id, "Why"))
    with pytest.raises(NotFound, match="promo"):
        await move_player(staff_scope(clock), NewPlayerMove(player.id, 4_711, "Why"))
    with pytest.raises(NotFound, match="move"):
        await cancel_player_move(elsewhere, waiting.id)
    assert await (await player_moves(elsewhere, PlayerMoveFilter())).rows.count() == 0


async def test_only_who_manages_partners_campaigns_moves_players_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    player = await Player.get(user_id="p1")
    for role in (StaffRole.SUPPORT, StaffRole.FINANCE, StaffRole.ADVERTISER):
        with pytest.raises(Forbidden):
            await move_player(staff_scope(clock, role), NewPlayerMove(player.id, other.id, "Why"))


async def test_of_operators_that_plan_at_once_exactly_one_succeeds_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    _, third = await make_promo(world.partner, world.brand, clock)
    tries = [move(world, promo, TOMORROW) for promo in (other, third) * 5]

    results = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(each, PlayerMove) for each in results) == 1
    assert sum(isinstance(each, Conflict) for each in results) == 9
    assert await PlayerMove.all().count() == 1


async def test_moves_of_today_at_once_follow_each_other_without_a_gap_m03(
    world: World, other: Promo, clock: ManualClock
) -> None:
    _, third = await make_promo(world.partner, world.brand, clock)
    tries = [move(world, promo) for promo in (other, third) * 3]
    sending = [bet(world, amount) for amount in range(1, 7)]

    results = await asyncio.gather(*tries, *sending, return_exceptions=True)

    assert all(isinstance(each, PlayerMove | Conflict | None) for each in results)
    rows = await PlayerMove.all().order_by("id")
    chain = [row.from_promo_id for row in rows]
    assert chain == [world.promo.id, *(row.to_promo_id for row in rows[:-1])]
    assert (await Player.get(user_id="p1")).promo_id == rows[-1].to_promo_id
    assert {promo_id for _, promo_id in await bets()} <= {world.promo.id, other.id, third.id}
    assert len(await bets()) == 6


async def test_a_due_move_is_applied_once_by_many_schedulers_m03(
    world: World, other: Promo, clock: ManualClock, system: Scope
) -> None:
    await move(world, other, TOMORROW)
    clock.advance(timedelta(days=1))

    applied = await asyncio.gather(*(apply_due_player_moves(system) for _ in range(5)))

    assert sum(applied) == 1
    assert await Event.filter(type="player.moved").count() == 1


@pytest.mark.parametrize("split", [False, True])
async def test_m03_an_event_amended_and_amended_back_moves_the_same_in_one_batch_as_in_two(
    world: World, other: Promo, split: bool
) -> None:
    await send(world, event(world, "b1", "bet", product="casino", amount="1"))
    await move(world, other)

    there = event(world, "a1", "amend", ref="b1", amount="2")
    back = event(world, "a2", "amend", ref="b1", amount="1")
    for batch in ([there], [back]) if split else ([there, back],):
        assert set(said(*await send(world, *batch))) == {"created"}

    assert await bets() == [(1, other.id)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_m03_a_first_deposit_belongs_to_whom_it_did_when_it_was_told_in_any_order(
    world: World, other: Promo, order: tuple[int, int]
) -> None:
    at = ago(world, hours=1)
    await send(world, event(world, "d5", "deposit", amount="1", occurred_at=at))
    await move(world, other)

    # Both are of the same moment; the one with the smaller id is the first, and says what the earlier one said.
    told = [
        event(world, name, "deposit", amount=amount, occurred_at=at)
        for name, amount in (("d3", "2"), ("d1", "1"))
    ]
    for place in order:
        await send(world, told[place])

    first = await FirstDeposit.get(superseded_by=None)
    assert (first.first_deposit_sum, first.promo_id) == (1, other.id)


async def test_m03_a_first_deposit_whose_report_comes_again_numbered_moves_with_its_numbers(
    world: World, other: Promo, clock: ManualClock
) -> None:
    await set_metric_source(
        staff_scope(clock), world.brand.id, (), ReportSource.ACTIVITY, date(2020, 1, 1)
    )
    start = NOW.replace(hour=9, minute=0, second=0, microsecond=0)
    bounds = (start.isoformat(), (start + timedelta(hours=1)).isoformat())
    item = {"user_id": "p1", "deposits_count": 1, "deposits_sum": "5"}
    item |= {"first_deposit_at": bounds[0], "first_deposit_sum": "5"}
    scope = brand_scope(world.brand, clock)

    await record_activity(scope, world.brand.id, *bounds, [item | {"revision": 1}])
    await move(world, other)
    before = await FirstDeposit.get(superseded_by=None)
    await record_activity(scope, world.brand.id, *bounds, [item | {"revision": 2}])

    assert before.promo_id == world.promo.id
    assert (await FirstDeposit.get(superseded_by=None)).promo_id == other.id
    assert (await Activity.get(superseded_by=None)).promo_id == other.id
