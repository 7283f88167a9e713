"""Taking in single events of a brand: each once by its id, one after another, one result for each (W3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.brand_events.batch import EventBatch, EventResult
from app.domain.brand_events.players import split
from app.domain.brand_events.read import NewBrandEvent, read_event
from app.domain.brands.completeness import declare_complete, parse_complete_through
from app.domain.errors import Invalid
from app.domain.held.waiting import Door, Holder, open_holder
from app.domain.intake import CHUNK, Item, lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.players.register import Status, user_id_of
from app.domain.scope import Scope
from app.domain.visits.network import find_network_link
from app.infra.database import Transaction, transaction
from app.models import Brand

__all__ = ["EventResult", "record_brand_events", "take_events"]


@dataclass(frozen=True, slots=True)
class _Read:
    """The items of a chunk as they were read, with the refusals of those that could not be."""

    items: list[NewBrandEvent | EventResult]

    @property
    def good(self) -> list[NewBrandEvent]:
        return [item for item in self.items if isinstance(item, NewBrandEvent)]


@requires(Permission.SEND_BRAND_DATA)
async def record_brand_events(
    scope: Scope, brand_id: int, items: Sequence[Any], complete_through: Any = None
) -> list[EventResult]:
    """Take in single events; one result per item, in order. A bad item refuses itself only.

    Idempotent by (brand, id): the same content is unchanged, another content a conflict that shows what is stored.
    Amounts are in each item's currency. Every thousand items are one transaction. Then the brand has reported
    everything up to `complete_through`, if it says so (M26). Raises Invalid for an impossible time.
    """
    brand = await scope.query(Brand).get(id=brand_id)
    through = parse_complete_through(scope, complete_through)
    results: list[EventResult] = []
    for start in range(0, len(items), CHUNK):
        chunk = items[start : start + CHUNK]
        await open_network_links(scope, brand, chunk)
        async with transaction() as tx:
            await lock_brand_intake(tx, brand.id)
            users = [user_id_of(raw) for raw in chunk]
            holder = await open_holder(tx, brand.id, Door.EVENTS, users)
            results += await take_events(scope, tx, brand, chunk, holder=holder)
    await declare_complete(scope, brand, through)
    return results


@requires(Permission.SEND_BRAND_DATA)
async def open_network_links(scope: Scope, brand: Brand, items: Sequence[Any]) -> None:
    """Make the promos under which partners' network sales are counted, as their first click would (W4)."""
    parsed = [read_one(scope, brand, raw) for raw in items]
    codes = {
        item.partner_code
        for item in parsed
        if isinstance(item, NewBrandEvent) and item.partner_code is not None
    }
    for code in sorted(codes):
        await find_network_link(scope, code, brand.code)


def read_one(scope: Scope, brand: Brand, raw: Any) -> NewBrandEvent | EventResult:
    """An event, or its refusal."""
    event_id: str | None = None
    try:
        item = Item(raw)
        event_id = item.required_text("id", 200)
        return read_event(scope, brand, item, event_id)
    except Invalid as error:
        return EventResult(event_id, Status.REJECTED, "invalid", error.message)


async def take_events(
    scope: Scope, tx: Transaction, brand: Brand, items: Sequence[Any], *, holder: Holder
) -> list[EventResult]:
    """`record_brand_events` within a transaction that has locked the brand's intake."""
    read = _Read([read_one(scope, brand, raw) for raw in items])
    results = {id(item): item for item in read.items if isinstance(item, EventResult)}
    sent = {id(item): raw for item, raw in zip(read.items, items, strict=True)}
    for part in await split(tx, brand, read.good):
        batch = EventBatch(scope, tx, brand, holder)
        await batch.load(part)
        for event in part:
            results[id(event)] = batch.take(event, sent[id(event)])
        await batch.write()
    return [results[id(item)] for item in read.items]
