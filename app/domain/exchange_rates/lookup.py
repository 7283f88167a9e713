"""Which rate converts: direct, inverse or cross, from the rates that are known (M40). Nothing is read here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum

from app.infra.money import EXACT, Money, quantise

# A quotient has no last digit: fifty are more than any amount can show.
FULL_PRECISION = Context(prec=50, rounding=ROUND_HALF_EVEN)


class Way(StrEnum):
    """How a rate was found."""

    SAME = "same"
    DIRECT = "direct"
    INVERSE = "inverse"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Question:
    """What one unit of `source` was worth in `target` on a business day."""

    day: date
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Leg:
    """A stored rate: units of `currency` for one unit of `base`."""

    id: int
    day: date
    base: str
    currency: str
    rate: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class FoundRate:
    """Units of `target` for one unit of `source`, at full precision, with the stored rates that it was made from."""

    question: Question
    rate: Decimal
    way: Way
    legs: tuple[Leg, ...] = ()
    # The currency between the two of a cross rate.
    via: str | None = None

    @property
    def day(self) -> date:
        """The day of the rate that was used; of a cross rate, the earlier one of its two."""
        return min((leg.day for leg in self.legs), default=self.question.day)

    @property
    def is_earlier(self) -> bool:
        """Whether the day itself has no rate, and the last earlier one was used."""
        return self.day < self.question.day

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the rates came from, each once."""
        return tuple(dict.fromkeys(leg.source for leg in self.legs))


@dataclass(frozen=True, slots=True)
class MissingRate:
    """There is no rate at all: what was to be converted waits for one, and is never taken one to one."""

    pair: tuple[str, str]
    day: date


Legs = Mapping[frozenset[str], Leg]


def find_rate(question: Question, legs: Legs) -> FoundRate | MissingRate:
    """The rate for a question; `legs` holds the last rate of each pair up to its day.

    The freshest way wins. Of equally fresh ones the pair's own rate goes before a cross rate, and the currency between
    is the first one by its code: forth and back go the same way.
    """
    if question.source == question.target:
        return FoundRate(question, Decimal(1), Way.SAME)
    found = [*_own(question, legs), *_crosses(question, legs)]
    # The first of the freshest: `max` keeps the order.
    return max(found, key=lambda each: each.day, default=None) or MissingRate(
        (question.source, question.target), question.day
    )


def convert(amount: Money, found: FoundRate) -> Money:
    """The amount in the other currency, rounded once, half-even, to its decimals (M41)."""
    if amount.currency != found.question.source:
        raise TypeError(f"a rate of {found.question.source} cannot convert {amount.currency}")
    target = found.question.target
    return Money(quantise(EXACT.multiply(amount.amount, found.rate), target), target)


def _own(question: Question, legs: Legs) -> Iterator[FoundRate]:
    leg = legs.get(frozenset((question.source, question.target)))
    if leg is not None:
        way = Way.DIRECT if leg.base == question.source else Way.INVERSE
        yield FoundRate(question, _product((question.source, leg)), way, (leg,))


def _crosses(question: Question, legs: Legs) -> Iterator[FoundRate]:
    for via in sorted(frozenset[str]().union(*legs)):
        first = legs.get(frozenset((question.source, via)))
        second = legs.get(frozenset((via, question.target)))
        if (
            first is not None
            and second is not None
            and via not in (question.source, question.target)
        ):
            rate = _product((question.source, first), (via, second))
            yield FoundRate(question, rate, Way.CROSS, (first, second), via)


def _product(*steps: tuple[str, Leg]) -> Decimal:
    """What one unit is after the steps, each from its currency: multiplied exactly, divided once."""
    numerator, denominator = Decimal(1), Decimal(1)
    for start, leg in steps:
        if leg.base == start:
            numerator = EXACT.multiply(numerator, leg.rate)
        else:
            denominator = EXACT.multiply(denominator, leg.rate)
    return FULL_PRECISION.divide(numerator, denominator)
