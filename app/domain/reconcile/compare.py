"""Comparing a brand's days with what is counted here: which totals differ, and which ids explain it (X06)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from app.domain.events import Subject, record
from app.domain.intake import lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.reconcile.read import (
    METRICS,
    PLAYER_METRICS,
    SaidDay,
    Transaction,
    read_days,
)
from app.domain.reports.dimensions import NO_PLAYER, PLAYER_ID, Dimension
from app.domain.reports.facts_sql import sum_of_holding
from app.domain.scope import Scope
from app.infra.clock import day_bounds
from app.infra.database import Row, transaction
from app.infra.database import Transaction as DatabaseTransaction
from app.models import Brand

# Ids of each kind in an answer; more are counted.
MOST_TOLD = 10_000
_ZERO = Decimal(0)
Key = TypeVar("Key", str, Transaction)

_KEYS = (Dimension("business_day", "f.business_day"), Dimension("currency", "f.currency"))
_WHERE = "f.brand_id = $1 AND f.business_day = ANY($2::date[])"
_HOLDING = sum_of_holding((*_KEYS, PLAYER_ID), tuple(METRICS.values()), _WHERE, "TRUE")
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in METRICS)
_PLAYERS = f"""
SELECT h.business_day, h.currency, p.user_id, {_SUMS}
FROM ({_HOLDING}) h LEFT JOIN players p ON p.id = h.player_id AND h.player_id <> {NO_PLAYER}
GROUP BY h.business_day, h.currency, p.user_id
"""
_CONVERSIONS = """
SELECT business_day, currency, kind, transaction_id, sum(amount) AS amount FROM conversions
WHERE brand_id = $1 AND business_day = ANY($2::date[]) AND superseded_by IS NULL
GROUP BY business_day, currency, kind, transaction_id
"""
# What is voided does not hold, and what voids or amends is about another event. Flags and the like have no money: they
# stand in the brand's own currency, also when they name one, as a registration names the player's.
_EVENTS = """
SELECT event_id, amount, CASE WHEN amount IS NULL THEN $4 ELSE currency END AS currency FROM brand_events
WHERE brand_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND NOT voided AND type NOT IN ('void', 'amend')
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A number of both sides."""

    yours: Decimal
    ours: Decimal


@dataclass(frozen=True, slots=True)
class IdDifferences:
    """Ids that one side lacks, and ids of both whose numbers differ by metric; in order."""

    missing_here: tuple[Any, ...] = ()
    missing_there: tuple[Any, ...] = ()
    different: tuple[tuple[Any, Mapping[str, Difference]], ...] = ()

    @property
    def found(self) -> bool:
        """True when the sides differ."""
        return bool(self.missing_here or self.missing_there or self.different)


@dataclass(frozen=True, slots=True)
class DayResult:
    """What became of a day. None: the brand said nothing of that."""

    day: date
    currency: str
    totals: Mapping[str, Difference] | None
    players: IdDifferences | None
    conversions: IdDifferences | None
    events: IdDifferences | None

    @property
    def equal(self) -> bool:
        """True when nothing that was compared differs."""
        kinds = (self.players, self.conversions, self.events)
        ids = [each for each in kinds if each is not None]
        return not self.totals and not any(each.found for each in ids)


@dataclass(slots=True)
class _Ours:
    """What is counted here of one day in one currency."""

    totals: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(METRICS, _ZERO))
    players: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    conversions: dict[Transaction, Decimal] = field(default_factory=dict)
    # Of events without money: None.
    events: dict[str, Decimal | None] = field(default_factory=dict)


@requires(Permission.SEND_BRAND_DATA)
async def reconcile(scope: Scope, brand_id: int, days: Any) -> list[DayResult]:
    """Compare the brand's days with the facts that hold at this moment; one result per day, in order.

    Days are business days of the brand; amounts are in each day's currency. No number is changed; what was found is
    an event, `intake.reconciled`. Raises Invalid naming the place of what cannot be read.
    """
    brand = await scope.query(Brand).get(id=brand_id)
    said = read_days(days, brand.currency)
    async with transaction() as tx:
        # No batch is half there.
        await lock_brand_intake(tx, brand.id)
        ours = await _ours(tx, brand.id, {day.day for day in said})
        await _add_events(tx, brand, {day.day for day in said if day.events is not None}, ours)
        results = [_compare(day, ours.get((day.day, day.currency), _Ours())) for day in said]
        data = {"days": [_summary(result) for result in results]}
        subject = Subject("brand", brand.id)
        await record(scope, tx, "intake.reconciled", subject, brand_id=brand.id, data=data)
    return results


async def _ours(
    tx: DatabaseTransaction, brand_id: int, days: Iterable[date]
) -> dict[tuple[date, str], _Ours]:
    found: dict[tuple[date, str], _Ours] = {}

    def of(row: Row) -> _Ours:
        return found.setdefault((row["business_day"], row["currency"]), _Ours())

    wanted = sorted(days)
    for row in await tx.fetch(_PLAYERS, brand_id, wanted):
        mine = of(row)
        for name in METRICS:
            mine.totals[name] += row[name]
        if row["user_id"] is not None:
            mine.players[row["user_id"]] = {name: row[name] for name in PLAYER_METRICS}
    for row in await tx.fetch(_CONVERSIONS, brand_id, wanted):
        of(row).conversions[row["kind"], row["transaction_id"]] = row["amount"]
    return found


async def _add_events(
    tx: DatabaseTransaction, brand: Brand, days: Iterable[date], ours: dict[tuple[date, str], _Ours]
) -> None:
    for day in sorted(days):
        bounds = day_bounds(day, brand.time_zone)
        for row in await tx.fetch(_EVENTS, brand.id, *bounds, brand.currency):
            mine = ours.setdefault((day, row["currency"]), _Ours())
            mine.events[row["event_id"]] = row["amount"]


def _compare(said: SaidDay, ours: _Ours) -> DayResult:
    totals = None
    if said.totals is not None:
        totals = _differences(said.totals, ours.totals, said.totals)
    return DayResult(
        said.day,
        said.currency,
        totals,
        None if said.players is None else _compare_players(said, said.players, ours.players),
        None if said.conversions is None else _compare_amounts(said.conversions, ours.conversions),
        None if said.events is None else _compare_amounts(said.events, ours.events),
    )


def _differences(
    yours: Mapping[str, Decimal], ours: Mapping[str, Decimal], names: Iterable[str]
) -> dict[str, Difference]:
    """The numbers that differ; an absent one is zero."""
    return {
        name: Difference(yours.get(name, _ZERO), ours.get(name, _ZERO))
        for name in sorted(names)
        if yours.get(name, _ZERO) != ours.get(name, _ZERO)
    }


def _compare_players(
    said: SaidDay,
    yours: Mapping[str, Mapping[str, Decimal] | None],
    ours: Mapping[str, Mapping[str, Decimal]],
) -> IdDifferences:
    """By the metrics that the brand's players name; players named alone are compared by being there."""
    names = said.player_metrics or PLAYER_METRICS.keys()
    here = {user_id: mine for user_id, mine in ours.items() if any(mine[name] for name in names)}
    # A player whose every number is zero is as good as absent.
    there = {
        user_id: numbers
        for user_id, numbers in yours.items()
        if numbers is None or any(numbers.values())
    }
    both = [
        (user_id, _differences(there[user_id] or {}, here[user_id], said.player_metrics))
        for user_id in sorted(there.keys() & here.keys())
        if there[user_id] is not None
    ]
    return IdDifferences(
        tuple(sorted(there.keys() - here.keys())),
        tuple(sorted(here.keys() - there.keys())),
        tuple((user_id, found) for user_id, found in both if found),
    )


def _compare_amounts(
    yours: Mapping[Key, Decimal | None], ours: Mapping[Key, Decimal | None]
) -> IdDifferences:
    """By being there, and by the amount where the brand names it."""
    different: list[tuple[Key, Mapping[str, Difference]]] = []
    for key in sorted(yours.keys() & ours.keys()):
        amount, mine = yours[key], ours[key] or _ZERO
        if amount is not None and amount != mine:
            different.append((key, {"amount": Difference(amount, mine)}))
    return IdDifferences(
        tuple(sorted(yours.keys() - ours.keys())),
        tuple(sorted(ours.keys() - yours.keys())),
        tuple(different),
    )


def _summary(result: DayResult) -> dict[str, Any]:
    """What the log keeps of a day: no ids, which may be many."""
    summary: dict[str, Any] = {
        "day": result.day,
        "currency": result.currency,
        "equal": result.equal,
        "totals": {
            name: {"yours": each.yours, "ours": each.ours}
            for name, each in (result.totals or {}).items()
        },
    }
    kinds = (
        ("players", result.players),
        ("conversions", result.conversions),
        ("events", result.events),
    )
    for name, ids in kinds:
        if ids is not None:
            summary[name] = counts_of(ids)
    return summary


def counts_of(ids: IdDifferences) -> dict[str, int]:
    """How many ids there are of each kind."""
    lists: tuple[tuple[str, Sequence[Any]], ...] = (
        ("missing_here", ids.missing_here),
        ("missing_there", ids.missing_there),
        ("different", ids.different),
    )
    return {name: len(each) for name, each in lists}
