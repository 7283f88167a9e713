"""Reading a report of an interval: its bounds, and what each item says (W3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from app.domain.errors import Invalid
from app.domain.intake import CLOCK_SKEW, EARLIEST, LATEST, Item, Stag, parse_time
from app.domain.reports.metrics import ACTIVITY_METRICS, BaseMetric, Kind
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row
from app.infra.money import quantise
from app.models import Brand

# What is kept of an item that waits.
FIELDS = (
    *("user_id", "tag", "currency", "revision", "generated_at", "first_deposit_at"),
    *("first_deposit_sum", "first_deposit_sum_cents"),
    *(metric.name for metric in ACTIVITY_METRICS),
    *(f"{metric.name}_cents" for metric in ACTIVITY_METRICS if metric.kind is Kind.MONEY),
)

_METRIC_OF_FIELD = {
    field: metric
    for metric in ACTIVITY_METRICS
    for field in (
        (metric.name, f"{metric.name}_cents") if metric.kind is Kind.MONEY else (metric.name,)
    )
}


def _moment(at: datetime) -> int:
    """The number of a version that was made at a time: microseconds."""
    return (at - EARLIEST) // timedelta(microseconds=1)


_LATEST_MOMENT = _moment(LATEST)


@dataclass(frozen=True, slots=True)
class Interval:
    """The interval of a batch: within one business day of the brand."""

    start: datetime
    end: datetime
    day: date


@dataclass(frozen=True, slots=True)
class ReportedFirstDeposit:
    """When a player first deposited, and how much, in the currency of its item."""

    at: datetime
    amount: Decimal

    def is_claim(self, claim: Row) -> bool:
        """True when a stored claim says the same."""
        return (self.at, self.amount) == (claim["occurred_at"], claim["first_deposit_sum"])


@dataclass(frozen=True, slots=True)
class NewActivity:
    """What one player did in the interval, in one currency."""

    user_id: str
    tag: Stag | None
    currency: str
    revision: int | None
    metrics: dict[str, Decimal]
    first_deposit: ReportedFirstDeposit | None
    # The revision is the moment at which the item was made.
    dated: bool = False

    def version(self, revision: int) -> str:
        """A revision in the words of this item: the time at which it was made, where the item tells its own."""
        if self.dated and revision <= _LATEST_MOMENT:
            made = EARLIEST + timedelta(microseconds=revision)
            return f"the version generated at {made.isoformat()}"
        return f"revision {revision}"


def parse_interval(scope: Scope, brand: Brand, start: Any, end: Any) -> Interval:
    """The interval of a batch. Raises Invalid unless it is within one business day and has begun."""
    first, last = parse_time(start, "from"), parse_time(end, "to")
    if last <= first:
        raise Invalid("to is not after from", field=("to",))
    if first > scope.now() + CLOCK_SKEW:
        raise Invalid("from lies in the future: check the clock and the offset", field=("from",))
    day = business_day(first, brand.time_zone)
    if business_day(last - timedelta(microseconds=1), brand.time_zone) != day:
        raise Invalid(
            f"the interval is not within one business day in {brand.time_zone}: send one per day",
            field=("to",),
        )
    return Interval(first, last, day)


def read_item(scope: Scope, brand: Brand, item: Item, user_id: str) -> NewActivity:
    """The item of a player; raises Invalid naming the field."""
    currency = item.currency(brand.currency)
    return NewActivity(
        user_id=user_id,
        tag=item.stag(),
        currency=currency,
        revision=_revision(scope, item),
        metrics=_metrics(item, currency),
        first_deposit=_first_deposit(scope, item, currency),
        dated=item.has("generated_at"),
    )


def _revision(scope: Scope, item: Item) -> int | None:
    """The number of the item's version, or of the moment at which it was made.

    That moment is not in the future: nothing made until then would be newer.
    """
    made = item.past_time("generated_at", scope)
    if made is None:
        return item.integer("revision")
    if item.has("revision"):
        raise Invalid("send revision or generated_at, not both", field=("generated_at",))
    return _moment(made)


def _first_deposit(scope: Scope, item: Item, currency: str) -> ReportedFirstDeposit | None:
    amount = item.amount("first_deposit_sum", currency)
    if amount is None and not item.has("first_deposit_at"):
        return None
    if amount is None or not item.has("first_deposit_at"):
        message = "send first_deposit_at and first_deposit_sum together"
        raise Invalid(message, field=("first_deposit_sum",))
    at = item.required_time("first_deposit_at", scope)
    return ReportedFirstDeposit(at, quantise(amount, currency))


def _metrics(item: Item, currency: str) -> dict[str, Decimal]:
    """All metrics, in the registry's order; zero for those of which the item says nothing, as most items do of most."""
    numbers = dict(_nothing(currency))
    for field in item.names():
        if (metric := _METRIC_OF_FIELD.get(field)) is not None:
            numbers[metric.name] = _metric(item, metric, currency)
    return numbers


@lru_cache(maxsize=512)
def _nothing(currency: str) -> dict[str, Decimal]:
    zero = quantise(Decimal(0), currency)
    return {
        metric.name: Decimal(0) if metric.kind is Kind.COUNT else zero
        for metric in ACTIVITY_METRICS
    }


def _metric(item: Item, metric: BaseMetric, currency: str) -> Decimal:
    if metric.kind is Kind.COUNT:
        return item.count(metric.name)
    amount = item.amount(metric.name, currency, signed=metric.signed)
    return quantise(amount or Decimal(0), currency)
