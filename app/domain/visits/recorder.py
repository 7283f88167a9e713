"""The recorder: many clicks become one commit, and a click is answered only when its visit is durable.

Clicks queue up while a commit is under way; the next commit takes all of them. A visit has its id before it is
recorded, so that one with an unknown outcome can be written again without becoming two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from app.domain.scope import Scope
from app.infra.database import CommitOutcomeUnknown, DatabaseError, Transaction, fetch, transaction
from app.infra.visit_ids import VisitIds

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class NewVisit:
    """A click as it will be stored; the fields are the columns of `visits`, but for the recording."""

    id: int
    occurred_at: datetime
    business_day: Any
    promo_id: int
    campaign_id: int
    plan_id: int
    brand_id: int
    partner_id: int
    attributable_until: datetime
    fingerprint: int
    country: str
    device: str
    uncounted_reason: str | None
    referrer: str | None
    user_agent: str | None
    destination: str
    # JSON text.
    tags: str
    corrupted: bool


_COLUMNS = tuple(field.name for field in fields(NewVisit))
# `dataclasses.astuple` copies deeply, field by field; this is the plain tuple.
_row = attrgetter(*_COLUMNS)
_INSERT_ONCE = (
    f"INSERT INTO visits ({', '.join(_COLUMNS)}, recording_id) "
    f"VALUES ({', '.join(f'${n}' for n in range(1, len(_COLUMNS) + 2))}) ON CONFLICT DO NOTHING"
)
_INSERT_ADDRESS_ONCE = (
    "INSERT INTO visit_addresses (visit_id, ip) VALUES ($1, $2) ON CONFLICT DO NOTHING"
)


@dataclass(slots=True)
class _Waiting:
    visit: NewVisit
    ip: str | None
    done: asyncio.Future[None]
    # True: an earlier attempt may have committed it.
    repeated: bool = False


async def write_visits(tx: Transaction, visits: Sequence[tuple[NewVisit, str | None]]) -> None:
    """Write visits that were never tried before, with their client addresses, in an open transaction."""
    recording = await tx.recording()
    await tx.copy(
        "visits",
        (*_COLUMNS, "recording_id"),
        [(*_row(visit), recording) for visit, _ in visits],
    )
    addresses = [(visit.id, ip) for visit, ip in visits if ip is not None]
    if addresses:
        await tx.copy("visit_addresses", ("visit_id", "ip"), addresses)


class VisitRecorder:
    """Records visits for one process. `run()` must be running; `record()` returns when the visit is durable."""

    def __init__(self, ids: VisitIds) -> None:
        self.ids = ids
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._committing: asyncio.Task[None] | None = None

    async def record(self, visit: NewVisit, ip: str | None, deadline: float) -> None:
        """Make a visit durable. Retries while the database is away.

        Raises DatabaseError when `deadline` (in seconds of the event loop's time) passes first.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(visit, ip, loop.create_future())
        pause = 0.02
        while True:
            self._queue.put_nowait(waiting)
            try:
                await waiting.done
            except DatabaseError:
                if loop.time() + pause > deadline:
                    raise
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
            waiting = _Waiting(visit, ip, loop.create_future(), repeated=True)

    async def run(self) -> None:
        """Commit what is queued, batch after batch, until cancelled. Cancelling lets the batch under way finish."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            self._committing = asyncio.create_task(self._commit(batch))
            await asyncio.shield(self._committing)

    async def drain(self) -> None:
        """Finish the batch under way and commit what is still queued; used when the server stops."""
        if self._committing is not None:
            await self._committing
        while not self._queue.empty():
            await self._commit([self._queue.get_nowait()])

    async def _commit(self, batch: list[_Waiting]) -> None:
        error: Exception | None = None
        try:
            async with transaction() as tx:
                fresh = [(item.visit, item.ip) for item in batch if not item.repeated]
                if fresh:
                    await write_visits(tx, fresh)
                repeated = [item for item in batch if item.repeated]
                if repeated:
                    await _write_again(tx, repeated)
        except Exception as caught:
            error = caught
        for item in batch:
            if item.done.done():
                continue
            if error is None:
                item.done.set_result(None)
            else:
                item.done.set_exception(_as_database_error(error))


async def _write_again(tx: Transaction, batch: list[_Waiting]) -> None:
    recording = await tx.recording()
    await tx.execute_many(_INSERT_ONCE, [(*_row(item.visit), recording) for item in batch])
    addresses = [(item.visit.id, item.ip) for item in batch if item.ip is not None]
    await tx.execute_many(_INSERT_ADDRESS_ONCE, addresses)


def _as_database_error(error: Exception) -> Exception:
    if isinstance(error, CommitOutcomeUnknown):
        return CommitOutcomeUnknown(str(error))
    return DatabaseError(str(error))


async def take_visit_ids(_scope: Scope) -> VisitIds:
    """Visit ids for this process, under a node number that no other recent process has."""
    rows = await fetch("SELECT nextval('visit_nodes') AS node")
    return VisitIds(int(rows[0]["node"]))
