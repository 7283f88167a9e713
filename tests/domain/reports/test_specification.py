"""What reports can be asked, and how their periods, totals and formulas are meant (M42, W1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.errors import Forbidden, Invalid
from app.domain.players.register import register_players
from app.domain.reports.metrics import BASE_METRICS, FORMULA_METRICS
from app.domain.reports.run import Report, run_report
from app.domain.reports.specification import (
    Grouping,
    ReportFilters,
    ReportSpecification,
    TagFilter,
)
from app.domain.scope import Scope
from app.domain.visits.click import Click, new_visit
from app.domain.visits.links import find_link
from app.domain.visits.record import write_visits
from app.infra.clock import ManualClock
from app.infra.database import transaction
from app.infra.money import Money
from app.models import Visit
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import BOX, brand_scope, day_interval, make_visits, make_world

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


async def visits_by(system: Scope, grouping: Grouping) -> dict[Any, Any]:
    asked = ReportSpecification(FIRST, LAST, ("visits_count",), (grouping,))
    report = await run_report(system, asked)
    return {row.keys[grouping]: row.cells["visits_count"] for row in report.rows}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first_day": LAST, "last_day": FIRST}, "to"),
        ({"first_day": date(1990, 1, 1)}, "from"),
        ({"group_by": (Grouping.DAY, Grouping.DAY)}, "groupBy"),
        ({"group_by": (Grouping.DAY, Grouping.WEEK)}, "groupBy"),
        ({"metrics": ("no_such_metric",)}, "metrics"),
        ({"filters": ReportFilters(promo_codes=("a\x00",))}, "promoCodes"),
        ({"filters": ReportFilters(tags_include=(TagFilter("t", "\x00"),))}, "tagsInclude"),
        ({"filters": ReportFilters(tags_exclude=(TagFilter("t", "x" * 8_001),))}, "tagsExclude"),
    ],
)
def test_what_no_report_can_answer_is_refused_by_its_field(
    values: dict[str, Any], field: str
) -> None:
    asked: dict[str, Any] = {"first_day": FIRST, "last_day": LAST, "metrics": ("visits_count",)}

    with pytest.raises(Invalid) as refusal:
        ReportSpecification(**(asked | values))

    assert refusal.value.field == (field,)


def test_formulas_are_made_of_base_metrics() -> None:
    for metric in FORMULA_METRICS.values():
        assert set(metric.needs) <= set(BASE_METRICS), metric.name
        zeros = dict.fromkeys(metric.needs, Decimal(0))
        assert metric.compute(zeros) in {None, Decimal(0)}


async def test_days_change_at_midnight_of_the_brand_m42(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    # Midnight in Bucharest is 22:00 UTC in winter, and 21:00 from 29 March on.
    for at in ((3, 12, 21, 59), (3, 12, 22, 0), (3, 29, 20, 59), (3, 29, 21, 0)):
        await make_visits(world.promo, ManualClock(datetime(2026, *at, tzinfo=UTC)))

    assert await visits_by(system, Grouping.DAY) == {
        date(2026, 3, 10): 1,
        date(2026, 3, 12): 1,
        date(2026, 3, 13): 1,
        date(2026, 3, 29): 1,
        date(2026, 3, 30): 1,
    }


@pytest.mark.parametrize(
    ("grouping", "starts"),
    [
        (Grouping.WEEK, {date(2026, 3, 23): 2, date(2026, 3, 30): 2, date(2026, 4, 6): 1}),
        (Grouping.MONTH, {date(2026, 3, 1): 3, date(2026, 4, 1): 2}),
        (Grouping.QUARTER, {date(2026, 1, 1): 3, date(2026, 4, 1): 2}),
        (Grouping.YEAR, {date(2026, 1, 1): 5}),
    ],
)
async def test_periods_are_named_by_their_first_day_and_weeks_start_on_monday_m42(
    database: Settings,
    system: Scope,
    clock: ManualClock,
    grouping: Grouping,
    starts: dict[date, int],
) -> None:
    clock.at = datetime(2026, 3, 29, 12, tzinfo=UTC)
    world = await make_world(clock)
    # Saturday, Sunday, Monday; Sunday, Monday.
    for day in ((3, 28), (3, 30), (4, 5), (4, 6)):
        await make_visits(world.promo, ManualClock(datetime(2026, *day, 12, tzinfo=UTC)))

    assert await visits_by(system, grouping) == starts


async def test_both_ends_of_the_range_are_included(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    for days in (1, 2, 3):
        await make_visits(world.promo, ManualClock(NOW + timedelta(days=days)))
    asked = ReportSpecification(
        date(2026, 3, 11), date(2026, 3, 12), ("visits_count",), (Grouping.DAY,)
    )

    report = await run_report(system, asked)

    assert [row.keys[Grouping.DAY].day for row in report.rows] == [11, 12]
    assert report.totals.cells == {"visits_count": 2}


async def report_of_two_currencies(system: Scope, clock: ManualClock) -> Report:
    """Two visits and one player who deposits and loses in EUR and in RON."""
    world = await make_world(clock)
    await make_visits(world.promo, clock)
    scope, day = brand_scope(world.brand, clock), day_interval(NOW - timedelta(hours=14))
    await register_players(scope, world.brand.id, [world.player("p1")], box=BOX)
    items = [
        {
            "user_id": "p1",
            "currency": code,
            "deposits_count": 2,
            "deposits_sum": amount,
            "cashouts_sum": "1.00",
            "casino_total_bets_sum": amount,
            "casino_total_wins_sum": amount,
        }
        for code, amount in (("RON", "50.00"), ("EUR", "10.00"))
    ]
    await record_activity(scope, world.brand.id, day["from"], day["to"], items)
    metrics = (
        *("deposits_count", "deposits_sum", "net_deposits", "ggr"),
        *("registrations_conversion_rate", "first_deposits_conversion_rate", "sales_sum"),
    )
    return await run_report(system, ReportSpecification(FIRST, LAST, metrics, (Grouping.PROMO,)))


async def test_money_has_one_amount_for_each_currency_and_is_never_added_over_them(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    report = await report_of_two_currencies(system, clock)

    (row,) = report.rows
    assert row.cells["deposits_count"] == 4
    assert row.cells["deposits_sum"] == (Money(Decimal(10), "EUR"), Money(Decimal(50), "RON"))
    assert row.cells["net_deposits"] == (Money(Decimal(9), "EUR"), Money(Decimal(49), "RON"))
    # Bets and wins cancel out, which is an amount of zero; sales there were none.
    assert row.cells["ggr"] == (Money(Decimal(0), "EUR"), Money(Decimal(0), "RON"))
    assert row.cells["sales_sum"] == ()
    assert report.totals.cells == row.cells


async def test_ratios_come_from_sums_and_are_empty_without_a_base(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    report = await report_of_two_currencies(system, clock)

    assert report.totals.cells["registrations_conversion_rate"] == Decimal("0.5")
    assert report.totals.cells["first_deposits_conversion_rate"] == 0
    nothing = await run_report(
        system,
        ReportSpecification(date(2020, 1, 1), date(2020, 1, 2), ("registrations_conversion_rate",)),
    )
    assert nothing.rows == ()
    assert nothing.totals.cells == {"registrations_conversion_rate": None}


async def test_uncounted_visits_are_kept_and_not_counted_m04(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    link = await find_link(world.promo.code)
    assert link is not None
    click = Click(b"", "203.0.113.9", "Googlebot/2.1", None, device="bot")
    visit = new_visit(Scope.visitor(clock, "r"), link, click, world.visit_id + 1, b"key")
    async with transaction() as tx:
        await write_visits(tx, [(visit, click.ip)])

    assert await Visit.all().count() == 2
    assert await visits_by(system, Grouping.PROMO) == {world.promo.id: 1}


async def test_a_report_needs_the_permission_to_read_reports(clock: ManualClock) -> None:
    with pytest.raises(Forbidden):
        await run_report(
            Scope.visitor(clock, "r"), ReportSpecification(FIRST, LAST, ("visits_count",))
        )
