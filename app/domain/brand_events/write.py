"""Writing a batch of events: the events as they were sent, the facts that count them, and what the log tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.activity.first_deposits import settle_first_deposits
from app.domain.activity.queries import ACTIVITY_COLUMNS, FACT_CHANGE_COLUMNS
from app.domain.activity.queries import METRICS as ACTIVITY_METRIC_NAMES
from app.domain.attribution.decide import Attribution
from app.domain.brand_events import queries
from app.domain.brand_events.entries import Entry
from app.domain.brand_events.players import BatchPlayers
from app.domain.brand_events.read import EventType
from app.domain.brands.metric_sources import MetricSources
from app.domain.changes.late import tell_late
from app.domain.events import NewEvent, Subject, record_all
from app.domain.players.flags import Flag, FlagStatement, record_flags
from app.domain.players.known import KnownPlayer
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Transaction
from app.infra.encoding import dumps_text
from app.infra.money import EXACT
from app.models import Brand

_ZERO = Decimal(0)


class EventWriter:
    """Writes the entries of one batch that are new or have changed."""

    def __init__(self, scope: Scope, tx: Transaction, brand: Brand, sources: MetricSources) -> None:
        self._scope, self._tx, self._brand, self._sources = scope, tx, brand, sources
        self._players: dict[str, KnownPlayer] = {}
        self._changes: list[tuple[Any, ...]] = []
        # What the log tells, by the event that it tells of.
        self._log: list[NewEvent] = []

    async def write(
        self,
        entries: Sequence[Entry],
        players: BatchPlayers,
    ) -> None:
        """Write new players and told sign-ups, then the entries, their facts, flags and first deposits."""
        written = [entry for entry in entries if entry.changed]
        if not written:
            return
        scope, tx, brand = self._scope, self._tx, self._brand
        self._players = await players.write(scope, tx)
        await self._take_ids([entry for entry in written if entry.is_new])
        self._recording = await tx.recording()
        await self._write_played([entry for entry in written if entry.table == "activities"])
        await self._write_conversions([entry for entry in written if entry.table == "conversions"])
        if self._changes:
            await tx.copy("fact_changes", FACT_CHANGE_COLUMNS, self._changes)
        await self._write_entries(written)
        flags = [self._flag(entry) for entry in written if entry.type is EventType.FLAG]
        await record_flags(scope, tx, brand, flags)
        deposits = [entry for entry in written if entry.type is EventType.DEPOSIT]
        touched = {player.id: player for player in map(self._player, deposits)}
        await settle_first_deposits(scope, tx, brand, self._sources, touched)
        self._tell_corrections(written)
        await record_all(scope, tx, self._log)

    async def _take_ids(self, new: Sequence[Entry]) -> None:
        if new:
            taken = await self._tx.fetch(queries.TAKE_IDS["brand_events"], len(new))
            for entry, row in zip(new, taken, strict=True):
                entry.id = row["id"]
        for entry in new:
            player = self._players.get(entry.user_id or "")
            entry.player_id = player.id if player else None

    def _player(self, entry: Entry) -> KnownPlayer:
        return self._players[entry.user_id or ""]

    def _day(self, entry: Entry) -> date:
        return business_day(entry.now.occurred_at, self._brand.time_zone)

    # Facts of what players did

    async def _write_played(self, entries: Sequence[Entry]) -> None:
        """Supersede the facts of changed events, and add those that count from now on."""
        for entry in entries:
            if entry.is_new and entry.type is EventType.DEPOSIT:
                self._tell_deposit(entry)
        plans = []
        for entry in entries:
            before = entry.metrics(entry.before, self._sources, self._brand)
            after = entry.metrics(entry.now, self._sources, self._brand)
            plans.append((entry, before, after))
        await self._supersede("activities", [entry for entry, *_ in plans])
        added = [plan for plan in plans if plan[2]]
        ids = await self._fact_ids("activities", len(added))
        new_ids = {id(entry): new_id for new_id, (entry, *_) in zip(ids, added, strict=True)}
        rows = [self._played_row(new_ids[id(entry)], entry, after) for entry, _, after in added]
        if rows:
            await self._tx.copy("activities", ACTIVITY_COLUMNS, rows)
        days = [self._day(entry) for entry, *_ in added if entry.is_new]
        await tell_late(self._scope, self._tx, self._brand, "events.added_late", days)
        for entry, before, after in plans:
            self._moved(entry, "activities", new_ids.get(id(entry)), _difference(before, after))

    def _played_row(self, new_id: int, entry: Entry, metrics: Mapping[str, Decimal]) -> Any:
        whose, player, day = self._whose(entry), self._player(entry), self._day(entry)
        at = entry.now.occurred_at
        return (
            *(new_id, self._recording, at, day, self._brand.id, whose.partner_id),
            *(whose.campaign_id, whose.plan_id, whose.promo_id, player.id, whose.country),
            *(entry.now.currency, at, at, None, entry.id, "{}"),
            *(metrics.get(name, _ZERO) for name in ACTIVITY_METRIC_NAMES),
        )

    def _whose(self, entry: Entry) -> Attribution:
        if entry.attribution is not None:
            return entry.attribution
        return self._player(entry).attribution_on(self._day(entry))

    # Sales, leads and refunds

    async def _write_conversions(self, entries: Sequence[Entry]) -> None:
        await self._supersede("conversions", entries)
        added = [entry for entry in entries if not entry.now.voided]
        ids = await self._fact_ids("conversions", len(added))
        new_ids = {id(entry): new_id for new_id, entry in zip(ids, added, strict=True)}
        rows = [self._conversion_row(new_ids[id(entry)], entry) for entry in added]
        if rows:
            await self._tx.copy("conversions", queries.CONVERSION_COLUMNS, rows)
        for entry in entries:
            before, after = _amount(entry.before), _amount(entry.now)
            new_id = new_ids.get(id(entry))
            self._moved(entry, "conversions", new_id, {"amount": EXACT.subtract(after, before)})
            if entry.is_new and new_id is not None:
                self._tell_conversion(entry, new_id)

    def _conversion_row(self, new_id: int, entry: Entry) -> tuple[Any, ...]:
        whose, player = self._whose(entry), self._own_player(entry)
        now = entry.now
        return (
            *(new_id, self._recording, now.occurred_at, self._day(entry), self._brand.id),
            *(whose.partner_id, whose.campaign_id, whose.plan_id, whose.promo_id),
            *(player.id if player else None, whose.country, now.currency, entry.type.value),
            *(entry.transaction_id, now.amount, entry.content.get("description")),
            *(whose.visit_id, whose.rule.value, dumps_text(whose.losing_candidates), entry.id),
            entry.target.id if entry.target else None,
        )

    def _own_player(self, entry: Entry) -> KnownPlayer | None:
        """Who bought: whoever gets the sale learns of the player only when it is one of its own."""
        player, partner_id = self._players.get(entry.user_id or ""), self._whose(entry).partner_id
        own = player and player.attribution_on(self._day(entry)).partner_id == partner_id
        return player if own else None

    # What both share

    async def _supersede(self, table: str, entries: Sequence[Entry]) -> None:
        replaced = [entry for entry in entries if entry.fact_id is not None]
        if replaced:
            days, ids = [e.fact_day for e in replaced], [e.fact_id for e in replaced]
            await self._tx.fetch(queries.SUPERSEDE[table], self._recording, days, ids)

    async def _fact_ids(self, table: str, count: int) -> list[int]:
        rows = await self._tx.fetch(queries.TAKE_IDS[table], count) if count else []
        return [row["id"] for row in rows]

    def _moved(
        self, entry: Entry, table: str, new_id: int | None, delta: Mapping[str, Decimal]
    ) -> None:
        """Note where the fact of an entry stands from now on, and the change when it stood elsewhere."""
        if entry.fact_id is not None:
            reason = "voided by the brand" if entry.now.voided else "amended by the brand"
            self._changes.append(
                (
                    *(self._recording, self._whose(entry).partner_id, self._brand.id, table),
                    *(entry.fact_id, new_id, reason, dumps_text(delta)),
                )
            )
        entry.fact_id, entry.fact_day = new_id, self._day(entry) if new_id else None

    async def _write_entries(self, entries: Sequence[Entry]) -> None:
        rows = [
            (
                *(entry.id, self._recording, self._brand.id, entry.event_id, entry.type.value),
                *(dumps_text(entry.content), entry.player_id),
                *(entry.target.id if entry.target else None, *self._standing(entry)),
            )
            for entry in entries
            if entry.is_new
        ]
        if rows:
            await self._tx.copy("brand_events", queries.EVENT_COLUMNS, rows)
        changed = [entry for entry in entries if not entry.is_new]
        if changed:
            columns = zip(*(self._standing(entry) for entry in changed), strict=True)
            ids = [entry.id for entry in changed]
            await self._tx.fetch(queries.UPDATE_EVENTS, ids, *(list(each) for each in columns))

    def _standing(self, entry: Entry) -> tuple[Any, ...]:
        now = entry.now
        return (
            *(now.occurred_at, now.amount, now.currency, now.revision, now.voided),
            *(entry.fact_id, entry.fact_day),
            self._whose(entry).promo_id if entry.table else None,
        )

    def _flag(self, entry: Entry) -> FlagStatement:
        said = entry.content
        at = entry.now.occurred_at
        flag, raised = Flag(said["flag"]), bool(said["value"])
        return FlagStatement(self._player(entry), flag, raised, at, entry.id)

    # The log

    def _tell_deposit(self, entry: Entry) -> None:
        """A deposit that counts; where activity counts, its report tells of it."""
        if entry.metrics(entry.now, self._sources, self._brand):
            self._tell("player.deposited", Subject("player", entry.player_id), entry)

    def _tell_conversion(self, entry: Entry, fact_id: int) -> None:
        self._tell(f"{entry.type}.recorded", Subject("conversion", fact_id), entry)

    def _tell_corrections(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if not entry.is_new:
                happened = "voided" if entry.now.voided else "amended"
                self._tell(f"{entry.type}.{happened}", Subject("brand_event", entry.id), entry)

    def _tell(self, happened: str, subject: Subject, entry: Entry) -> None:
        whose = self._whose(entry)
        data = {
            "visit_id": whose.visit_id,
            "promo_id": whose.promo_id,
            "campaign_id": whose.campaign_id,
            "country": whose.country,
            "currency": entry.now.currency,
            "amount": entry.now.amount,
            "event_id": entry.event_id,
        }
        if entry.table == "conversions":
            data |= {
                "transaction_id": entry.transaction_id,
                "attributed_by": whose.rule.value,
            }
            if player := self._own_player(entry):
                data["player_id"] = player.id
        at, brand_id = entry.now.occurred_at, self._brand.id
        self._log.append(NewEvent(happened, subject, whose.partner_id, brand_id, at, data))


def _amount(standing: Any) -> Decimal:
    return _ZERO if standing is None or standing.voided else standing.amount or _ZERO


def _difference(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> dict[str, Decimal]:
    names = sorted({*before, *after})
    deltas = {n: EXACT.subtract(after.get(n, _ZERO), before.get(n, _ZERO)) for n in names}
    return {name: delta for name, delta in deltas.items() if delta}
