"""What a brand says of its days: totals, players, transactions and events, read from JSON (X06)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.errors import Invalid
from app.domain.intake import EARLIEST, LATEST, Item
from app.domain.reports.metrics import BASE_METRICS, BaseMetric, Kind, Source
from app.infra.money import EXACT, quantise

MOST_DAYS = 62
MOST_ITEMS = 100_000
OF_PLAYERS = frozenset({Source.REGISTRATIONS, Source.FIRST_DEPOSITS, Source.ACTIVITIES})
# What brands report; visits are ours alone.
PLAYER_METRICS = {
    metric.name: metric for metric in BASE_METRICS.values() if metric.source in OF_PLAYERS
}
METRICS = PLAYER_METRICS | {
    metric.name: metric for metric in BASE_METRICS.values() if metric.source is Source.CONVERSIONS
}
LISTS = ("players", "conversions", "events")
COMPARED = ("totals", *LISTS)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAMES = {"user_id", "type", "transaction_id", "amount", "amount_cents"}

# The one type of which a transaction may have several.
_IN_PARTS = "refund"

Transaction = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SaidDay:
    """A business day in one currency, as the brand has it. None: it says nothing of that."""

    day: date
    currency: str
    totals: Mapping[str, Decimal] | None
    # By user id; a player that is only named has no numbers.
    players: Mapping[str, Mapping[str, Decimal] | None] | None
    # By type and transaction id, the refunds of one summed; without an amount only that it is there.
    conversions: Mapping[Transaction, Decimal | None] | None
    # By the id of the single event; without an amount only that it is there.
    events: Mapping[str, Decimal | None] | None
    player_metrics: frozenset[str] = field(default_factory=frozenset)


def read_days(raw: Any, default_currency: str) -> list[SaidDay]:
    """The days of a request. Raises Invalid naming the place, and for more than the limits allow."""
    if not isinstance(raw, list) or not raw:
        raise Invalid("days is missing or is not an array with a day", field=("days",))
    if len(raw) > MOST_DAYS:
        raise Invalid(
            f"{len(raw)} days are more than {MOST_DAYS}: send them in several requests",
            field=("days",),
        )
    days = [_day(each, f"days[{place}]", default_currency) for place, each in enumerate(raw)]
    # As they were sent: several refunds of one transaction are one of its day.
    count = sum(len(each.get(name) or ()) for each in raw for name in LISTS)
    if count > MOST_ITEMS:
        raise Invalid(
            f"{count} players, transactions and events are more than {MOST_ITEMS}: send totals of all days first, "
            "then the players, transactions and events of one day that differs",
            field=("days",),
        )
    if len({(day.day, day.currency) for day in days}) < len(days):
        raise Invalid("a day and currency is named twice", field=("days",))
    return days


def _day(raw: Any, place: str, default_currency: str) -> SaidDay:
    try:
        item = Item(raw)
        currency = item.currency(default_currency)
        day = _date(item.required_text("day", 10))
    except Invalid as error:
        raise _at(place, error) from None
    totals, players, conversions, events = (raw.get(name) for name in COMPARED)
    if all(raw.get(name) is None for name in COMPARED):
        raise Invalid(
            f"{place} has nothing to compare: send totals, players, conversions or events",
            field=(place,),
        )
    named = None if players is None else _players(players, f"{place}.players", currency)
    metrics = {name for each in (named or {}).values() for name in each or ()}
    return SaidDay(
        day,
        currency,
        None if totals is None else _numbers(totals, f"{place}.totals", currency, METRICS),
        named,
        None
        if conversions is None
        else _conversions(conversions, f"{place}.conversions", currency),
        None if events is None else _events(events, f"{place}.events", currency),
        frozenset(metrics),
    )


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise Invalid("day is not a date such as 2026-03-01", field=("day",)) from None
    if not EARLIEST.year <= day.year <= LATEST.year:
        raise Invalid("day lies outside the years that can be recorded", field=("day",))
    return day


def _at(place: str, error: Invalid) -> Invalid:
    return Invalid(f"{place}: {error.message}", field=(place, *error.field))


def _numbers(
    raw: Any, place: str, currency: str, known: Mapping[str, BaseMetric]
) -> dict[str, Decimal]:
    """The metrics that an object names, each a count or an amount."""
    try:
        item = Item(raw)
        found = {}
        for key in raw:
            if key in _NAMES:
                continue
            name = key.removesuffix("_cents")
            metric = known.get(name)
            # Only amounts have minor units.
            if metric is None or (metric.kind is Kind.COUNT and key != name):
                raise Invalid(f"{key!r} is not a metric that brands report", field=(str(key),))
            if metric.kind is Kind.COUNT:
                found[name] = item.count(name)
            else:
                # A total may be below zero where its parts may.
                amount = item.amount(name, currency, signed=metric.signed)
                found[name] = quantise(amount or Decimal(0), currency)
        return found
    except Invalid as error:
        raise _at(place, error) from None


def _array(raw: Any, place: str) -> Sequence[Any]:
    if not isinstance(raw, list):
        raise Invalid(f"{place} is not an array", field=(place,))
    return raw


def _players(raw: Any, place: str, currency: str) -> dict[str, Mapping[str, Decimal] | None]:
    """Objects with a user_id and metrics, or user ids alone."""
    found: dict[str, Mapping[str, Decimal] | None] = {}
    for number, each in enumerate(_array(raw, place)):
        here = f"{place}[{number}]"
        alone = not isinstance(each, Mapping)
        try:
            user_id = Item({"user_id": each} if alone else each).required_text("user_id", 200)
        except Invalid as error:
            raise _at(here, error) from None
        if user_id in found:
            raise Invalid(f"{here}: user_id {user_id!r} is named twice", field=(here, "user_id"))
        numbers = {} if alone else _numbers(each, here, currency, PLAYER_METRICS)
        found[user_id] = numbers or None
    return found


def _conversions(raw: Any, place: str, currency: str) -> dict[Transaction, Decimal | None]:
    """By type and transaction. A sale may be refunded in parts: they are summed, unless one has no amount."""
    found: dict[Transaction, Decimal | None] = {}
    for number, each in enumerate(_array(raw, place)):
        here = f"{place}[{number}]"
        try:
            item = Item(each)
            key = (item.required_text("type", 8), item.required_text("transaction_id", 200))
            amount = item.amount("amount", currency)
        except Invalid as error:
            raise _at(here, error) from None
        if key in found and key[0] != _IN_PARTS:
            raise Invalid(f"{here}: {key[0]} {key[1]!r} is named twice", field=(here,))
        before = found.get(key, Decimal(0))
        if amount is None or before is None:
            found[key] = None
        else:
            found[key] = quantise(EXACT.add(before, amount), currency)
    return found


def _events(raw: Any, place: str, currency: str) -> dict[str, Decimal | None]:
    """Objects with an id and an amount, or ids alone."""
    found: dict[str, Decimal | None] = {}
    for number, each in enumerate(_array(raw, place)):
        here = f"{place}[{number}]"
        try:
            item = Item(each if isinstance(each, Mapping) else {"id": each})
            event_id = item.required_text("id", 200)
            amount = item.amount("amount", currency, signed=True)
        except Invalid as error:
            raise _at(here, error) from None
        if event_id in found:
            raise Invalid(f"{here}: id {event_id!r} is named twice", field=(here, "id"))
        found[event_id] = None if amount is None else quantise(amount, currency)
    return found
