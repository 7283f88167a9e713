"""Writers, sequencers and readers of the log, for tests that let them work against each other."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app.domain.events import LoggedEvent, Subject, place_recordings, read_log, record
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import DatabaseError, fetch, transaction


def dice(seed: int) -> random.Random:
    """Chance that can be repeated."""
    return random.Random(seed)  # noqa: S311


class Changed(Exception):
    """A writer's change of mind: its transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A committed transaction: its mark, how many events it wrote, when it began and ended in machine time."""

    mark: str
    events: int
    began: int
    ended: int


@dataclass(slots=True)
class Writer:
    """Commits transactions with events, some of them late, some never."""

    scope: Scope
    name: str
    dice: random.Random
    # How long a transaction may stay open, in seconds.
    longest: float = 0.02
    committed: list[Commit] = field(default_factory=list)
    rolled_back: list[str] = field(default_factory=list)

    async def write(self, count: int) -> None:
        for number in range(count):
            mark = f"{self.name}-{number}"
            began = time.monotonic_ns()
            try:
                events = await self._one(mark)
            except Changed:
                self.rolled_back.append(mark)
            else:
                self.committed.append(Commit(mark, events, began, time.monotonic_ns()))

    async def _one(self, mark: str) -> int:
        dice = self.dice
        events = dice.choice((0, 1, 1, 2, 5))
        async with transaction() as tx:
            # The id is taken early, the commit comes late.
            await tx.recording()
            await asyncio.sleep(dice.uniform(0, self.longest))
            for n in range(events):
                data = {"mark": mark, "n": n}
                await record(self.scope, tx, "test.happened", Subject("test", None), data=data)
            await asyncio.sleep(dice.uniform(0, self.longest))
            if dice.random() < 0.2:
                raise Changed
        return events


@dataclass(slots=True)
class Follower:
    """Reads the log from its beginning, as the relay does: on from where it has come to."""

    scope: Scope
    page: int = 7
    position: int = 0
    events: list[LoggedEvent] = field(default_factory=list)
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has_read(self, position: int) -> None:
        """Wait until the follower has come to that position."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.position >= position)

    async def catch_up(self) -> None:
        """Read to the end of the log."""
        while True:
            events, reached = await read_log(self.scope, self.position, self.page)
            self.events += events
            if reached == self.position:
                return
            self.position = reached
            async with self._moved:
                self._moved.notify_all()

    async def follow(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            await self.catch_up()
            await asyncio.sleep(0.001)
        await self.catch_up()


async def sequence(clock: ManualClock, dice: random.Random, is_over: Callable[[], bool]) -> None:
    """A sequencer on a clock that jumps about; a lost connection is survived."""
    scope = Scope.system(clock, "sequencer")
    while not is_over():
        clock.advance(timedelta(seconds=dice.uniform(-40, 41)))
        with contextlib.suppress(DatabaseError):
            await place_recordings(scope)
        await asyncio.sleep(dice.uniform(0, 0.003))


async def place_all(scope: Scope) -> None:
    """Place what is committed, to the last recording."""
    while await place_recordings(scope):
        pass


async def check_log(follower: Follower, committed: list[Commit]) -> None:
    """The follower has received exactly the committed log, in order, each event once."""
    placed = await fetch("SELECT id, position, known_at FROM recordings ORDER BY position")
    assert [row["position"] for row in placed] == list(range(1, len(placed) + 1))
    known = [row["known_at"] for row in placed]
    assert known == sorted(known)
    # Nothing that was rolled back is there, nothing that was committed is missing.
    assert len(placed) == len(committed)
    stored = await fetch(
        "SELECT r.position, e.n, e.id, e.data->>'mark' AS mark FROM events e"
        " JOIN recordings r ON r.id = e.recording_id ORDER BY r.position, e.n"
    )
    assert [(e.position, e.n, e.id) for e in follower.events] == [
        (row["position"], row["n"], row["id"]) for row in stored
    ]
    received: dict[str, list[int]] = {}
    for event in follower.events:
        received.setdefault(event.data["mark"], []).append(event.n)
    expected = {item.mark: list(range(1, item.events + 1)) for item in committed if item.events}
    assert received == expected
    _check_causality(stored, committed)


def _check_causality(stored: list[dict[str, Any]], committed: list[Commit]) -> None:
    """What had ended before another began comes before it in the log."""
    position = {row["mark"]: row["position"] for row in stored}
    order = sorted((position[item.mark], item.mark, item) for item in committed if item.events)
    earliest_end = float("inf")
    for _, mark, item in reversed(order):
        assert earliest_end > item.began, f"{mark} began after a later one had ended"
        earliest_end = min(earliest_end, item.ended)
