"""The planner: from events of the log to delivery rows, in one transaction with its position (decision 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.events import LoggedEvent, lock_reader, move_reader, read_log
from app.domain.permissions import Permission, requires
from app.domain.postbacks import delivery_queries as queries
from app.domain.postbacks.actions import ACTION_OF_EVENT
from app.domain.postbacks.attempt_queries import INSERT_ATTEMPTS
from app.domain.postbacks.matching import (
    LONGEST_URL,
    TOO_LONG,
    Rendered,
    read_circumstances,
    rendered,
)
from app.domain.scope import Scope
from app.infra.database import Row, Transaction, transaction

READER = "postbacks"
# Who counts again what was planned (X07).
DRIFT_READER = "postback_drift"


@dataclass(frozen=True, slots=True)
class Planned:
    """How far one step of the planner came, and how many deliveries it added."""

    moved: int
    deliveries: int


@requires(Permission.OPERATE)
async def plan_deliveries(scope: Scope, recordings: int = 500) -> Planned:
    """Plan the deliveries of the next recordings. Safe to run twice and at once: the position is locked.

    Nothing is sent here; whoever calls wakes the senders after this has committed.
    """
    async with transaction() as tx:
        after = await lock_reader(tx, READER)
        events, reached = await read_log(scope, after, recordings)
        fired = [event for event in events if event.type in ACTION_OF_EVENT]
        added = await _plan(scope, tx, fired) if fired else 0
        if reached > after:
            await move_reader(tx, READER, reached)
    return Planned(reached - after, added)


@requires(Permission.OPERATE)
async def skip_history(_scope: Scope, position: int) -> None:
    """Start after a position: what was imported or seeded before it fires nothing (M38)."""
    async with transaction() as tx:
        for reader in (READER, DRIFT_READER):
            await lock_reader(tx, reader)
            await move_reader(tx, reader, position)


async def _plan(scope: Scope, tx: Transaction, events: Sequence[LoggedEvent]) -> int:
    partner_ids = sorted({event.partner_id for event in events if event.partner_id is not None})
    found = await tx.fetch(queries.FIND_MATCHING, partner_ids)
    if not found:
        return 0
    postbacks: dict[int, list[Row]] = defaultdict(list)
    for postback in found:
        postbacks[postback["partner_id"]].append(postback)
    concerned = [event for event in events if event.partner_id in postbacks]
    around = await read_circumstances(tx.fetch, concerned)
    planned: dict[tuple[int, str], Rendered] = {}
    repeated: list[Rendered] = []
    for event in concerned:
        if event.id not in around or event.partner_id is None:
            continue
        items = rendered(postbacks[event.partner_id], event, around[event.id])
        repeated += [
            item for item in items if planned.setdefault((event.id, item.url), item) is not item
        ]
    added = await insert_deliveries(scope, tx, list(planned.values()))
    await _insert_duplicates(tx, repeated)
    return added


async def insert_deliveries(scope: Scope, tx: Transaction, planned: Sequence[Rendered]) -> int:
    """Insert the deliveries that are not there yet, due at once; returns how many wait to be sent."""
    if not planned:
        return 0
    rows = await tx.fetch(queries.PARTNER_OFFSETS, sorted({item.partner_id for item in planned}))
    offsets = {row["id"]: timedelta(microseconds=row["clock_offset"]) for row in rows}
    inserted = await tx.fetch(
        queries.INSERT_DELIVERIES,
        [item.postback_id for item in planned],
        [item.partner_id for item in planned],
        [item.event.id for item in planned],
        [item.action.value for item in planned],
        [item.url[:LONGEST_URL] for item in planned],
        [item.url_hash for item in planned],
        ["pending" if len(item.url) <= LONGEST_URL else "failed" for item in planned],
        [scope.at_offset(offsets[item.partner_id]).now() for item in planned],
        [item.method for item in planned],
        [item.host for item in planned],
        [item.promo["brand_id"] for item in planned],
        [item.promo["campaign_id"] for item in planned],
        [item.promo["promo_id"] for item in planned],
        [item.player_id for item in planned],
    )
    failed = [row for row in inserted if row["state"] == "failed"]
    if failed:
        await tx.fetch(
            INSERT_ATTEMPTS,
            [row["id"] for row in failed],
            [row["created_at"] for row in failed],
            [0] * len(failed),
            [None] * len(failed),
            [None] * len(failed),
            [TOO_LONG] * len(failed),
        )
    return len(inserted) - len(failed)


async def _insert_duplicates(tx: Transaction, repeated: Sequence[Rendered]) -> None:
    if repeated:
        await tx.fetch(
            queries.INSERT_DUPLICATES,
            [item.postback_id for item in repeated],
            [item.event.id for item in repeated],
            [item.url_hash for item in repeated],
        )
