"""The registry of metrics. The rollups, the compiler and the API's descriptions all read it (W1, A32).

A base metric is a sum over facts. A formula metric is computed from summed base metrics, never from rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a metric's number is."""

    COUNT = "count"
    MONEY = "money"
    RATIO = "ratio"


class Source(StrEnum):
    """The table whose facts a base metric sums."""

    VISITS = "visits"
    UNIQUE_VISITS = "unique_visits"
    DUPLICATE_VISITS = "duplicate_visits"
    REGISTRATIONS = "registrations"
    FIRST_DEPOSITS = "first_deposits"
    ACTIVITIES = "activities"
    CONVERSIONS = "conversions"


# Visits have no currency, and no correction ever supersedes one.
VISIT_SOURCES = frozenset({Source.VISITS, Source.UNIQUE_VISITS, Source.DUPLICATE_VISITS})
SUPERSEDABLE = frozenset(Source) - VISIT_SOURCES


@dataclass(frozen=True, slots=True)
class BaseMetric:
    """A sum over facts: which table, which SQL expression of a row `f`, placed by which date."""

    name: str
    kind: Kind
    source: Source
    expression: str
    placed_by: str
    description: str
    # Facts that take one away: duplicates are found after the visits were recorded (M04).
    less: Source | None = None

    def expression_in(self, source: Source) -> str | None:
        """What a row of that table adds to the metric; None: nothing."""
        if source is self.source:
            return self.expression
        return "-1" if source is self.less else None


@dataclass(frozen=True, slots=True)
class FormulaMetric:
    """A formula over summed base metrics. `compute` gets the sums of one currency (counts are the same in each)."""

    name: str
    kind: Kind
    needs: tuple[str, ...]
    compute: Callable[[Mapping[str, Decimal]], Decimal | None]
    formula: str
    description: str


def _activity(name: str, kind: Kind, description: str) -> BaseMetric:
    return BaseMetric(name, kind, Source.ACTIVITIES, f"f.{name}", "activity day", description)


BASE_METRICS: dict[str, BaseMetric] = {
    metric.name: metric
    for metric in (
        BaseMetric(
            "visits_count",
            Kind.COUNT,
            Source.VISITS,
            "CASE WHEN f.uncounted_reason IS NULL THEN 1 ELSE 0 END",
            "visit day",
            "Counted visits: neither bots nor ignored addresses nor repeats within two seconds.",
            less=Source.DUPLICATE_VISITS,
        ),
        BaseMetric(
            "unique_visits_count",
            Kind.COUNT,
            Source.UNIQUE_VISITS,
            "1",
            "visit day",
            "Counted visits, one per promo, visitor (address and user agent) and business day.",
        ),
        BaseMetric(
            "registrations_count",
            Kind.COUNT,
            Source.REGISTRATIONS,
            "1",
            "sign-up day",
            "Players who signed up.",
        ),
        BaseMetric(
            "first_deposits_count",
            Kind.COUNT,
            Source.FIRST_DEPOSITS,
            "1",
            "first deposit day",
            "Players who made their first deposit.",
        ),
        BaseMetric(
            "first_deposits_sum",
            Kind.MONEY,
            Source.FIRST_DEPOSITS,
            "f.first_deposit_sum",
            "first deposit day",
            "Amount of first deposits.",
        ),
        _activity("deposits_count", Kind.COUNT, "Number of deposits."),
        _activity("deposits_sum", Kind.MONEY, "Amount of deposits."),
        _activity("cashouts_count", Kind.COUNT, "Number of players' withdrawals."),
        _activity("cashouts_sum", Kind.MONEY, "Amount of players' withdrawals."),
        _activity("chargebacks_count", Kind.COUNT, "Number of chargebacks."),
        _activity("chargebacks_sum", Kind.MONEY, "Amount of chargebacks."),
        _activity("bonus_issues_sum", Kind.MONEY, "Amount of casino bonuses issued."),
        _activity("casino_bets_count", Kind.COUNT, "Number of casino bets."),
        _activity("casino_total_bets_sum", Kind.MONEY, "Amount of casino bets."),
        _activity("casino_total_wins_sum", Kind.MONEY, "Amount of casino wins, net of rollbacks."),
        BaseMetric(
            "sales_count",
            Kind.COUNT,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'sale' THEN 1 ELSE 0 END",
            "sale day",
            "Number of sales.",
        ),
        BaseMetric(
            "sales_sum",
            Kind.MONEY,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'sale' THEN f.amount ELSE 0 END",
            "sale day",
            "Amount of sales.",
        ),
        BaseMetric(
            "leads_count",
            Kind.COUNT,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'lead' THEN 1 ELSE 0 END",
            "lead day",
            "Number of leads.",
        ),
    )
}


def _ratio(top: str, bottom: str) -> Callable[[Mapping[str, Decimal]], Decimal | None]:
    def compute(sums: Mapping[str, Decimal]) -> Decimal | None:
        return sums[top] / sums[bottom] if sums[bottom] else None

    return compute


FORMULA_METRICS: dict[str, FormulaMetric] = {
    metric.name: metric
    for metric in (
        FormulaMetric(
            "registrations_conversion_rate",
            Kind.RATIO,
            ("registrations_count", "visits_count"),
            _ratio("registrations_count", "visits_count"),
            "registrations_count ÷ visits_count",
            "Share of counted visits that signed up; null without visits.",
        ),
        FormulaMetric(
            "first_deposits_conversion_rate",
            Kind.RATIO,
            ("first_deposits_count", "registrations_count"),
            _ratio("first_deposits_count", "registrations_count"),
            "first_deposits_count ÷ registrations_count",
            "Share of registrations with a first deposit; null without registrations.",
        ),
        FormulaMetric(
            "net_deposits",
            Kind.MONEY,
            ("deposits_sum", "cashouts_sum", "chargebacks_sum"),
            lambda sums: sums["deposits_sum"] - sums["cashouts_sum"] - sums["chargebacks_sum"],
            "deposits_sum − cashouts_sum − chargebacks_sum",
            "Deposits less withdrawals and chargebacks.",
        ),
        FormulaMetric(
            "ggr",
            Kind.MONEY,
            ("casino_total_bets_sum", "casino_total_wins_sum"),
            lambda sums: sums["casino_total_bets_sum"] - sums["casino_total_wins_sum"],
            "casino_total_bets_sum − casino_total_wins_sum",
            "Casino gross gaming revenue.",
        ),
    )
}

METRICS: dict[str, BaseMetric | FormulaMetric] = {**BASE_METRICS, **FORMULA_METRICS}
ACTIVITY_METRICS = tuple(m for m in BASE_METRICS.values() if m.source is Source.ACTIVITIES)
# The dimensions that every fact and every rollup row carries.
DIMENSIONS = (
    "business_day",
    "promo_id",
    "plan_id",
    "country",
    "currency",
    "campaign_id",
    "brand_id",
    "partner_id",
)
