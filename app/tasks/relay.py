"""The relay: places committed recordings, plans the work that events ask for, folds the rollups, wakes the workers.

Every worker runs one. They share the work through locks in the database, so that any of them may die at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.domain.changes.derive import derive_changes
from app.domain.events import place_recordings
from app.domain.events.pending import pending_work
from app.domain.mails import plan as mail_plan
from app.domain.postbacks import plan as postback_plan
from app.domain.postbacks.tags import note_tags
from app.domain.rollups.fold import fold_all
from app.domain.rollups.tables import ROLLUPS
from app.domain.scope import Scope
from app.domain.visits.judge import judge_visits
from app.infra.clock import Clock
from app.infra.database import DatabaseError
from app.infra.telemetry import logger, new_request_id

IDLE_SECONDS = 0.05
# Folding in larger steps costs less; reports are right however far behind it is.
FOLD_EVERY_SECONDS = 2.0
_LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Planner:
    """Turns events into rows of work, and wakes whoever does it."""

    reader: str
    # One step: (positions moved, rows added), committed together.
    plan: Callable[[Scope], Awaitable[tuple[int, int]]]
    # Called after rows were committed; it may be lost without harm.
    wake: Callable[[], Awaitable[None]]


async def plan_postbacks(scope: Scope) -> tuple[int, int]:
    """One step of the postbacks' planner."""
    planned = await postback_plan.plan_deliveries(scope)
    return planned.moved, planned.deliveries


async def plan_mails(scope: Scope) -> tuple[int, int]:
    """One step of the mails' planner."""
    planned = await mail_plan.plan_mails(scope)
    return planned.moved, planned.mails


async def plan_verdicts(scope: Scope) -> tuple[int, int]:
    """One step of judging visits; nobody needs to be woken for it."""
    return await judge_visits(scope), 0


async def plan_tags(scope: Scope) -> tuple[int, int]:
    """One step of noting which tags links carry; nobody needs to be woken for it."""
    return await note_tags(scope), 0


async def plan_changes(scope: Scope) -> tuple[int, int]:
    """One step of telling changes to past figures; nobody needs to be woken for it."""
    return await derive_changes(scope), 0


class Relay:
    """One worker's relay."""

    def __init__(self, clock: Clock, planners: Sequence[Planner]) -> None:
        self._clock = clock
        self._planners = planners
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
        readers = [planner.reader for planner in self._planners]
        pending = await pending_work(scope, readers, [rollup.name for rollup in ROLLUPS])
        placed = await place_recordings(scope) if pending.unplaced else 0
        moved = 0
        for planner in self._planners:
            if placed or pending.reader_lags[planner.reader]:
                steps, added = await planner.plan(scope)
                moved += steps
                if added:
                    await planner.wake()
        folded = 0
        now = asyncio.get_running_loop().time()
        if pending.rollup_lag and now - self._folded_at >= FOLD_EVERY_SECONDS:
            folded = await fold_all(scope)
            self._folded_at = now
        return bool(placed or moved or folded)
