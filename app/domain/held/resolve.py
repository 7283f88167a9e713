"""Taking in what was held, when its visit has come; refusing it when the time in which it could come is over (W3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.activity.read import Interval
from app.domain.activity.record import take_activity
from app.domain.brand_events.record import open_network_links, take_events
from app.domain.events import NewEvent, Subject, record_all
from app.domain.held.waiting import Door, Holder
from app.domain.intake import CHUNK, lock_brand_intake
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.players.register import Status, take_players
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.crypto import SecretBox
from app.infra.database import Row, RowRefused, Transaction, fetch, transaction
from app.infra.encoding import loads
from app.models import Brand, HeldItem

# Ready: the visit may no longer come; or nothing of the same user, and not the event that it is about, stands before
# it, and its visit is there.
_READY = """
    h.state = 'held' AND (
        h.held_until <= $1
        OR ((h.visit_id IS NULL OR EXISTS (SELECT 1 FROM visits v WHERE v.id = h.visit_id))
            AND NOT EXISTS (
                SELECT 1 FROM held_items e
                WHERE e.brand_id = h.brand_id AND e.user_id = h.user_id AND e.id < h.id AND e.state = 'held')
            AND NOT EXISTS (
                SELECT 1 FROM held_items e
                WHERE e.brand_id = h.brand_id AND e.natural_key = 'events:' || (h.content ->> 'ref')
                  AND e.id < h.id AND e.state = 'held'))
    )
"""
_FIND_BRANDS = f"SELECT DISTINCT h.brand_id FROM held_items h WHERE {_READY}"
# Whatever waits behind a ready item comes along, in its order.
_FIND_ITEMS = f"""
WITH ready AS (SELECT h.id, h.user_id FROM held_items h WHERE {_READY} AND h.brand_id = $2)
SELECT * FROM held_items
WHERE brand_id = $2 AND state = 'held'
  AND (id IN (SELECT id FROM ready) OR user_id IN (SELECT user_id FROM ready WHERE user_id IS NOT NULL))
ORDER BY id LIMIT {CHUNK}
"""
_FIND_HELD = """
SELECT * FROM held_items WHERE brand_id = $1 AND id = ANY($2::bigint[]) AND state = 'held' ORDER BY id
"""
_RESOLVE = """
UPDATE held_items h SET state = n.state, error = n.error, message = left(n.message, 500), resolved_at = $2,
       person = NULL
FROM unnest($1::bigint[], $3::text[], $4::text[], $5::text[]) AS n(id, state, error, message)
WHERE h.id = n.id
"""


_BATCH = ("door", "period_from", "period_to")


class HeldItemOrder(StrEnum):
    """The orders of held items."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    HeldItemOrder.NEWEST: Ordering(("id",), descending=True),
    HeldItemOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class HeldItemFilter:
    """Which held items; None filters nothing."""

    brand_id: int | None = None
    state: str | None = None
    user_id: str | None = None


@requires(Permission.READ_PARTNERS)
async def held_items(scope: Scope, chosen: HeldItemFilter) -> Listing[HeldItem]:
    """What was held of the brands within the scope's limits, and what became of it."""
    wanted = {
        "brand_id": chosen.brand_id,
        "state": chosen.state,
        "user_id": chosen.user_id,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return Listing(scope.query(HeldItem).filter(**given), _ORDERINGS)


@requires(Permission.OPERATE)
async def resolve_held(scope: Scope, *, box: SecretBox) -> int:
    """Take in the held items that are ready; returns how many were taken or refused. Safe to run at once.

    An item that is refused now leaves the event `intake.item_rejected`, for nobody waits for its answer.
    """
    resolved = 0
    failed: list[Exception] = []
    for row in await fetch(_FIND_BRANDS, scope.machine_now()):
        brand = await scope.query(Brand).get(id=row["brand_id"])
        own = scope.at_offset(brand.clock_offset)
        try:
            resolved += await _resolve_brand(own, brand, scope.machine_now(), box)
        except Exception as error:
            # The other brands need not wait for this one.
            failed.append(error)
    if failed:
        raise failed[0]
    return resolved


async def _resolve_brand(scope: Scope, brand: Brand, machine_now: datetime, box: SecretBox) -> int:
    found = await fetch(_FIND_ITEMS, machine_now, brand.id)
    events = [loads(row["content"]) for row in found if row["door"] == Door.EVENTS.value]
    await open_network_links(scope, brand, events)
    run = _Run(scope, brand, machine_now, box)
    await run.resolve([row["id"] for row in found])
    return run.resolved


class _Run:
    """One brand's held items while they are taken in."""

    def __init__(self, scope: Scope, brand: Brand, machine_now: datetime, box: SecretBox) -> None:
        self._scope, self._brand, self._box = scope, brand, box
        self._machine_now = machine_now
        # Users of whom an item keeps waiting: so do their later ones.
        self._blocked: set[str] = set()
        self.resolved = 0

    async def resolve(self, ids: Sequence[int]) -> None:
        """Take in these items in their order; one that the database refuses is found by halving, and refused."""
        if not ids:
            return
        try:
            await self._take_together(ids)
        except RowRefused as error:
            if len(ids) == 1:
                await self._refuse(ids[0], error)
                return
            half = len(ids) // 2
            await self.resolve(ids[:half])
            await self.resolve(ids[half:])

    async def _rows(self, tx: Transaction, ids: Sequence[int]) -> list[Row]:
        """The items that still wait: another worker may have taken some meanwhile."""
        return await tx.fetch(_FIND_HELD, self._brand.id, list(ids))

    async def _take_together(self, ids: Sequence[int]) -> None:
        scope, brand = self._scope, self._brand
        blocked, answers = set(self._blocked), list[tuple[Row, Any]]()
        async with transaction() as tx:
            await lock_brand_intake(tx, brand.id)
            for group in _batches(await self._rows(tx, ids)):
                batch = [row for row in group if row["user_id"] not in blocked]
                taken = await _take(scope, tx, brand, batch, self._box)
                for row, result in zip(batch, taken, strict=True):
                    if result.status is not Status.HELD:
                        answers.append((row, result))
                    elif row["user_id"] is not None:
                        blocked.add(row["user_id"])
            await _keep_answers(scope, tx, brand, answers)
        self._blocked = blocked
        self.resolved += len(answers)

    async def _refuse(self, item_id: int, error: RowRefused) -> None:
        """Nothing that a brand sent may stop the items behind it."""
        async with transaction() as tx:
            await lock_brand_intake(tx, self._brand.id)
            rows = await self._rows(tx, [item_id])
            answers = [(row, _Answer(Status.REJECTED, "refused", str(error))) for row in rows]
            await _keep_answers(self._scope, tx, self._brand, answers)
        self.resolved += len(answers)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an item is answered that no door could answer."""

    status: Status
    error: str
    message: str


def _batches(rows: Sequence[Row]) -> list[list[Row]]:
    """The items in their order, as batches of one door and interval in which nothing is told twice."""
    batches: list[list[Row]] = []
    keys: set[str] = set()
    for row in rows:
        last = batches[-1][-1] if batches else None
        same = last is not None and all(row[name] == last[name] for name in _BATCH)
        if not same or row["natural_key"] in keys:
            batches.append([])
            keys = set()
        batches[-1].append(row)
        keys.add(row["natural_key"])
    return batches


async def _take(
    scope: Scope, tx: Transaction, brand: Brand, rows: Sequence[Row], box: SecretBox
) -> Sequence[Any]:
    """Send the items through their door again; those that still wait are answered so."""
    if not rows:
        return []
    door = Door(rows[0]["door"])
    holder = Holder(door, again=True)
    items = [_item(row, box) for row in rows]
    if door is Door.PLAYERS:
        return await take_players(scope, tx, brand, items, box=box, holder=holder)
    if door is Door.EVENTS:
        return await take_events(scope, tx, brand, items, holder=holder)
    start, end = rows[0]["period_from"], rows[0]["period_to"]
    interval = Interval(start, end, business_day(start, brand.time_zone))
    return await take_activity(scope, tx, brand, interval, items, holder=holder)


def _item(row: Row, box: SecretBox) -> dict[str, Any]:
    person = loads(box.decrypt(row["person"])) if row["person"] else {}
    return {**loads(row["content"]), **person}


async def _keep_answers(
    scope: Scope, tx: Transaction, brand: Brand, answers: Sequence[tuple[Row, Any]]
) -> None:
    if not answers:
        return
    states = ["rejected" if r.status is Status.REJECTED else "taken" for _, r in answers]
    await tx.fetch(
        _RESOLVE,
        [row["id"] for row, _ in answers],
        scope.now(),
        states,
        [result.error for _, result in answers],
        [result.message for _, result in answers],
    )
    refused = [
        NewEvent(
            "intake.item_rejected",
            Subject("held_item", row["id"]),
            None,
            brand.id,
            scope.now(),
            {
                "door": row["door"],
                "key": row["natural_key"],
                "error": result.error,
                "message": result.message,
            },
        )
        for row, result in answers
        if result.status is Status.REJECTED
    ]
    await record_all(scope, tx, refused)
