"""X03: every change to past figures is told, with before, after, who and why."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.activity.read import parse_interval
from app.domain.activity.record import record_activity, take_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.brands.metric_sources import ReportSource, set_metric_source
from app.domain.changes.derive import derive_changes
from app.domain.changes.reads import FigureChangeFilter, FigureChangeOrder, figure_changes
from app.domain.errors import Invalid
from app.domain.events import lock_reader, move_reader, place_recordings
from app.domain.held.waiting import Door, Holder
from app.domain.paging import PageRequest, fetch_page, key_of
from app.domain.players.register import register_players
from app.domain.reports.run import run_report
from app.domain.reports.specification import ReportSpecification
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch, transaction
from app.models import FigureChange
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    BOX,
    World,
    brand_scope,
    day_interval,
    make_partner,
    make_world,
    partner_scope,
    staff_scope,
)

# Yesterday began 38 hours before NOW in Bucharest.
YESTERDAY, TODAY = NOW - timedelta(hours=38), NOW - timedelta(hours=14)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    made = await make_world(clock)
    scope = brand_scope(made.brand, clock)
    await register_players(scope, made.brand.id, [made.player("p1")], box=BOX)
    return made


async def play(world: World, start: Any = YESTERDAY, **metrics: Any) -> None:
    day = day_interval(start)
    scope = brand_scope(world.brand, world.clock)
    item = {"user_id": "p1", **metrics}
    (result,) = await record_activity(scope, world.brand.id, day["from"], day["to"], [item])
    assert result.error is None


async def choose_events(world: World) -> None:
    """From tomorrow on the brand's events count."""
    tomorrow = NOW.date() + timedelta(days=1)
    chosen = (staff_scope(world.clock), world.brand.id, (), ReportSource.EVENTS, tomorrow)
    await set_metric_source(*chosen)


async def told(system: Scope) -> list[FigureChange]:
    while await place_recordings(system):
        pass
    while await derive_changes(system):
        pass
    return await FigureChange.all().order_by("position", "n")


async def test_x03_a_revised_past_day_is_told_with_before_after_who_and_why(
    world: World, system: Scope
) -> None:
    await play(world, deposits_sum="10.00", deposits_count=1)
    assert await told(system) == []

    await play(world, deposits_sum="4.00", deposits_count=1)

    (change,) = await told(system)
    assert change.figures == {"deposits_sum": ["10", "4"]}
    assert (change.kind, change.fact) == ("corrected", "activities")
    assert change.business_day == YESTERDAY.date() + timedelta(days=1)
    assert (change.promo_id, change.partner_id) == (world.promo.id, world.partner.id)
    assert (change.player_id, change.currency) == (1, "EUR")
    assert change.reason == "revised by the brand"
    assert (change.actor_type, change.actor_id) == ("brand", world.brand.id)
    assert change.request_id == "test-request"


async def test_x03_what_held_for_no_moment_is_not_told(world: World, system: Scope) -> None:
    """Held revisions of one interval are taken in together: the last of them is what there was from then on."""
    await play(world, deposits_sum="10.00")
    scope = brand_scope(world.brand, world.clock)
    day = day_interval(YESTERDAY)
    interval = parse_interval(scope, world.brand, day["from"], day["to"])
    assert await told(system) == []

    async with transaction() as tx:
        for amount in ("30.00", "20.00"):
            item = {"user_id": "p1", "deposits_sum": amount}
            holder = Holder(Door.ACTIVITY)
            await take_activity(scope, tx, world.brand, interval, [item], holder=holder)

    (change,) = await told(system)
    assert change.figures == {"deposits_sum": ["10", "20"]}


async def test_x03_a_first_deposit_that_moves_changes_both_days(
    world: World, system: Scope
) -> None:
    for hours, amount in ((30, "10.00"), (60, "7.00")):
        at = (NOW - timedelta(hours=hours)).isoformat()
        await play(world, first_deposit_at=at, first_deposit_sum=amount)

    changes = [each for each in await told(system) if each.fact == "first_deposits"]

    assert [(each.business_day.day, each.figures) for each in changes] == [
        (8, {"first_deposits_count": ["0", "1"], "first_deposits_sum": ["0", "7"]}),
        (9, {"first_deposits_count": ["1", "0"], "first_deposits_sum": ["10", "0"]}),
    ]
    assert {each.kind for each in changes} == {"corrected"}
    assert [each.n for each in changes] == [1, 2]
    assert {each.request_id for each in changes} == {"test-request"}


async def test_x03_whoever_tells_of_a_day_long_past_is_named_with_the_request(
    world: World, system: Scope, clock: ManualClock
) -> None:
    """By activity and by events, also of what is no event for partners: bets."""
    await play(world, casino_bets_count=1)
    await choose_events(world)
    assert await told(system) == []
    clock.advance(timedelta(days=9))
    await play(world, NOW - timedelta(hours=62), casino_bets_count=2)
    bet = {"id": "b1", "type": "bet", "user_id": "p1", "amount": "3.00"}
    scope = brand_scope(world.brand, clock)
    at = (clock.now() - timedelta(days=5)).isoformat()
    (result,) = await record_brand_events(scope, world.brand.id, [bet | {"occurred_at": at}])
    assert result.counted

    changes = await told(system)

    assert [each.kind for each in changes] == ["added_late", "added_late"]
    assert [(each.actor_type, each.request_id) for each in changes] == [
        ("brand", "test-request")
    ] * 2


async def test_decision_2_a_running_total_of_an_open_day_is_told_only_when_it_shrinks(
    world: World, system: Scope
) -> None:
    for amount in ("1.00", "2.00", "5.00"):
        await play(world, TODAY, deposits_sum=amount)
    assert await told(system) == []

    await play(world, TODAY, deposits_sum="3.00")

    (change,) = await told(system)
    assert change.figures == {"deposits_sum": ["5", "3"]}


async def test_x03_facts_that_come_two_days_after_their_day_are_told(
    world: World, system: Scope, clock: ManualClock
) -> None:
    await play(world, deposits_sum="1.00")
    assert await told(system) == []
    clock.advance(timedelta(days=3))

    await play(world, YESTERDAY, currency="RON", deposits_sum="2.00")

    (change,) = await told(system)
    assert (change.kind, change.reason) == ("added_late", None)
    assert change.figures == {"deposits_sum": ["0", "2"]}


async def test_x03_the_feed_and_reports_as_known_before_and_after_agree(
    world: World, system: Scope, clock: ManualClock
) -> None:
    day = YESTERDAY.date() + timedelta(days=1)
    await play(world, deposits_sum="10.00", casino_bets_count=7)
    await told(system)
    for amount, bets in (("12.50", 7), ("3.10", 9), ("3.10", 2)):
        clock.advance(timedelta(minutes=1))
        await play(world, deposits_sum=amount, casino_bets_count=bets)
        change = (await told(system))[-1]

        numbers = []
        for known_at in (change.known_at - timedelta(microseconds=1), change.known_at):
            asked = ReportSpecification(
                day, day, ("deposits_sum", "casino_bets_count"), as_known_at=known_at
            )
            cells: Any = (await run_report(system, asked)).totals.cells
            numbers.append((cells["deposits_sum"][0].amount, cells["casino_bets_count"]))
        (sum_before, count_before), (sum_after, count_after) = numbers
        for name, before, after in (
            ("deposits_sum", sum_before, sum_after),
            ("casino_bets_count", count_before, count_after),
        ):
            if before == after:
                assert name not in change.figures
            else:
                assert list(map(Decimal, change.figures[name])) == [before, after]


async def test_x03_telling_again_from_the_beginning_tells_the_same(
    world: World, system: Scope
) -> None:
    for amount in ("10.00", "4.00", "9.00"):
        await play(world, deposits_sum=amount)
    columns = ("position", "n", "figures", "reason", "business_day", "known_at")
    await told(system)
    first = await FigureChange.all().order_by("position", "n").values(*columns)
    await fetch("TRUNCATE figure_changes")
    async with transaction() as tx:
        await lock_reader(tx, "figure_changes")
        await move_reader(tx, "figure_changes", 0)

    await told(system)

    assert len(first) == 2
    assert await FigureChange.all().order_by("position", "n").values(*columns) == first


async def test_x03_a_reader_goes_on_where_it_stopped_and_misses_nothing(
    world: World, system: Scope, clock: ManualClock
) -> None:
    for number in range(1, 8):
        await play(world, deposits_sum=f"{number}.00")
    await told(system)
    listing = await figure_changes(staff_scope(clock), FigureChangeFilter())
    ordering = listing.orderings[FigureChangeOrder.OLDEST]
    seen: list[str] = []
    key = None
    for number in range(8, 12):
        page = await fetch_page(listing.rows, ordering, PageRequest(4, key=key))
        seen += [row.figures["deposits_sum"][1] for row in page.rows]
        key = key_of(page.rows[-1], ordering)
        await play(world, deposits_sum=f"{number}.00")
        await told(system)

    assert seen == [str(number) for number in range(2, 2 + len(seen))]
    assert len(seen) >= 9


async def test_x03_a_partner_reads_its_own_changes_and_filters_narrow_them(
    world: World, system: Scope, clock: ManualClock
) -> None:
    await play(world, deposits_sum="10.00")
    await play(world, deposits_sum="4.00")
    (change,) = await told(system)
    stranger = await make_partner(clock, world.brand)

    async def count(scope: Scope, **wanted: Any) -> int:
        return await (await figure_changes(scope, FigureChangeFilter(**wanted))).rows.count()

    own = partner_scope(world.partner, clock)
    day = change.business_day
    assert await count(own) == 1
    assert await count(partner_scope(stranger, clock)) == 0
    assert await count(staff_scope(clock, brand_ids=frozenset({world.brand.id + 1}))) == 0
    for wanted in (
        {"brand_id": world.brand.id},
        {"partner_id": world.partner.id},
        {"promo_id": world.promo.id},
        {"player_id": change.player_id},
        {"metric": "deposits_sum"},
        {"first_day": day, "last_day": day},
        {"known_since": change.known_at},
        {"known_until": change.known_at + timedelta(seconds=1)},
    ):
        assert await count(own, **wanted) == 1, wanted
    for wanted in (
        {"brand_id": world.brand.id + 1},
        {"promo_id": world.promo.id + 1},
        {"player_id": change.player_id + 1},
        {"metric": "cashouts_sum"},
        {"first_day": day + timedelta(days=1)},
        {"last_day": day - timedelta(days=1)},
        {"known_since": change.known_at + timedelta(seconds=1)},
        {"known_until": change.known_at},
    ):
        assert await count(own, **wanted) == 0, wanted
    with pytest.raises(Invalid):
        await count(own, metric="ngr")
