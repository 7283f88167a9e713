"""A report specification: what GraphQL, feeds, exports and the REST API all build (decision 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app.domain.errors import Invalid
from app.domain.reports.metrics import METRICS


class Grouping(StrEnum):
    """What rows can be grouped by."""

    BRAND = "brand"
    CAMPAIGN = "campaign"
    PROMO = "promo"
    STRATEGY = "strategy"
    PARTNER = "partner"
    PLAYER_COUNTRY = "player_country"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


GROUPING_DESCRIPTIONS = {
    Grouping.BRAND: "One row per brand.",
    Grouping.CAMPAIGN: "One row per campaign.",
    Grouping.PROMO: "One row per promo.",
    Grouping.STRATEGY: "One row per commission plan.",
    Grouping.PARTNER: "One row per partner.",
    Grouping.PLAYER_COUNTRY: "One row per country of the visitors and players.",
    Grouping.DAY: "One row per business day.",
    Grouping.WEEK: "One row per week; weeks start on Monday.",
    Grouping.MONTH: "One row per calendar month.",
    Grouping.QUARTER: "One row per quarter.",
    Grouping.YEAR: "One row per year.",
}
PERIODS = frozenset({Grouping.DAY, Grouping.WEEK, Grouping.MONTH, Grouping.QUARTER, Grouping.YEAR})
LONGEST_RANGE_DAYS = 366 * 20


@dataclass(frozen=True, slots=True)
class ReportFilters:
    """Which facts count. An empty tuple filters nothing."""

    brand_ids: tuple[int, ...] = ()
    campaign_ids: tuple[int, ...] = ()
    promo_ids: tuple[int, ...] = ()
    plan_ids: tuple[int, ...] = ()
    partner_ids: tuple[int, ...] = ()
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportSpecification:
    """Business days from `first_day` to `last_day`, both included, in each brand's own time zone (M42).

    Raises Invalid when it asks for what no report can answer.
    """

    first_day: date
    last_day: date
    metrics: tuple[str, ...]
    group_by: tuple[Grouping, ...] = ()
    filters: ReportFilters = field(default_factory=ReportFilters)

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise Invalid(
                f"the range ends on {self.last_day}, before it starts on {self.first_day}",
                field=("to",),
            )
        if (self.last_day - self.first_day).days > LONGEST_RANGE_DAYS:
            raise Invalid(f"the range is longer than {LONGEST_RANGE_DAYS} days", field=("from",))
        if len(set(self.group_by)) != len(self.group_by):
            raise Invalid("a grouping is named twice", field=("groupBy",))
        periods = [grouping for grouping in self.group_by if grouping in PERIODS]
        if len(periods) > 1:
            names = " and ".join(periods)
            raise Invalid(f"at most one period can group a report, not {names}", field=("groupBy",))
        for name in self.metrics:
            if name not in METRICS:
                raise Invalid(f"{name!r} is not a metric", field=("metrics",))
