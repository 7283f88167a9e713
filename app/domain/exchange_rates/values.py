"""A rate as somebody enters it, and what makes it acceptable (M40)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.domain.errors import Invalid
from app.infra.money import STORED_DECIMALS, MoneyError, decimal_text, decimals_of

EARLIEST_DAY = date(1970, 1, 1)
SMALLEST_RATE = Decimal(1).scaleb(-STORED_DECIMALS)
LARGEST_RATE = Decimal(10) ** 15


class RateSource(StrEnum):
    """Where a rate came from."""

    OPERATOR = "operator"
    UPLOAD = "upload"
    ECB = "ecb"


@dataclass(frozen=True, slots=True)
class NewRate:
    """Units of `currency` for one unit of `base` on a day."""

    day: date
    base: str
    currency: str
    rate: Decimal

    @property
    def key(self) -> tuple[date, frozenset[str]]:
        """What has one present rate: a day and two currencies, in either direction."""
        return self.day, frozenset((self.base, self.currency))


# The path of an item's field, and how a message calls the item.
Place = Callable[[int, str], tuple[str, ...]]
Name = Callable[[int], str]


def check_rates(rates: Sequence[NewRate], now: datetime, place: Place, name: Name) -> None:
    """Raise Invalid at the first item that cannot be a rate, or that says a pair's day again."""
    # Where the day is the furthest ahead of UTC.
    latest = (now + timedelta(hours=14)).date()
    seen: dict[tuple[date, frozenset[str]], int] = {}
    for index, rate in enumerate(rates):
        if mistake := _mistake(rate, latest):
            field, reason = mistake
            raise Invalid(f"{name(index)}: {reason}", field=place(index, field))
        first = seen.setdefault(rate.key, index)
        if first != index:
            raise Invalid(
                f"{name(index)}: {name(first)} has a rate of {rate.day} between {rate.base} and"
                f" {rate.currency} already: leave one of the two out",
                field=place(index, "day"),
            )


def _mistake(rate: NewRate, latest: date) -> tuple[str, str] | None:
    """The field that is to blame, and why with the way out."""
    for field, currency in (("base", rate.base), ("currency", rate.currency)):
        try:
            decimals_of(currency)
        except MoneyError as error:
            return field, f"{str(error)[:120]}: send a code such as EUR"
    if rate.base == rate.currency:
        return "currency", f"{rate.base} in {rate.currency} is always 1: leave it out"
    if not EARLIEST_DAY <= rate.day <= latest:
        return "day", f"{rate.day} is not from {EARLIEST_DAY} to {latest}: send a day that has come"
    if not SMALLEST_RATE <= rate.rate <= LARGEST_RATE:
        return "rate", (
            f"a rate is from {decimal_text(SMALLEST_RATE)} to {LARGEST_RATE:f}:"
            f" send units of {rate.currency} for one {rate.base}"
        )
    return None
