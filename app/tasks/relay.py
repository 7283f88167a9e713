"""The relay: places committed recordings, plans the work that events ask for, folds the rollups, wakes the workers.

Every worker runs one. They share the work through locks in the database, so that any of them may die at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from app.domain.events import place_recordings
from app.domain.events.pending import pending_work
from app.domain.postbacks import plan
from app.domain.rollups.fold import DAILY, fold_daily
from app.domain.scope import Scope
from app.infra.clock import Clock
from app.infra.database import DatabaseError
from app.infra.telemetry import logger, new_request_id

IDLE_SECONDS = 0.05
# Folding in larger steps costs less; reports are right however far behind it is.
FOLD_EVERY_SECONDS = 2.0
_LONGEST_PAUSE = 2.0


class Relay:
    """One worker's relay. `wake` is called after deliveries were committed; it may be lost without harm."""

    def __init__(self, clock: Clock, wake: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._wake = wake
        self._folded_at = float("-inf")

    async def run(self) -> None:
        """Follow the log until cancelled; a lost database is waited for."""
        pause = IDLE_SECONDS
        while True:
            try:
                busy = await self.step()
                pause = 0 if busy else IDLE_SECONDS
            except DatabaseError as error:
                pause = min(max(pause, IDLE_SECONDS) * 2, _LONGEST_PAUSE)
                logger().warning("relay.waiting_for_database", error=str(error), seconds=pause)
            await asyncio.sleep(pause)

    async def step(self) -> bool:
        """Do one round of what is pending; True when there was anything."""
        scope = Scope.system(self._clock, new_request_id())
        pending = await pending_work(scope, plan.READER, DAILY)
        placed = await place_recordings(scope) if pending.unplaced else 0
        moved = 0
        if placed or pending.reader_lag:
            planned = await plan.plan_deliveries(scope)
            moved = planned.moved
            if planned.deliveries:
                await self._wake()
        folded = 0
        now = asyncio.get_running_loop().time()
        if pending.rollup_lag and now - self._folded_at >= FOLD_EVERY_SECONDS:
            folded = await fold_daily(scope)
            self._folded_at = now
        return bool(placed or moved or folded)
