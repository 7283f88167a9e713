"""The registry of metrics: every entry travels from the intake to the report, and says what it is (W1, M14)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.activity.record import ActivityResult, record_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.conversions.record import record_conversions
from app.domain.events import place_recordings
from app.domain.players.register import Status, register_players
from app.domain.reports.metrics import (
    ACTIVITY_METRICS,
    BASE_METRICS,
    DIMENSIONS,
    FORMULA_METRICS,
    METRICS,
    Additivity,
    BaseMetric,
    Kind,
    Source,
)
from app.domain.reports.run import CurrencyRatio, Report, run_report
from app.domain.reports.specification import Grouping, ReportSpecification
from app.domain.rollups.fold import fold
from app.domain.rollups.tables import DAILY
from app.domain.scope import Scope
from app.domain.visits.judge import judge_visits
from app.infra.clock import ManualClock
from app.infra.money import LARGEST_AMOUNT, Money
from app.models import Activity, DailyRollup, FactChange, HourlyRollup, PlayerRollup
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import BOX, World, brand_scope, day_interval, make_world

GUIDE = Path(__file__).parents[3] / "docs" / "intake.md"
SIGNED = {
    "casino_balance_corrections_sum",
    "sb_balance_corrections_sum",
    "poker_balance_corrections_sum",
}
AMOUNTS = [metric for metric in ACTIVITY_METRICS if metric.kind is Kind.MONEY]
activity_metrics = pytest.mark.parametrize("metric", ACTIVITY_METRICS, ids=lambda m: m.name)
base_metrics = pytest.mark.parametrize("metric", BASE_METRICS.values(), ids=lambda m: m.name)
amounts = pytest.mark.parametrize("metric", AMOUNTS, ids=lambda m: m.name)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A programme with one visit, and the player p1 who came by it."""
    made = await make_world(clock)
    scope = brand_scope(made.brand, clock)
    await register_players(scope, made.brand.id, [made.player("p1")], box=BOX)
    return made


async def play(world: World, **fields: Any) -> ActivityResult:
    """What p1 did on the business day of NOW."""
    day = day_interval(NOW - timedelta(hours=14))
    scope, item = brand_scope(world.brand, world.clock), {"user_id": "p1", **fields}
    (result,) = await record_activity(scope, world.brand.id, day["from"], day["to"], [item])
    return result


async def sell(world: World, kind: str, number: int, amount: str, currency: str = "EUR") -> None:
    item = {
        "type": kind,
        "transaction_id": f"{number}",
        "tag": world.tag,
        "occurred_at": NOW.isoformat(),
        "amount": amount,
        "currency": currency,
    }
    await record_conversions(brand_scope(world.brand, world.clock), world.brand.id, [item])


async def bring_about(world: World, system: Scope, metric: BaseMetric) -> Decimal:
    """Make the metric's facts; returns what it must then say. The world has a visit and a player already."""
    if metric.source is Source.ACTIVITIES:
        number = Decimal(7) if metric.kind is Kind.COUNT else Decimal("12.34")
        number = -number if metric.signed else number
        sent = int(number) if metric.kind is Kind.COUNT else f"{number}"
        assert (await play(world, **{metric.name: sent})).status is Status.CREATED
        return number
    if metric.source is Source.FIRST_DEPOSITS:
        await play(world, first_deposit_at=NOW.isoformat(), first_deposit_sum="20.50")
        return Decimal("20.50") if metric.kind is Kind.MONEY else Decimal(1)
    if metric.source is Source.PLAYER_FLAGS:
        flag = dict.fromkeys(("duplicate", "self_excluded", "disabled"), True)
        player = world.player("p1") | flag
        scope = brand_scope(world.brand, world.clock)
        await register_players(scope, world.brand.id, [player], box=BOX)
        return Decimal(1)
    if metric.name.startswith("refunds"):
        sale = {"id": "s", "type": "sale", "tag": world.tag, "amount": "9"}
        refund = {"id": "r", "type": "refund", "ref": "s", "amount": "3.25"}
        items = [{**each, "occurred_at": NOW.isoformat()} for each in (sale, refund)]
        await record_brand_events(brand_scope(world.brand, world.clock), world.brand.id, items)
        return Decimal("3.25") if metric.kind is Kind.MONEY else Decimal(1)
    if metric.source is Source.CONVERSIONS:
        await sell(world, "sale", 1, "3.25")
        await sell(world, "lead", 2, "0")
        return Decimal("3.25") if metric.kind is Kind.MONEY else Decimal(1)
    await place_recordings(system)
    await judge_visits(system)
    return Decimal(1)


async def reported(system: Scope, *names: str, group_by: tuple[Grouping, ...] = ()) -> Report:
    specification = ReportSpecification(date(2026, 1, 1), date(2026, 12, 31), names, group_by)
    return await run_report(system, specification)


async def cell(system: Scope, metric: BaseMetric) -> Decimal:
    value: Any = (await reported(system, metric.name)).totals.cells[metric.name]
    if metric.kind is Kind.COUNT:
        return Decimal(value)
    ((amount, currency),) = [(money.amount, money.currency) for money in value]
    assert currency == "EUR"
    return Decimal(amount)


async def place_and_fold(system: Scope) -> None:
    while await place_recordings(system):
        pass
    while await fold(system, DAILY):
        pass


@base_metrics
async def test_every_base_metric_travels_from_its_facts_through_the_rollup_to_the_report_w1(
    metric: BaseMetric, world: World, system: Scope
) -> None:
    expected = await bring_about(world, system, metric)
    assert await cell(system, metric) == expected

    await place_and_fold(system)

    folded = [getattr(row, metric.name) for row in await DailyRollup.all()]
    assert sum(folded, Decimal(0)) == expected
    assert await cell(system, metric) == expected


@activity_metrics
async def test_every_activity_metric_is_corrected_with_its_difference_w3(
    metric: BaseMetric, world: World, system: Scope
) -> None:
    await play(world, **{metric.name: 5 if metric.kind is Kind.COUNT else "5"})
    await place_and_fold(system)

    result = await play(world, **{metric.name: 3 if metric.kind is Kind.COUNT else "3"})

    assert result.status is Status.UPDATED
    assert (await FactChange.get()).delta == {metric.name: "-2"}
    (fact,) = await Activity.filter(superseded_by=None)
    assert getattr(fact, metric.name) == 3
    assert await cell(system, metric) == 3
    await place_and_fold(system)
    assert await cell(system, metric) == 3


@amounts
async def test_an_amount_below_zero_is_taken_of_balance_corrections_only_m14(
    metric: BaseMetric, world: World
) -> None:
    results = [
        await play(world, **{metric.name: "-0.01"}),
        await play(world, **{f"{metric.name}_cents": -1}),
    ]

    if metric.name in SIGNED:
        assert [result.status for result in results] == [Status.CREATED, Status.UNCHANGED]
        assert getattr(await Activity.get(), metric.name) == Decimal("-0.01")
    else:
        assert [result.error for result in results] == ["invalid", "invalid"]
        for result, field in zip(results, (metric.name, f"{metric.name}_cents"), strict=True):
            assert f"{field} is less than 0" in (result.message or "")
        assert not await Activity.all().exists()


@amounts
async def test_an_absurd_amount_is_refused_with_its_field_and_limit_m41(
    metric: BaseMetric, world: World
) -> None:
    absurd = [f"{LARGEST_AMOUNT}.01", *([f"-{LARGEST_AMOUNT}.01"] if metric.signed else [])]
    for amount in absurd:
        result = await play(world, **{metric.name: amount})
        assert result.error == "invalid"
        assert metric.name in (result.message or "")
        assert f"{LARGEST_AMOUNT}" in (result.message or "")

    largest = await play(world, **{metric.name: f"{LARGEST_AMOUNT}"})

    assert largest.status is Status.CREATED
    assert getattr(await Activity.get(), metric.name) == LARGEST_AMOUNT


async def test_net_gaming_revenue_is_what_m14_subtracts(world: World, system: Scope) -> None:
    costs = {
        "bonus_issues_sum": "1.00",
        "casino_balance_corrections_sum": "-2.00",
        "game_provider_fees_sum": "0.40",
        "payment_system_fees_sum": "0.30",
        "jackpot_fees_sum": "0.20",
        "casino_taxes_sum": "5.00",
        "chargebacks_sum": "10.00",
        "additional_deductions_sum": "0.10",
    }
    sportsbook = {
        "sb_bets_sum": "999",
        "sb_settled_bets_sum": "80",
        "sb_total_wins_sum": "30",
        "sb_total_cancelled_bets_sum": "500",
        "sb_bonuses_sum": "3",
        "sb_balance_corrections_sum": "4",
        "sb_third_party_fees_sum": "5",
    }
    poker = {
        "poker_bets_sum": "700",
        "poker_rake_sum": "20",
        "poker_bonuses_sum": "6",
        "poker_balance_corrections_sum": "-1",
        "poker_third_party_fees_sum": "30",
    }
    casino = {"casino_total_bets_sum": "100", "casino_total_wins_sum": "60"}
    await play(world, **casino, **costs, **sportsbook, **poker)

    names = ("real_ggr", "ggr", "real_ngr", "sb_real_ggr", "sb_ggr", "sb_real_ngr")
    cells: Any = (await reported(system, *names, "poker_real_ngr", "wager")).totals.cells

    assert {name: value[0].text() for name, value in cells.items()} == {
        "real_ggr": "40.00",
        "ggr": "40.00",
        "real_ngr": "25.00",
        "sb_real_ggr": "50.00",
        "sb_ggr": "50.00",
        "sb_real_ngr": "38.00",
        "poker_real_ngr": "-15.00",
        "wager": "100.00",
    }


async def test_an_average_amount_divides_by_the_count_of_its_own_currency(
    world: World, system: Scope
) -> None:
    for number, (amount, currency) in enumerate(
        [("1.00", "EUR"), ("1.00", "EUR"), ("2.03", "EUR"), ("7", "JPY"), ("8", "JPY")]
    ):
        await sell(world, "sale", number, amount, currency)

    cells = (await reported(system, "average_sale_amount")).totals.cells

    # Half-even: 1.343… and 7.5.
    assert cells["average_sale_amount"] == (
        Money(Decimal("1.34"), "EUR"),
        Money(Decimal(8), "JPY"),
    )


async def test_a_ratio_of_amounts_has_one_number_for_each_currency_and_none_without_a_base(
    world: World, system: Scope
) -> None:
    for currency, bets, bonuses in (("EUR", "10", "1"), ("RON", "4", "3"), ("USD", "0", "3")):
        await play(world, currency=currency, casino_total_bets_sum=bets, bonus_issues_sum=bonuses)

    cells = (await reported(system, "casino_bonus_ratio")).totals.cells

    assert cells["casino_bonus_ratio"] == (
        CurrencyRatio(Decimal("0.1"), "EUR"),
        CurrencyRatio(Decimal("0.75"), "RON"),
    )


async def test_totals_apply_a_ratio_to_the_sums_and_not_to_the_rows(
    world: World, system: Scope
) -> None:
    scope = brand_scope(world.brand, world.clock)
    for hours, deposits, amount in ((14, 1, "10"), (38, 3, "14")):
        day = day_interval(NOW - timedelta(hours=hours))
        item = {"user_id": "p1", "deposits_count": deposits, "deposits_sum": amount}
        await record_activity(scope, world.brand.id, day["from"], day["to"], [item])

    report = await reported(system, "average_deposit_amount", group_by=(Grouping.DAY,))

    rows: list[Any] = [row.cells["average_deposit_amount"] for row in report.rows]
    assert [money.text() for (money,) in rows] == ["4.67", "10.00"]
    assert report.totals.cells["average_deposit_amount"] == (Money(Decimal(6), "EUR"),)


def test_the_registry_has_every_number_that_facts_and_rollup_keep_and_no_other() -> None:
    kept = {name for name in Activity._meta.fields if re.search("_(sum|count)$", name)}
    assert kept == {metric.name for metric in ACTIVITY_METRICS}
    for model in (DailyRollup, HourlyRollup, PlayerRollup):
        folded = set(model._meta.fields) - {"id", *DIMENSIONS, "hour", "device", "player_id"}
        assert folded == set(BASE_METRICS), model.__name__


def test_only_balance_corrections_may_be_below_zero() -> None:
    assert {name for name, metric in BASE_METRICS.items() if metric.signed} == SIGNED


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda m: m.name)
def test_every_metric_says_its_additivity_its_date_and_what_it_is_w1(metric: Any) -> None:
    assert metric.additivity in Additivity
    assert re.fullmatch(r"[a-z-]+( [a-z]+)* day( and [a-z-]+( [a-z]+)* day)*", metric.placed_by)
    assert metric.description.endswith(".")


@pytest.mark.parametrize("metric", FORMULA_METRICS.values(), ids=lambda m: m.name)
def test_a_formula_names_what_it_needs_and_nothing_else(metric: Any) -> None:
    assert set(re.findall("[a-z_]+", metric.formula)) == set(metric.needs) <= set(BASE_METRICS)


def test_the_guide_lists_every_field_of_an_item_as_the_registry_has_it() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (amount|count) \| (.*?) \| (.*?) \|$", GUIDE.read_text(), re.M
    )

    assert rows == [
        (
            metric.name,
            "count" if metric.kind is Kind.COUNT else "amount",
            "yes" if metric.signed else "",
            metric.description,
        )
        for metric in ACTIVITY_METRICS
    ]
