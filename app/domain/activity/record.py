"""Recording activity: new intervals, revisions of known ones, and first deposits (W3, M05)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.activity import queries
from app.domain.activity.first_deposits import FirstDepositReport, record_first_deposits
from app.domain.attribution.decide import Attribution, Claim, attribute
from app.domain.errors import Invalid
from app.domain.events import NewEvent, Subject, record, record_all
from app.domain.intake import CHUNK, CLOCK_SKEW, Item, Stag, lock_brand_intake, parse_time
from app.domain.permissions import Permission, requires
from app.domain.players.register import NewPlayer, Status, find_players, insert_players
from app.domain.reports.metrics import ACTIVITY_METRICS, BaseMetric, Kind
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row, Transaction, transaction
from app.infra.encoding import dumps_text
from app.infra.money import EXACT, quantise
from app.models import Brand


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


@dataclass(frozen=True, slots=True)
class NewActivity:
    """What one player did in the interval, in one currency."""

    user_id: str
    tag: Stag | None
    currency: str
    revision: int | None
    metrics: dict[str, Decimal]
    first_deposit: ReportedFirstDeposit | None


@dataclass(frozen=True, slots=True)
class ActivityResult:
    """The answer to one item. `error` is a code, `message` says what to do."""

    user_id: str | None
    status: Status
    error: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class _Accepted:
    """An item that will be written, with the row that it replaces."""

    item: NewActivity
    player_id: int
    attribution: Attribution
    replaces: Row | None

    def delta(self, name: str) -> Decimal:
        before = self.replaces[name] if self.replaces else Decimal(0)
        return EXACT.subtract(self.item.metrics[name], before)

    @property
    def revised(self) -> bool:
        """True when a number differs from the row that is replaced."""
        return any(self.delta(name) for name in queries.METRICS)

    @property
    def written(self) -> bool:
        """True when a row must be written. One with the same numbers keeps the newer revision, which wins later."""
        return self.replaces is None or self.revised or _is_newer(self.item, self.replaces)

    def result(self, moved: Collection[int]) -> ActivityResult:
        """The answer, when the first deposits of the players in `moved` are new or have moved."""
        status = Status.UNCHANGED
        if self.replaces is None:
            status = Status.CREATED
        elif self.revised or (self.item.first_deposit is not None and self.player_id in moved):
            status = Status.UPDATED
        return ActivityResult(self.item.user_id, status)


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


@requires(Permission.SEND_BRAND_DATA)
async def record_activity(
    scope: Scope, brand_id: int, start: Any, end: Any, items: Sequence[Any]
) -> list[ActivityResult]:
    """Take in what players did from `start` to `end` (ISO 8601 texts); one result per item, in order.

    Amounts are in each item's currency. The natural key of an item is (brand, user, from, to, currency): the same
    content is unchanged, another content replaces it, leaving the old one superseded (decision 2).
    Raises Invalid for an impossible interval.
    """
    brand = await scope.query(Brand).get(id=brand_id)
    interval = parse_interval(scope, brand, start, end)
    results: list[ActivityResult] = []
    for offset in range(0, len(items), CHUNK):
        results += await _record_chunk(scope, brand, interval, items[offset : offset + CHUNK])
    return results


async def _record_chunk(
    scope: Scope, brand: Brand, interval: Interval, items: Sequence[Any]
) -> list[ActivityResult]:
    parsed = [_parse(scope, brand, raw) for raw in items]
    good = [item for item in parsed if isinstance(item, NewActivity)]
    async with transaction() as tx:
        await lock_brand_intake(tx, brand.id)
        players = await _players(scope, tx, brand, interval, good)
        ids = [player_id for player_id, _ in players.values()]
        rows = await tx.fetch(
            queries.FIND_ACTIVITIES, interval.day, ids, interval.start, interval.end
        )
        stored: dict[tuple[int, str], list[Row]] = {}
        for row in rows:
            stored.setdefault((row["player_id"], row["currency"]), []).append(row)
        accepted: dict[tuple[int, str], _Accepted] = {}
        decided = [
            item
            if isinstance(item, ActivityResult)
            else _decide(interval, item, players.get(item.user_id), stored, accepted)
            for item in parsed
        ]
        moved = await _write(scope, tx, brand, interval, list(accepted.values()))
    return [item if isinstance(item, ActivityResult) else item.result(moved) for item in decided]


def _parse(scope: Scope, brand: Brand, raw: Any) -> NewActivity | ActivityResult:
    """The item, or its refusal."""
    user_id: str | None = None
    try:
        item = Item(raw)
        user_id = item.required_text("user_id", 200)
        currency = item.currency(brand.currency)
        return NewActivity(
            user_id=user_id,
            tag=item.stag(),
            currency=currency,
            revision=item.integer("revision"),
            metrics={metric.name: _metric(item, metric, currency) for metric in ACTIVITY_METRICS},
            first_deposit=_first_deposit(scope, item, currency),
        )
    except Invalid as error:
        return ActivityResult(user_id, Status.REJECTED, "invalid", error.message)


def _first_deposit(scope: Scope, item: Item, currency: str) -> ReportedFirstDeposit | None:
    amount = item.amount("first_deposit_sum", currency)
    if amount is None and not item.has("first_deposit_at"):
        return None
    if amount is None or not item.has("first_deposit_at"):
        message = "send first_deposit_at and first_deposit_sum together"
        raise Invalid(message, field=("first_deposit_sum",))
    at = item.required_time("first_deposit_at", scope)
    return ReportedFirstDeposit(at, quantise(amount, currency))


def _metric(item: Item, metric: BaseMetric, currency: str) -> Decimal:
    if metric.kind is Kind.COUNT:
        return item.count(metric.name)
    amount = item.amount(metric.name, currency, signed=metric.signed)
    return quantise(amount or Decimal(0), currency)


async def _players(
    scope: Scope, tx: Transaction, brand: Brand, interval: Interval, items: Sequence[NewActivity]
) -> dict[str, tuple[int, Attribution]]:
    """The players of the items; an unknown one is registered when its item carries the tag of a visit."""
    known = await find_players(tx, brand.id, [item.user_id for item in items])
    players = {user_id: (player.id, player.attribution) for user_id, player in known.items()}
    strangers = {item.user_id: item for item in items if item.user_id not in known and item.tag}
    claims = [Claim(item.tag, None, interval.start) for item in strangers.values()]
    decisions = await attribute(tx, brand, claims, needs_open=True)
    fresh = []
    for item, decision in zip(strangers.values(), decisions, strict=True):
        if isinstance(decision, Attribution):
            player = NewPlayer(item.user_id, item.tag, interval.start, None, None, item.currency)
            fresh.append((player, decision))
    ids = await insert_players(scope, tx, brand, fresh)
    return players | {player.user_id: (ids[player.user_id], visit) for player, visit in fresh}


def _decide(
    interval: Interval,
    item: NewActivity,
    player: tuple[int, Attribution] | None,
    stored: dict[tuple[int, str], list[Row]],
    accepted: dict[tuple[int, str], _Accepted],
) -> ActivityResult | _Accepted:
    """The refusal of an item, or what is known of it; then it is added to `accepted` as well."""
    if player is None:
        message = "no player has this user_id: register it first, or send its tag"
        return ActivityResult(item.user_id, Status.REJECTED, "unknown_player", message)
    player_id, attribution = player
    key = (player_id, item.currency)
    if key in accepted:
        message = "the same batch holds this user_id and currency twice"
        return ActivityResult(item.user_id, Status.REJECTED, "conflict", message)
    rows = stored.get(key, [])
    same = [
        row
        for row in rows
        if (row["period_from"], row["period_to"]) == (interval.start, interval.end)
    ]
    if len(same) < len(rows):
        message = "another interval with other bounds covers part of this one"
        return ActivityResult(item.user_id, Status.REJECTED, "overlap", message)
    before = same[0] if same else None
    refusal = _compare(item, before) if before else None
    if refusal is not None:
        return refusal
    accepted[key] = _Accepted(item, player_id, attribution, before)
    return accepted[key]


def _compare(item: NewActivity, before: Row) -> ActivityResult | None:
    """The refusal when the item must not replace the row, else None."""
    equal = all(before[name] == value for name, value in item.metrics.items())
    if item.revision is not None and before["revision"] is not None:
        if item.revision < before["revision"]:
            message = f"revision {before['revision']} is stored and is newer"
            return ActivityResult(item.user_id, Status.REJECTED, "stale", message)
        if item.revision == before["revision"] and not equal:
            message = f"revision {item.revision} is stored with other content: send a higher one"
            return ActivityResult(item.user_id, Status.REJECTED, "conflict", message)
    return None


def _is_newer(item: NewActivity, before: Row) -> bool:
    return item.revision is not None and (
        before["revision"] is None or item.revision > before["revision"]
    )


async def _write(
    scope: Scope, tx: Transaction, brand: Brand, interval: Interval, accepted: Sequence[_Accepted]
) -> set[int]:
    """Write what was accepted; returns the players whose first deposit is new or has moved."""
    changed = [entry for entry in accepted if entry.written]
    if changed:
        await _write_activities(tx, brand, interval, changed)
    if revised := [entry for entry in changed if entry.replaces and entry.revised]:
        # Who sent it, and with which request: the change feed tells (X03).
        data = {"from": interval.start, "to": interval.end, "items": len(revised)}
        subject = Subject("brand", brand.id)
        await record(scope, tx, "activity.revised", subject, brand_id=brand.id, data=data)
    deposits = [
        NewEvent(
            "player.deposited",
            Subject("player", entry.player_id),
            entry.attribution.partner_id,
            brand.id,
            interval.start,
            _deposit_data(entry),
        )
        for entry in changed
        if entry.delta("deposits_count") > 0
    ]
    first = [
        FirstDepositReport(
            entry.player_id, entry.attribution, reported.at, reported.amount, entry.item.currency
        )
        for entry in accepted
        if (reported := entry.item.first_deposit) is not None
    ]
    moved = await record_first_deposits(scope, tx, brand, first)
    await record_all(scope, tx, deposits)
    return moved


def _deposit_data(entry: _Accepted) -> dict[str, Any]:
    return {
        "visit_id": entry.attribution.visit_id,
        "promo_id": entry.attribution.promo_id,
        "campaign_id": entry.attribution.campaign_id,
        "country": entry.attribution.country,
        "currency": entry.item.currency,
        "amount": entry.delta("deposits_sum"),
    }


async def _write_activities(
    tx: Transaction, brand: Brand, interval: Interval, changed: Sequence[_Accepted]
) -> None:
    recording = await tx.recording()
    replaced = [entry.replaces for entry in changed if entry.replaces]
    if replaced:
        days, ids = [row["business_day"] for row in replaced], [row["id"] for row in replaced]
        await tx.fetch(queries.SUPERSEDE["activities"], recording, days, ids)
    new_ids = [row["id"] for row in await tx.fetch(queries.TAKE_IDS["activities"], len(changed))]
    rows = [
        (
            *(new_id, recording, interval.start, interval.day, brand.id),
            *(
                entry.attribution.partner_id,
                entry.attribution.campaign_id,
                entry.attribution.plan_id,
            ),
            *(
                entry.attribution.promo_id,
                entry.player_id,
                entry.attribution.country,
                entry.item.currency,
            ),
            *(interval.start, interval.end, entry.item.revision),
            *(entry.item.metrics[name] for name in queries.METRICS),
        )
        for new_id, entry in zip(new_ids, changed, strict=True)
    ]
    await tx.copy("activities", queries.ACTIVITY_COLUMNS, rows)
    changes = [
        (
            *(
                recording,
                entry.attribution.partner_id,
                brand.id,
                "activities",
                entry.replaces["id"],
                new_id,
            ),
            *("revised by the brand", dumps_text(_deltas(entry))),
        )
        for new_id, entry in zip(new_ids, changed, strict=True)
        if entry.replaces
    ]
    if changes:
        await tx.copy("fact_changes", queries.FACT_CHANGE_COLUMNS, changes)


def _deltas(entry: _Accepted) -> dict[str, Decimal]:
    deltas = {name: entry.delta(name) for name in queries.METRICS}
    return {name: delta for name, delta in deltas.items() if delta}
