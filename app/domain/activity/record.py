"""Recording activity: new intervals, revisions of known ones, and first deposits (W3, M05)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.domain.activity import queries
from app.domain.activity.claims import ToldFirstDeposit, find_claims, keep_claims
from app.domain.activity.read import FIELDS, Interval, NewActivity, parse_interval, read_item
from app.domain.attribution.decide import (
    Attribution,
    Claim,
    Refusal,
    attribute,
    find_awaited,
    find_visits,
)
from app.domain.brands.completeness import declare_complete, parse_complete_through
from app.domain.brands.metric_reports import note_reports
from app.domain.brands.metric_sources import (
    FIRST_DEPOSITS,
    MetricSources,
    ReportSource,
    load_metric_sources,
    told_not_counted,
)
from app.domain.changes.late import tell_late
from app.domain.errors import Invalid
from app.domain.events import NewEvent, Subject, record, record_all
from app.domain.held.waiting import Door, Holder, Waiting, open_holder
from app.domain.intake import CHUNK, Item, lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.players.known import KnownPlayer, find_players
from app.domain.players.register import (
    HELD_MESSAGE,
    NewPlayer,
    Status,
    insert_players,
    known_of_new,
    user_id_of,
)
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row, Transaction, transaction
from app.infra.encoding import dumps_text, loads
from app.infra.money import EXACT
from app.models import Brand


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
    player: KnownPlayer
    attribution: Attribution
    replaces: Row | None
    # What the item says of metrics that count here, and of those for which the brand's events count.
    counted: dict[str, Decimal]
    uncounted: dict[str, Decimal]
    # It claims a first deposit, or takes back what was claimed.
    claims: bool
    # The first deposit that it claims, if any, is of a day on which activity counts.
    claim_counts: bool

    def delta(self, name: str) -> Decimal:
        before = self.replaces[name] if self.replaces else Decimal(0)
        return EXACT.subtract(self.counted[name], before)

    @property
    def revised(self) -> bool:
        """True when a number differs from the row that is replaced."""
        before = _uncounted(self.replaces) if self.replaces else {}
        return any(self.delta(name) for name in queries.METRICS) or before != self.uncounted

    @property
    def revision(self) -> int | None:
        """The highest that was told; an item without one does not make older ones newer."""
        stored: int | None = self.replaces["revision"] if self.replaces else None
        return stored if self.item.revision is None else self.item.revision

    @property
    def written(self) -> bool:
        """True when a row must be written. One with the same numbers keeps the newer revision, which wins later."""
        return self.replaces is None or self.revised or _is_newer(self.item, self.replaces)

    def result(self, moved: Collection[int]) -> ActivityResult:
        """The answer, when the first deposits of the players in `moved` are new or have moved."""
        status = Status.UNCHANGED
        if self.replaces is None:
            status = Status.CREATED
        elif self.revised or (self.claims and self.player.id in moved):
            status = Status.UPDATED
        others = (*self.uncounted, *(() if self.claim_counts else (FIRST_DEPOSITS,)))
        message = told_not_counted(ReportSource.EVENTS, others) if others else None
        return ActivityResult(self.item.user_id, status, message=message)


@requires(Permission.SEND_BRAND_DATA)
async def record_activity(
    scope: Scope,
    brand_id: int,
    start: Any,
    end: Any,
    items: Sequence[Any],
    complete_through: Any = None,
) -> list[ActivityResult]:
    """Take in what players did from `start` to `end` (ISO 8601 texts); one result per item, in order.

    Amounts are in each item's currency. The natural key of an item is (brand, user, from, to, currency): the same
    content is unchanged, another content replaces it, leaving the old one superseded (decision 2). Then the brand has
    reported everything up to `complete_through`, if it says so (M26).
    Raises Invalid for an impossible interval or time.
    """
    brand = await scope.query(Brand).get(id=brand_id)
    interval = parse_interval(scope, brand, start, end)
    through = parse_complete_through(scope, complete_through)
    results: list[ActivityResult] = []
    for offset in range(0, len(items), CHUNK):
        chunk = items[offset : offset + CHUNK]
        async with transaction() as tx:
            await lock_brand_intake(tx, brand.id)
            users = [user_id_of(raw) for raw in chunk]
            holder = await open_holder(tx, brand.id, Door.ACTIVITY, users)
            results += await take_activity(scope, tx, brand, interval, chunk, holder=holder)
    await declare_complete(scope, brand, through)
    return results


async def take_activity(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    interval: Interval,
    items: Sequence[Any],
    *,
    holder: Holder,
) -> list[ActivityResult]:
    """`record_activity` within a transaction that has locked the brand's intake."""
    parsed = [_parse(scope, brand, raw) for raw in items]
    kept: list[NewActivity | ActivityResult] = []
    await _hold(scope, tx, brand, interval, parsed, items, holder, kept)
    good = [item for item in kept if isinstance(item, NewActivity)]
    sources = await load_metric_sources(tx, brand.id)
    players, refused = await _players(scope, tx, brand, interval, good)
    ids = [player.id for player in players.values()]
    rows = await tx.fetch(queries.FIND_ACTIVITIES, interval.day, ids, interval.start, interval.end)
    stored: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        stored.setdefault((row["player_id"], row["currency"]), []).append(row)
    claims = await find_claims(tx, interval, ids)
    counting = _Counting(brand, interval, sources, claims)
    accepted: dict[tuple[int, str], _Accepted] = {}
    decided = [
        item
        if isinstance(item, ActivityResult)
        else _decide(
            counting, item, players.get(item.user_id), refused.get(item.user_id), stored, accepted
        )
        for item in kept
    ]
    moved = await _write(scope, tx, brand, counting, list(accepted.values()))
    await holder.write(scope, tx, brand)
    return [item if isinstance(item, ActivityResult) else item.result(moved) for item in decided]


async def _hold(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    interval: Interval,
    parsed: Sequence[NewActivity | ActivityResult],
    items: Sequence[Any],
    holder: Holder,
    kept: list[NewActivity | ActivityResult],
) -> None:
    """Hold back what waits for a visit, and what stands behind it; everything else goes to `kept`."""
    claims = [
        Claim(item.tag, None, interval.start)
        for item in parsed
        if isinstance(item, NewActivity) and item.tag
    ]
    visits = await find_visits(tx, brand.id, [claim.tag for claim in claims if claim.tag])
    now = scope.now() - brand.clock_offset
    awaited = await find_awaited(tx, brand, claims, visits, now) if claims else frozenset()
    users = [item.user_id for item in parsed if isinstance(item, NewActivity)]
    known = await find_players(tx, brand.id, users) if awaited else {}
    for item, raw in zip(parsed, items, strict=True):
        if isinstance(item, ActivityResult):
            kept.append(item)
            continue
        waits = item.tag is not None and item.tag.visit_id in awaited and item.user_id not in known
        if not waits and not holder.blocks(item.user_id):
            kept.append(item)
            continue
        key = f"activity:{item.user_id}:{interval.start}:{interval.end}:{item.currency}"
        content = {name: raw[name] for name in FIELDS if raw.get(name) is not None}
        tag, bounds = item.tag if waits else None, (interval.start, interval.end)
        holder.hold(Waiting(item.user_id, tag, key, content, period=bounds))
        kept.append(ActivityResult(item.user_id, Status.HELD, None, HELD_MESSAGE))


def _parse(scope: Scope, brand: Brand, raw: Any) -> NewActivity | ActivityResult:
    """The item, or its refusal."""
    user_id: str | None = None
    try:
        item = Item(raw)
        user_id = item.required_text("user_id", 200)
        return read_item(scope, brand, item, user_id)
    except Invalid as error:
        return ActivityResult(user_id, Status.REJECTED, "invalid", error.message)


class _Counting:
    """What decides about the items of an interval: which metrics count, and what is claimed of first deposits."""

    def __init__(
        self,
        brand: Brand,
        interval: Interval,
        sources: MetricSources,
        claims: dict[tuple[int, str], Row],
    ) -> None:
        self._time_zone = brand.time_zone
        self.interval = interval
        self.sources = sources
        self.claims = claims
        # The metrics for which the brand's events count on that day.
        self._others = [
            name
            for name in queries.METRICS
            if sources.on(name, interval.day) is not ReportSource.ACTIVITY
        ]

    def split(self, item: NewActivity) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """The metrics that count, zero for the others; and the others that are not zero."""
        if not self._others:
            return item.metrics, {}
        counted = item.metrics | dict.fromkeys(self._others, Decimal(0))
        return counted, {name: item.metrics[name] for name in self._others if item.metrics[name]}

    def counts_claim(self, item: NewActivity) -> bool:
        """False when the item tells of a first deposit on a day for which the brand's events count."""
        if item.first_deposit is None:
            return True
        day = business_day(item.first_deposit.at, self._time_zone)
        return self.sources.on(FIRST_DEPOSITS, day) is ReportSource.ACTIVITY


def _uncounted(row: Row) -> dict[str, Decimal]:
    text = row["uncounted"]
    # Nearly always; a batch has many rows.
    if text == "{}":
        return {}
    return {name: Decimal(value) for name, value in loads(text).items()}


async def _players(
    scope: Scope, tx: Transaction, brand: Brand, interval: Interval, items: Sequence[NewActivity]
) -> tuple[dict[str, KnownPlayer], dict[str, Refusal]]:
    """The players of the items, and why tags registered nobody, by user id.

    An unknown player is registered when its item carries the tag of a visit.
    """
    known = await find_players(tx, brand.id, [item.user_id for item in items])
    strangers = {item.user_id: item for item in items if item.user_id not in known and item.tag}
    claims = [Claim(item.tag, None, interval.start) for item in strangers.values()]
    decisions = await attribute(tx, brand, claims, needs_open=True)
    fresh, refused = [], {}
    for item, decision in zip(strangers.values(), decisions, strict=True):
        if isinstance(decision, Refusal):
            refused[item.user_id] = decision
        else:
            player = NewPlayer(
                item.user_id,
                item.tag,
                sign_up_at=interval.start,
                country=None,
                language=None,
                currency=item.currency,
                inferred=True,
            )
            fresh.append((player, decision))
    ids = await insert_players(scope, tx, brand, fresh)
    added = {
        player.user_id: known_of_new(ids[player.user_id], player, visit, brand)
        for player, visit in fresh
    }
    return known | added, refused


def _decide(
    counting: _Counting,
    item: NewActivity,
    player: KnownPlayer | None,
    refused: Refusal | None,
    stored: dict[tuple[int, str], list[Row]],
    accepted: dict[tuple[int, str], _Accepted],
) -> ActivityResult | _Accepted:
    """The refusal of an item, or what is known of it; then it is added to `accepted` as well."""
    if player is None:
        message = "no player has this user_id: register it first, or send its tag"
        if refused is not None:
            message = f"no player has this user_id, and {refused.message}"
        return ActivityResult(item.user_id, Status.REJECTED, "unknown_player", message)
    key = (player.id, item.currency)
    if key in accepted:
        message = "the same batch holds this user_id and currency twice: send one item with the totals of the interval"
        return ActivityResult(item.user_id, Status.REJECTED, "conflict", message)
    rows = stored.get(key, [])
    bounds = (counting.interval.start, counting.interval.end)
    same = [row for row in rows if (row["period_from"], row["period_to"]) == bounds]
    if len(same) < len(rows):
        other = next(row for row in rows if row not in same)
        first, last = other["period_from"].isoformat(), other["period_to"].isoformat()
        message = (
            f"the interval from {first} to {last} is stored and covers a part of this one: keep to its bounds, and "
            "correct it by sending it again"
        )
        return ActivityResult(item.user_id, Status.REJECTED, "overlap", message)
    before = same[0] if same else None
    claim = counting.claims.get(key)
    refusal = _compare(item, before, claim) if before else None
    if refusal is not None:
        return refusal
    whose = player.attribution_on(counting.interval.day)
    claims = item.first_deposit is not None or (claim is not None and item.revision is not None)
    counts = counting.counts_claim(item)
    accepted[key] = _Accepted(item, player, whose, before, *counting.split(item), claims, counts)
    return accepted[key]


def _compare(item: NewActivity, before: Row, claim: Row | None) -> ActivityResult | None:
    """The refusal when the item must not replace the row, else None."""
    reported = {name: before[name] for name in item.metrics} | _uncounted(before)
    told = item.first_deposit
    repeats_claim = claim is None or (told is not None and told.is_claim(claim))
    equal = reported == item.metrics and repeats_claim
    if item.revision is not None and before["revision"] is not None:
        if item.revision < before["revision"]:
            message = f"{item.version(before['revision'])} is stored and is newer: it stays"
            return ActivityResult(item.user_id, Status.REJECTED, "stale", message)
        if item.revision == before["revision"] and not equal:
            message = (
                f"{item.version(item.revision)} is stored with other content: send a newer one"
            )
            return ActivityResult(item.user_id, Status.REJECTED, "conflict", message)
    return None


def _is_newer(item: NewActivity, before: Row) -> bool:
    return item.revision is not None and (
        before["revision"] is None or item.revision > before["revision"]
    )


async def _write(
    scope: Scope, tx: Transaction, brand: Brand, counting: _Counting, accepted: Sequence[_Accepted]
) -> set[int]:
    """Write what was accepted; returns the players whose first deposit is new or has moved."""
    interval = counting.interval
    changed = [entry for entry in accepted if entry.written]
    if changed:
        await _write_activities(tx, brand, interval, changed)
    if revised := [entry for entry in changed if entry.replaces and entry.revised]:
        # Who sent it, and with which request: the change feed tells (X03).
        data = {"from": interval.start, "to": interval.end, "items": len(revised)}
        subject = Subject("brand", brand.id)
        await record(scope, tx, "activity.revised", subject, brand_id=brand.id, data=data)
    if any(entry.replaces is None for entry in changed):
        await tell_late(scope, tx, brand, "activity.added_late", [interval.day])
    deposits = [
        NewEvent(
            "player.deposited",
            Subject("player", entry.player.id),
            entry.attribution.partner_id,
            brand.id,
            interval.start,
            _deposit_data(entry),
        )
        for entry in changed
        if entry.delta("deposits_count") > 0
    ]
    told = [
        ToldFirstDeposit(
            entry.player,
            entry.item,
            counting.claims.get((entry.player.id, entry.item.currency)),
            entry.written,
        )
        for entry in accepted
    ]
    moved = await keep_claims(scope, tx, brand, interval, counting.sources, told)
    await record_all(scope, tx, deposits)
    items = [entry.item for entry in accepted]
    metrics = {name for item in items for name, value in item.metrics.items() if value}
    if any(item.first_deposit for item in items):
        metrics.add(FIRST_DEPOSITS)
    await note_reports(scope, tx, brand.id, metrics, ReportSource.ACTIVITY)
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
                entry.player.id,
                entry.attribution.country,
                entry.item.currency,
            ),
            *(interval.start, interval.end, entry.revision),
            *(None, dumps_text(entry.uncounted)),
            *(entry.counted[name] for name in queries.METRICS),
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
