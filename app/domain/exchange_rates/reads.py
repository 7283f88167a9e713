"""Reading exchange rates: the list of them, and the rate that converts on a day (M40, O21)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.exchange_rates import queries
from app.domain.exchange_rates.lookup import FoundRate, Leg, MissingRate, Question, find_rate
from app.domain.exchange_rates.values import RateSource
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import fetch
from app.models import ExchangeRate


class ExchangeRateOrder(StrEnum):
    """The orders of exchange rates: by their day, or by when they were entered."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LAST_ENTERED = "last_entered"


_ORDERINGS = {
    ExchangeRateOrder.NEWEST: Ordering(("day",), descending=True),
    ExchangeRateOrder.OLDEST: Ordering(("day",)),
    ExchangeRateOrder.LAST_ENTERED: Ordering(("id",), descending=True),
}


@dataclass(frozen=True, slots=True)
class ExchangeRateFilter:
    """Which rates; None filters nothing. Both days are included."""

    from_day: date | None = None
    to_day: date | None = None
    base: str | None = None
    currency: str | None = None
    source: RateSource | None = None
    # Whether those are listed as well that others have taken the place of.
    superseded: bool = False


@requires(Permission.READ_EXCHANGE_RATES)
async def exchange_rates(scope: Scope, chosen: ExchangeRateFilter) -> Listing[ExchangeRate]:
    """The rates of the programme."""
    wanted = {
        "day__gte": chosen.from_day,
        "day__lte": chosen.to_day,
        "base": chosen.base,
        "currency": chosen.currency,
        "source": chosen.source,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    rows = scope.query(ExchangeRate).filter(**given)
    return Listing(rows if chosen.superseded else rows.filter(superseded_at=None), _ORDERINGS)


@requires(Permission.READ_EXCHANGE_RATES)
async def exchange_rate_on(
    scope: Scope, day: date, source: str, target: str
) -> FoundRate | MissingRate:
    """What one unit of `source` was worth in `target` on a day, and how that was found (M40)."""
    return await rate_on(scope, Question(day, source, target))


@requires(Permission.READ_REPORTS)
async def rate_on(scope: Scope, question: Question) -> FoundRate | MissingRate:
    """The rate for one question; see `rates_on`."""
    return (await rates_on(scope, [question]))[question]


@requires(Permission.READ_REPORTS)
async def rates_on(
    scope: Scope, questions: Iterable[Question]
) -> dict[Question, FoundRate | MissingRate]:
    """The rates for many questions, with one statement; none where all of them are of one currency (M40).

    Never raises for what has no rate: the answer is a MissingRate. Superseded rates are never used.
    """
    asked = list(dict.fromkeys(questions))
    legs: dict[date, dict[frozenset[str], Leg]] = {}
    for leg_of, leg in await _legs([each for each in asked if each.source != each.target]):
        known = legs.setdefault(leg_of, {})
        pair = frozenset((leg.base, leg.currency))
        # A pair may have been entered in one direction on some days, and in the other on others.
        if pair not in known or known[pair].day < leg.day:
            known[pair] = leg
    return {each: find_rate(each, legs.get(each.day, {})) for each in asked}


async def _legs(questions: list[Question]) -> list[tuple[date, Leg]]:
    """The last rate of each pair that can take part in an answer, with the day that was asked for."""
    if not questions:
        return []
    rows = await fetch(
        queries.LEGS,
        [each.day for each in questions],
        [each.source for each in questions],
        [each.target for each in questions],
    )
    return [(row.pop("asked_day"), Leg(**row)) for row in rows]
