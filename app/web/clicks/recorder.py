"""The recorder: many clicks become one commit, and a click is answered only when it is durable.

Clicks that arrive while commits are under way wait for the next one, which takes all of them. When the database does
not take them in time, the journal on the local disk does, and the visitor is redirected all the same.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from app.domain.scope import Scope
from app.domain.visits.record import record_clicks
from app.infra.telemetry import logger
from app.infra.visit_ids import VisitIds
from app.web.clicks.spool import ClickSpool, Recordable, sorted_clicks

MOST_AT_ONCE = 1_000
# While commits are under way, another one starts as soon as so many clicks wait: the database is never idle between
# two, and no commit is made for a few.
ENOUGH = 16
MOST_COMMITS = 4

_Waiting = list[tuple[Recordable, asyncio.Future[None]]]


class ClickRecorder:
    """Records the clicks of one process. `run()` must be running, or nothing is replayed."""

    def __init__(
        self, scope: Scope, ids: VisitIds, directory: Path, limit: int, patience: float
    ) -> None:
        """`limit` bounds the journal, in bytes; `patience` is how long a commit may take, in seconds."""
        self.ids = ids
        self._scope = scope
        self._patience = patience
        self._spool = ClickSpool(scope, directory, limit, patience)
        self._loop = asyncio.get_running_loop()
        self._waiting: _Waiting = []
        # A start was asked for, after what the loop has to do at this moment.
        self._starting = False
        # Commits and entries of the journal that are being written.
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """Whether the journal can take clicks if the database goes away now."""
        return self._spool.has_room

    @property
    def dropped(self) -> int:
        """How many clicks found neither the database nor room in the journal."""
        return self._spool.dropped

    def record(self, click: Recordable) -> asyncio.Future[None]:
        """Done when the click is durable, or dropped and counted. Never fails: a visitor is redirected in any case."""
        done = self._loop.create_future()
        self._waiting.append((click, done))
        if len(self._waiting) >= ENOUGH and len(self._under_way) < MOST_COMMITS:
            self._start()
        elif not self._starting:
            self._starting = True
            self._loop.call_soon(self._start_rest)
        return done

    async def run(self) -> None:
        """Replay journals, until cancelled."""
        await self._spool.replay_for_ever()

    async def drain(self) -> None:
        """Make durable what is still queued; used when the server stops."""
        while self._waiting or self._under_way:
            if self._waiting:
                self._start()
            await asyncio.wait(self._under_way)
        await self._spool.close()

    def _start_rest(self) -> None:
        """Commit what has gathered, unless a commit is under way: then the next one takes it."""
        self._starting = False
        if self._waiting and not self._under_way:
            self._start()

    def _start(self) -> None:
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        if self._spool.away:
            self._write_down(batch)
            return
        clicks = sorted_clicks([click for click, _ in batch])
        task = self._loop.create_task(record_clicks(self._scope, clicks))
        self._under_way.add(task)
        losing_patience = self._loop.call_later(self._patience, self._give_up, task, batch)
        task.add_done_callback(partial(self._committed, batch, losing_patience))

    def _committed(
        self, batch: _Waiting, losing_patience: asyncio.TimerHandle, task: asyncio.Task[None]
    ) -> None:
        if task not in self._under_way:
            # It was given up, and its clicks are in the journal.
            return
        losing_patience.cancel()
        error = None if task.cancelled() else task.exception()
        if error is not None or task.cancelled():
            self._journalled(batch, str(error) or type(error).__name__)
        else:
            _settle(batch)
        self._ended(task)

    def _give_up(self, task: asyncio.Task[None], batch: _Waiting) -> None:
        """Leave a commit that hangs to itself, for it may still succeed; ending it would need an answer, too."""
        self._spool.left_alone(task)
        self._journalled(batch, "no answer in time")
        self._ended(task)

    def _journalled(self, batch: _Waiting, reason: str) -> None:
        self._spool.away = True
        logger().warning("clicks.journalled", reason=reason, clicks=len(batch))
        self._write_down(batch)

    def _write_down(self, batch: _Waiting) -> None:
        task = self._loop.create_task(self._spool.write_down([click for click, _ in batch]))
        self._under_way.add(task)
        task.add_done_callback(partial(self._written, batch))

    def _written(self, batch: _Waiting, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger().error("clicks.lost", clicks=len(batch), exc_info=error)
        _settle(batch)
        self._ended(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        waiting = len(self._waiting)
        if waiting >= ENOUGH or (waiting and not self._under_way):
            self._start()


def _settle(batch: _Waiting) -> None:
    for _, done in batch:
        if not done.done():
            done.set_result(None)
