"""Entering exchange rates: by operators, from a file, from the European Central Bank (M40, O21)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.domain.errors import Conflict, Invalid
from app.domain.events import NewEvent, Subject, record_all
from app.domain.exchange_rates import queries
from app.domain.exchange_rates.csv_file import read_rates
from app.domain.exchange_rates.values import Name, NewRate, Place, RateSource, check_rates
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import Row, Transaction, transaction
from app.infra.money import decimal_text

MOST_RATES = 1_000
ECB_BASE = "EUR"

Present = Mapping[tuple[date, frozenset[str]], Row]


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of the rates: how many are new, took the place of another one, or were there already."""

    entered: int
    replaced: int
    unchanged: int


@requires(Permission.MANAGE_EXCHANGE_RATES)
async def set_exchange_rates(
    scope: Scope, rates: Sequence[NewRate], *, replace: bool = False
) -> Entered:
    """Enter rates, all of them or none. The same rate again changes nothing.

    A day has one present rate between two currencies. Another one takes its place only with `replace`; the old one is
    kept as superseded. Raises Invalid or Conflict naming the item (`rates.0.rate`), the limit and the way out.
    """
    if not 1 <= len(rates) <= MOST_RATES:
        raise Invalid(
            f"{len(rates)} rates: send 1 to {MOST_RATES} at a time, or a file", field=("rates",)
        )

    def place(index: int, field: str) -> tuple[str, ...]:
        return ("rates", str(index), field)

    def name(index: int) -> str:
        return f"rates[{index}]"

    check_rates(rates, scope.now(), place, name)
    async with transaction() as tx:
        return await _enter(
            scope, tx, rates, RateSource.OPERATOR, _replacing(replace, rates, place, name)
        )


@requires(Permission.MANAGE_EXCHANGE_RATES)
async def import_exchange_rates(scope: Scope, text: str, *, replace: bool = False) -> Entered:
    """Enter the rates of a CSV file, all of them or none; see `set_exchange_rates`.

    Raises Invalid or Conflict naming the line (`csv.7.rate`), the limit and the way out.
    """
    numbered = read_rates(text)
    rates = [rate for _, rate in numbered]

    def place(index: int, field: str) -> tuple[str, ...]:
        return ("csv", str(numbered[index][0]), field)

    def name(index: int) -> str:
        return f"line {numbered[index][0]}"

    check_rates(rates, scope.now(), place, name)
    async with transaction() as tx:
        return await _enter(
            scope, tx, rates, RateSource.UPLOAD, _replacing(replace, rates, place, name)
        )


@requires(Permission.OPERATE)
async def enter_ecb_rates(scope: Scope, day: date, rates: Mapping[str, Decimal]) -> Entered:
    """Enter the European Central Bank's rates of a day, by currency. What the day has already, from anybody, stays.

    Raises Invalid when a rate cannot be one.
    """
    given = [NewRate(day, ECB_BASE, currency, rate) for currency, rate in sorted(rates.items())]

    def place(_index: int, field: str) -> tuple[str, ...]:
        return (field,)

    def name(index: int) -> str:
        return given[index].currency

    check_rates(given, scope.now(), place, name)
    async with transaction() as tx:
        return await _enter(scope, tx, given, RateSource.ECB, lambda _index, _present: False)


# Whether an item takes the place of the present rate; may refuse instead.
Decide = Callable[[int, Row], bool]


def _replacing(replace: bool, rates: Sequence[NewRate], place: Place, name: Name) -> Decide:
    def decide(index: int, present: Row) -> bool:
        if replace:
            return True
        raise Conflict(
            f"{name(index)}: {rates[index].day} has the rate 1 {present['base']} ="
            f" {decimal_text(present['rate'])} {present['currency']} already ({present['source']}):"
            " set replace to put yours in its place",
            field=place(index, "rate"),
        )

    return decide


async def _enter(
    scope: Scope,
    tx: Transaction,
    rates: Sequence[NewRate],
    source: RateSource,
    replaces: Decide,
) -> Entered:
    await tx.fetch(queries.LOCK)
    present = await _present(tx, rates)
    fresh, before, unchanged = [], {}, 0
    for index, rate in enumerate(rates):
        row = present.get(rate.key)
        if row is not None and _same(row, rate):
            unchanged += 1
        elif row is None:
            fresh.append(rate)
        elif replaces(index, row):
            fresh.append(rate)
            before[rate.key] = row
        else:
            unchanged += 1
    if before:
        await tx.fetch(queries.SUPERSEDE, [row["id"] for row in before.values()], scope.now())
    if fresh:
        await _insert(scope, tx, fresh, source, before)
    return Entered(len(fresh) - len(before), len(before), unchanged)


def _same(row: Row, rate: NewRate) -> bool:
    return (row["base"], row["currency"], row["rate"]) == (rate.base, rate.currency, rate.rate)


async def _present(tx: Transaction, rates: Sequence[NewRate]) -> Present:
    rows = await tx.fetch(queries.PRESENT, *_columns(rates))
    return {(row["day"], frozenset((row["base"], row["currency"]))): row for row in rows}


async def _insert(
    scope: Scope,
    tx: Transaction,
    rates: Sequence[NewRate],
    source: RateSource,
    before: Present,
) -> None:
    person = scope.actor.id if scope.actor.kind == "operator_user" else None
    amounts = [rate.rate for rate in rates]
    rows = await tx.fetch(
        queries.INSERT, *_columns(rates), amounts, source.value, person, scope.now()
    )
    ids = {(row["day"], frozenset((row["base"], row["currency"]))): row["id"] for row in rows}
    events = [_event(scope, ids[rate.key], rate, source, before.get(rate.key)) for rate in rates]
    await record_all(scope, tx, events)


def _columns(rates: Sequence[NewRate]) -> tuple[list[date], list[str], list[str]]:
    return (
        [rate.day for rate in rates],
        [rate.base for rate in rates],
        [rate.currency for rate in rates],
    )


def _event(
    scope: Scope, rate_id: int, rate: NewRate, source: RateSource, before: Row | None
) -> NewEvent:
    data: dict[str, object] = {
        "day": rate.day.isoformat(),
        "base": rate.base,
        "currency": rate.currency,
        "rate": decimal_text(rate.rate),
        "source": source.value,
    }
    if before is not None:
        data["before"] = {
            "id": before["id"],
            "base": before["base"],
            "currency": before["currency"],
            "rate": decimal_text(before["rate"]),
            "source": before["source"],
        }
    verb = "entered" if before is None else "replaced"
    subject = Subject("exchange_rate", rate_id)
    return NewEvent(f"exchange_rate.{verb}", subject, None, None, scope.now(), data)
