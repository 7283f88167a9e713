"""For each metric of a brand either activity or events count, from a business day on (W3)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.activity.record import ActivityResult, record_activity
from app.domain.brand_events.read import METRICS
from app.domain.brands.completeness import declare_complete
from app.domain.brands.metric_reports import MetricStanding, Reporting, metric_standings
from app.domain.brands.metric_sources import (
    CHOOSABLE,
    FIRST_DEPOSITS,
    Choice,
    ReportSource,
    metric_sources,
    set_metric_source,
)
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.infra.clock import ManualClock
from app.models import Activity, Brand, Event, FirstDeposit
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.brand_events.sending import event, send, totals
from tests.factories import World, brand_scope, make_world, staff_scope

TODAY = date(2026, 3, 10)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def play(world: World, through: str | None = None, **fields: Any) -> str:
    """What `report` is answered: a status, or the code of a refusal."""
    result = await report(world, through, **fields)
    return result.error or result.status.value


async def report(world: World, through: str | None = None, **fields: Any) -> ActivityResult:
    """A report of the hour before now, of a player who is registered by it."""
    scope = brand_scope(world.brand, world.clock)
    start = world.clock.now() - timedelta(hours=1)
    bounds = (start.isoformat(), world.clock.now().isoformat())
    item = {"user_id": "p1", "tag": world.tag, **fields}
    (result,) = await record_activity(scope, world.brand.id, *bounds, [item], through)
    return result


async def test_without_a_choice_activity_counts_and_events_are_kept(world: World) -> None:
    await play(world, deposits_count=1, deposits_sum="5")
    (result,) = await send(world, event(world, "d1", "deposit", amount="7"))

    assert (await totals(world))["deposits_sum"] == {"EUR": 5}
    assert result.counted is False
    assert "deposits_count, deposits_sum" in (result.message or "")
    assert "setMetricSource" in (result.message or "")


async def test_a_brand_whose_first_report_is_an_event_counts_events_from_the_beginning(
    world: World,
) -> None:
    late = (NOW - timedelta(days=3)).isoformat()
    first = event(world, "d1", "deposit", amount="7", tag=world.tag, occurred_at=late)
    (result,) = await send(world, first)

    assert result.counted is True
    assert await play(world, deposits_sum="5") == "created"
    assert (await totals(world))["deposits_sum"] == {"EUR": 7}
    told = await Event.get(type="brand.metric_source_chosen")
    assert (told.data["source"], told.data["reason"]) == ("events", "the first report")


def test_what_can_be_chosen_is_what_events_can_tell() -> None:
    told = {name for names in METRICS.values() for name in names if name}
    assert set(CHOOSABLE) - {FIRST_DEPOSITS} == told


async def test_balance_corrections_of_a_brand_that_counts_events_count_by_activity(
    world: World,
) -> None:
    await send(world, event(world, "d1", "deposit", amount="7", tag=world.tag))

    result = await report(world, casino_balance_corrections_sum="-5")

    assert (result.error, result.message) == (None, None)
    assert (await totals(world))["casino_balance_corrections_sum"] == {"EUR": -5}


async def test_events_that_are_refused_choose_nothing(world: World) -> None:
    (refused,) = await send(world, event(world, "d1", "deposit", amount="7"))
    await play(world, deposits_count=1, deposits_sum="5")

    assert refused.error == "unknown_player"
    assert (await totals(world))["deposits_sum"] == {"EUR": 5}


async def test_a_brand_whose_operators_chose_activity_is_not_switched_by_its_first_event(
    world: World, clock: ManualClock
) -> None:
    await set_metric_source(staff_scope(clock), world.brand.id, (), ReportSource.ACTIVITY, TODAY)

    (result,) = await send(world, event(world, "d1", "deposit", amount="7", tag=world.tag))

    assert result.counted is False


async def test_a_first_deposit_that_does_not_count_says_so_by_name_as_metrics_do(
    world: World, clock: ManualClock
) -> None:
    await send(world, event(world, "d1", "deposit", amount="7", tag=world.tag))
    first = {"first_deposit_at": clock.now().isoformat(), "first_deposit_sum": "7"}

    alone = await report(world, **first)
    clock.advance(timedelta(hours=2))
    beside = await report(world, deposits_count=1, deposits_sum="7", **first)
    clock.advance(timedelta(hours=2))
    nothing = await report(world)

    assert [each.status.value for each in (alone, beside, nothing)] == ["created"] * 3
    counts = "of this brand events counts for"
    assert f"{counts} first_deposits;" in (alone.message or "")
    assert f"{counts} deposits_count, deposits_sum, first_deposits;" in (beside.message or "")
    assert nothing.message is None


async def test_a_first_deposit_of_a_day_on_which_activity_counts_has_no_hint(
    world: World, clock: ManualClock
) -> None:
    """It is of its own day, whatever counts on the day of the interval."""
    await set_metric_source(staff_scope(clock), world.brand.id, (), ReportSource.EVENTS, TODAY)
    days_before, today = NOW - timedelta(days=2), NOW - timedelta(minutes=5)
    first = {"first_deposit_sum": "7"}

    messages = [
        (await report(world, revision=revision, first_deposit_at=at.isoformat(), **first)).message
        for revision, at in enumerate((days_before, today))
    ]

    assert messages[0] is None
    assert "first_deposits;" in (messages[1] or "")


async def standing(world: World, metric: str) -> MetricStanding:
    found = await metric_standings(staff_scope(world.clock), [world.brand.id])
    return next(each for each in found[world.brand.id] if each.metric == metric)


async def test_what_is_reported_only_in_the_way_that_does_not_count_stands_out(
    world: World, clock: ManualClock
) -> None:
    assert (await standing(world, "deposits_sum")).reporting is Reporting.NOTHING
    await play(world, casino_bets_count=1)
    await send(world, event(world, "d1", "deposit", amount="7"))

    found = await standing(world, "deposits_sum")
    assert (found.reporting, found.events_at) == (Reporting.NOT_COUNTED, clock.now())
    assert (await standing(world, "casino_bets_count")).reporting is Reporting.COUNTED
    assert (await standing(world, "first_deposits")).reporting is Reporting.NOT_COUNTED

    clock.advance(timedelta(hours=2))
    await play(world, deposits_sum="5")
    assert (await standing(world, "deposits_sum")).reporting is Reporting.BOTH

    clock.advance(timedelta(days=8))
    await send(world, event(world, "d2", "deposit", amount="7"))
    assert (await standing(world, "deposits_sum")).reporting is Reporting.NOT_COUNTED


async def test_where_events_count_the_report_of_activity_is_kept_and_not_counted(
    world: World, clock: ManualClock
) -> None:
    names = ("deposits_count", "deposits_sum", "first_deposits")
    await set_metric_source(
        staff_scope(clock), world.brand.id, names, ReportSource.EVENTS, date(2020, 1, 1)
    )
    told = {"first_deposit_at": clock.now().isoformat(), "first_deposit_sum": "5"}
    told |= {"deposits_sum": "5", "casino_total_bets_sum": "3"}

    assert await play(world, **told) == "created"
    assert await play(world, **told) == "unchanged"
    updated = await report(world, **told | {"deposits_sum": "6"})
    assert updated.status == "updated"
    assert "events counts for deposits_sum, first_deposits;" in (updated.message or "")
    assert "setMetricSource" in (updated.message or "")
    await send(world, event(world, "d1", "deposit", amount="7"))

    found = await totals(world)
    assert (found["deposits_sum"], found["casino_total_bets_sum"]) == ({"EUR": 7}, {"EUR": 3})
    assert found["first_deposits_sum"] == {"EUR": 7}
    kept = await Activity.filter(superseded_by=None, event_id=None).get()
    assert kept.uncounted == {"deposits_sum": "6"}
    assert await FirstDeposit.filter(superseded_by=None).count() == 1


async def test_a_choice_holds_from_its_business_day_on_and_activity_before(
    world: World, clock: ManualClock
) -> None:
    await play(world, deposits_sum="5")
    await set_metric_source(staff_scope(clock), world.brand.id, (), ReportSource.EVENTS)
    clock.at = NOW + timedelta(days=1)

    late = (NOW - timedelta(hours=3)).isoformat()
    results = await send(
        world,
        event(world, "old", "deposit", amount="1", occurred_at=late),
        event(world, "new", "deposit", amount="2"),
    )

    assert [result.counted for result in results] == [False, True]
    assert (await totals(world))["deposits_sum"] == {"EUR": 7}


async def test_a_day_that_something_was_reported_of_is_a_conflict(
    world: World, clock: ManualClock
) -> None:
    await play(world, deposits_sum="5")
    operator = staff_scope(clock)

    with pytest.raises(Conflict, match="choose a day after"):
        await set_metric_source(operator, world.brand.id, (), ReportSource.EVENTS, TODAY)

    chosen = await set_metric_source(operator, world.brand.id, (), ReportSource.EVENTS)
    assert chosen["deposits_sum"] == (Choice(TOMORROW, ReportSource.EVENTS),)
    assert await Event.filter(type="brand.metric_source_chosen").count() == 1


async def test_only_metrics_of_activity_can_be_chosen(world: World, clock: ManualClock) -> None:
    with pytest.raises(Invalid, match="sales_sum"):
        await set_metric_source(
            staff_scope(clock), world.brand.id, ("sales_sum",), ReportSource.EVENTS
        )


async def test_a_foreign_brand_is_not_found_and_support_may_not_choose(
    world: World, clock: ManualClock
) -> None:
    elsewhere = staff_scope(clock, StaffRole.ADVERTISER, frozenset({4_711}))
    with pytest.raises(NotFound):
        await set_metric_source(elsewhere, world.brand.id, (), ReportSource.EVENTS)
    with pytest.raises(NotFound):
        await metric_sources(elsewhere, world.brand.id)
    with pytest.raises(Forbidden):
        await set_metric_source(
            staff_scope(clock, StaffRole.SUPPORT), world.brand.id, (), ReportSource.EVENTS
        )


# complete_through (M26)


async def test_complete_through_never_moves_back_m26(world: World, clock: ManualClock) -> None:
    for hours in (3, 1, 2):
        through = (clock.now() - timedelta(hours=hours)).isoformat()
        await play(world, through)

    brand = await Brand.get(id=world.brand.id)
    assert brand.complete_through == NOW - timedelta(hours=1)
    assert await Event.filter(type="brand.completed").count() == 2
    stale = await Brand.get(id=world.brand.id)
    stale.complete_through = None
    await declare_complete(brand_scope(stale, clock), stale, NOW - timedelta(hours=5))
    assert (await Brand.get(id=stale.id)).complete_through == NOW - timedelta(hours=1)


async def test_nobody_is_complete_through_the_future_m26(world: World, clock: ManualClock) -> None:
    with pytest.raises(Invalid, match="complete_through"):
        await play(world, (clock.now() + timedelta(minutes=6)).isoformat())
    assert await Activity.all().count() == 0
