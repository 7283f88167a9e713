"""One batch of events: what is known before it, the decision about each event in its order, then one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.attribution.decide import (
    HELD,
    Attribution,
    Candidate,
    Claim,
    Refusal,
    Rule,
    attribute,
)
from app.domain.brand_events import queries
from app.domain.brand_events.corrections import AlreadyVoid, Refused, correct, refund_amount
from app.domain.brand_events.entries import Entry, new_entry, stored_entry
from app.domain.brand_events.players import BatchPlayers
from app.domain.brand_events.read import (
    FIELDS,
    METRICS,
    OF_A_PLAYER,
    OF_ANOTHER,
    PLAYED,
    EventType,
    NewBrandEvent,
)
from app.domain.brand_events.write import EventWriter
from app.domain.brands.metric_reports import has_reported, note_reports
from app.domain.brands.metric_sources import (
    ALL_BY_EVENTS,
    FIRST_DEPOSITS,
    ReportSource,
    choose_events_first,
    load_metric_sources,
    told_not_counted,
)
from app.domain.errors import Invalid
from app.domain.held.waiting import Holder, Waiting
from app.domain.intake import Stag
from app.domain.players.register import HELD_MESSAGE, Status
from app.domain.scope import Scope
from app.infra.database import Row, Transaction
from app.infra.encoding import loads
from app.infra.money import EXACT
from app.models import Brand

_SALES = frozenset({EventType.SALE, EventType.LEAD})


@dataclass(frozen=True, slots=True)
class EventResult:
    """The answer to one event. `error` is a code, `message` says what to do.

    `counted` is False where the brand's activity counts for its metrics; None where it counts nothing. `stored` is
    what is stored under the id, where the event contradicts it.
    """

    id: str | None
    status: Status
    error: str | None = None
    message: str | None = None
    counted: bool | None = None
    stored: Mapping[str, Any] | None = None


class EventBatch:
    """A batch of events while it is taken in."""

    def __init__(self, scope: Scope, tx: Transaction, brand: Brand, holder: Holder) -> None:
        self._scope, self._tx, self._brand, self._holder = scope, tx, brand, holder
        self._entries: dict[str, Entry] = {}
        self._players = BatchPlayers(brand)
        self._decisions: dict[int, Attribution | Refusal] = {}
        self._transactions: set[tuple[str, str]] = set()
        # Keys of held events: what is about them waits as well.
        self._held: set[str] = set()
        # True when nothing was ever reported before these events.
        self._first = False

    async def load(self, events: Sequence[NewBrandEvent]) -> None:
        """Read what the decisions need to know."""
        tx, brand = self._tx, self._brand
        await self._load_sources(events)
        ids = {name for event in events for name in (event.id, event.ref) if name is not None}
        rows = await tx.fetch(queries.FIND_EVENTS, brand.id, sorted(ids)) if ids else []
        await self._load_entries(rows)
        users = [event.user_id for event in events if event.user_id is not None]
        await self._players.load(tx, users, self._entries.values())
        await self._attribute(events)
        keys = [f"events:{event.ref}" for event in events if event.ref is not None]
        held = await tx.fetch(queries.FIND_HELD_EVENTS, brand.id, keys) if keys else []
        self._held = {row["natural_key"] for row in held}
        transactions = [e.transaction_id or e.id for e in events if e.type in _SALES]
        found = (
            await tx.fetch(queries.FIND_TRANSACTIONS, brand.id, transactions)
            if transactions
            else []
        )
        self._transactions = {(row["kind"], row["transaction_id"]) for row in found}

    async def _load_sources(self, events: Sequence[NewBrandEvent]) -> None:
        """What counts; of a brand that never reported anything, these events, if one of them is taken."""
        self._sources = await load_metric_sources(self._tx, self._brand.id)
        played = any(event.type in PLAYED for event in events)
        self._first = (
            played
            and not self._sources.choices
            and not await has_reported(self._tx, self._brand.id)
        )
        if self._first:
            self._sources = ALL_BY_EVENTS

    async def _load_entries(self, rows: Sequence[Row]) -> None:
        """The stored events, those that they are about, and what was given back of sales."""
        tx, brand = self._tx, self._brand
        entries = {row["id"]: stored_entry(row) for row in rows}
        missing = sorted({row["ref_id"] for row in rows if row["ref_id"]} - set(entries))
        if missing:
            more = await tx.fetch(queries.FIND_EVENTS_BY_ID, brand.id, missing)
            entries |= {row["id"]: stored_entry(row) for row in more}
        refunded = await tx.fetch(queries.FIND_REFUNDED, list(entries)) if entries else []
        for row in refunded:
            entries[row["ref_id"]].refunded = row["refunded"]
        facts = [each for each in entries.values() if each.table == "conversions" and each.fact_id]
        found = (
            await tx.fetch(
                queries.FIND_CONVERSION_FACTS,
                [each.fact_day for each in facts],
                [each.fact_id for each in facts],
            )
            if facts
            else []
        )
        for row in found:
            entries[row["event_id"]].attribution = _attribution(row)
        for entry in entries.values():
            entry.target = entries.get(entry.ref_id) if entry.ref_id else None
        self._entries = {entry.event_id: entry for entry in entries.values()}

    async def _attribute(self, events: Sequence[NewBrandEvent]) -> None:
        """Decide about players who are not there, and about sales and leads, each on its own (M03)."""
        now = self._scope.now() - self._brand.clock_offset
        strangers = [
            event
            for event in events
            if event.type in OF_A_PLAYER and not self._players.is_known(event.user_id)
        ]
        sales = [event for event in events if event.type in _SALES and _has_origin(event)]
        for chosen, needs_open in ((strangers, True), (sales, False)):
            claims = [
                Claim(event.tag, event.coupon, event.occurred_at, event.partner_code)
                for event in chosen
                if event.occurred_at is not None
            ]
            decided = await attribute(self._tx, self._brand, claims, needs_open=needs_open, now=now)
            for event, decision in zip(chosen, decided, strict=True):
                self._decisions[id(event)] = decision

    def take(self, event: NewBrandEvent, raw: Mapping[str, Any]) -> EventResult:
        """Decide about one event; what is taken is written with the batch."""
        known = self._entries.get(event.id)
        if known is not None:
            return self._repeat(known, event)
        decision = self._decisions.get(id(event))
        waits = isinstance(decision, Refusal) and decision.error == HELD
        waits = waits and (event.type in _SALES or not self._players.comes(event.user_id))
        about_held = event.ref is not None and f"events:{event.ref}" in self._held
        if waits or about_held or self._holder.blocks(event.user_id):
            self._hold(event, raw, event.tag if waits else None)
            return EventResult(event.id, Status.HELD, None, HELD_MESSAGE)
        try:
            entry, note = self._accept(event, decision)
        except AlreadyVoid:
            return EventResult(event.id, Status.UNCHANGED, None, "the event is void already")
        except Refused as refusal:
            return EventResult(event.id, Status.REJECTED, refusal.error, refusal.message)
        except Invalid as error:
            return EventResult(event.id, Status.REJECTED, "invalid", error.message)
        self._entries[event.id] = entry
        taken = self._taken(entry, Status.CREATED)
        return replace(taken, message=note) if note else taken

    def _repeat(self, known: Entry, event: NewBrandEvent) -> EventResult:
        if known.content == event.content:
            return self._taken(known, Status.UNCHANGED)
        message = (
            "this id is stored with the content in `stored`: send another event under an id of its own, and correct "
            "one with amend or void"
        )
        return EventResult(event.id, Status.REJECTED, "conflict", message, None, known.content)

    def _taken(self, entry: Entry, status: Status) -> EventResult:
        """The answer to an event that is stored, whether it counts or not."""
        if entry.type not in PLAYED:
            return EventResult(entry.event_id, status)
        if entry.now.voided or entry.metrics(entry.now, self._sources, self._brand):
            return EventResult(entry.event_id, status, counted=not entry.now.voided)
        metrics = [name for name in METRICS[entry.type, entry.kind] if name]
        message = told_not_counted(ReportSource.ACTIVITY, metrics)
        return EventResult(entry.event_id, status, None, message, counted=False)

    def _hold(self, event: NewBrandEvent, raw: Mapping[str, Any], tag: Stag | None) -> None:
        content = {name: raw[name] for name in FIELDS if raw.get(name) is not None}
        key = f"events:{event.id}"
        self._held.add(key)
        self._holder.hold(Waiting(event.user_id, tag, key, content))

    def _accept(
        self, event: NewBrandEvent, decision: Attribution | Refusal | None
    ) -> tuple[Entry, str | None]:
        """The entry of a new event, with what the brand should know; raises Refused, AlreadyVoid or Invalid."""
        entry, note = new_entry(event, self._scope.now()), None
        if event.type in OF_ANOTHER:
            self._accept_correction(event, entry)
        elif event.type in _SALES:
            self._accept_sale(event, entry, decision)
        else:
            note = self._players.accept(event, decision)
        return entry, note

    def _accept_correction(self, event: NewBrandEvent, entry: Entry) -> None:
        target = correct(event, self._entries.get(event.ref or ""))
        if event.type is EventType.VOID:
            # Its transaction may be told again, as it should have been.
            self._transactions.discard((target.type.value, target.transaction_id))
        entry.target = target
        entry.user_id = target.user_id
        if event.type is EventType.REFUND:
            amount = refund_amount(event, target)
            entry.now = replace(entry.now, amount=amount, currency=target.now.currency)
            entry.attribution = target.attribution
            target.refunded = EXACT.add(target.refunded, amount)

    def _accept_sale(
        self, event: NewBrandEvent, entry: Entry, decision: Attribution | Refusal | None
    ) -> None:
        key = (event.type.value, entry.transaction_id)
        if key in self._transactions:
            message = f"another {event.type} of this brand has the transaction_id {key[1]!r}"
            raise Refused("conflict", message)
        if isinstance(decision, Refusal):
            raise Refused(decision.error, decision.message)
        entry.attribution = decision or self._players.attribution_of(event)
        self._transactions.add(key)

    async def write(self) -> None:
        """Write what was taken, and what waits."""
        await self._note_reports()
        writer = EventWriter(self._scope, self._tx, self._brand, self._sources)
        await writer.write(list(self._entries.values()), self._players)
        await self._holder.write(self._scope, self._tx, self._brand)

    async def _note_reports(self) -> None:
        """Keep which metrics the brand reports by events, counted or not."""
        new = [each for each in self._entries.values() if each.is_new and each.type in PLAYED]
        metrics = {name for each in new for name in METRICS[each.type, each.kind] if name}
        if any(each.type is EventType.DEPOSIT for each in new):
            metrics.add(FIRST_DEPOSITS)
        if self._first and new:
            await choose_events_first(self._scope, self._tx, self._brand.id)
        await note_reports(self._scope, self._tx, self._brand.id, metrics, ReportSource.EVENTS)


def _has_origin(event: NewBrandEvent) -> bool:
    return any((event.tag, event.coupon, event.partner_code))


def _attribution(row: Row) -> Attribution:
    return Attribution(
        row["visit_id"],
        row["promo_id"],
        row["campaign_id"],
        row["plan_id"],
        row["partner_id"],
        row["country"],
        rule=Rule(row["attributed_by"]),
        losing=tuple(
            Candidate(Rule(each["rule"]), each["promo_id"], each["visit_id"])
            for each in loads(row["losing_candidates"])
        ),
    )
