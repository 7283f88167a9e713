"""Any interleaving of writers, sequencers and a reader, against a model of what the log must be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.events import head, place_recordings, read_log
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import credentials, fetch, require_url
from app.settings import Settings
from tests.conftest import NOW

WRITERS = 4

actions = st.one_of(
    st.tuples(st.just("write"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("commit"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("roll back"), st.integers(0, WRITERS - 1)),
    st.tuples(st.just("place"), st.integers(-100, 100)),
    st.tuples(st.just("read"), st.integers(1, 4)),
)


@dataclass(slots=True)
class Log:
    """What the log must be, told by the same actions."""

    # By writer: the recording of its open transaction, with the marks of its events.
    open: dict[int, tuple[int, list[str]]] = field(default_factory=dict)
    committed: dict[int, list[str]] = field(default_factory=dict)
    order: list[tuple[int, datetime]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def place(self, now: datetime) -> int:
        known = max([now, *(at for _, at in self.order[-1:])])
        fresh = sorted(self.committed)
        for recording in fresh:
            self.order.append((recording, known))
            self.marks += self.committed.pop(recording)
        return len(fresh)


@dataclass(slots=True)
class Bench:
    """The real thing: writers on their own connections, and a reader."""

    system: Scope
    clock: ManualClock
    writers: list[Any]
    log: Log
    position: int = 0
    received: list[str] = field(default_factory=list)
    number: int = 0

    async def act(self, action: str, value: int) -> None:
        if action == "write":
            await self._write(value)
        elif action in {"commit", "roll back"}:
            await self._end(value, commit=action == "commit")
        elif action == "place":
            self.clock.advance(timedelta(seconds=value))
            assert await place_recordings(self.system) == self.log.place(self.clock.now())
        else:
            await self._read(value)

    async def _write(self, writer: int) -> None:
        db = self.writers[writer]
        if writer not in self.log.open:
            await db.execute("BEGIN")
            recording = await db.fetchval("INSERT INTO recordings DEFAULT VALUES RETURNING id")
            self.log.open[writer] = (recording, [])
            return
        recording, marks = self.log.open[writer]
        self.number += 1
        marks.append(f"mark {self.number}")
        await db.execute(
            "INSERT INTO events (recording_id, n, type, subject_type, actor_type, occurred_at, data)"
            " VALUES ($1, $2, $3, 'test', 'system', $4, '{}')",
            recording,
            len(marks),
            marks[-1],
            self.clock.now(),
        )

    async def _end(self, writer: int, *, commit: bool) -> None:
        if writer not in self.log.open:
            return
        await self.writers[writer].execute("COMMIT" if commit else "ROLLBACK")
        recording, marks = self.log.open.pop(writer)
        if commit:
            self.log.committed[recording] = marks

    async def _read(self, page: int) -> None:
        events, self.position = await read_log(self.system, self.position, page)
        self.received += [event.type for event in events]
        assert self.received == self.log.marks[: len(self.received)]

    async def finish(self) -> None:
        """Commit what is open, place it and read to the end."""
        for writer in range(WRITERS):
            await self.act("commit", writer)
        await self.act("place", 0)
        while self.position < len(self.log.order):
            await self._read(2)


@pytest.fixture
async def writers(database: Settings) -> AsyncIterator[list[Any]]:
    """A connection for each writer."""
    opened = [await asyncpg.connect(**credentials(require_url(database))) for _ in range(WRITERS)]
    yield opened
    for connection in opened:
        await connection.close()


@given(steps=st.lists(actions, max_size=40))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_every_interleaving_gives_the_log_of_its_commits(
    writers: list[Any], system: Scope, steps: list[tuple[str, int]]
) -> None:
    for writer in writers:
        await writer.execute("ROLLBACK")
    await fetch("TRUNCATE events, recordings CASCADE")
    await fetch("UPDATE sequence_heads SET position = 0, known_at = NULL")
    clock = ManualClock(NOW)
    bench = Bench(Scope.system(clock, "test"), clock, writers, Log())
    for action, value in steps:
        await bench.act(action, value)
    await bench.finish()

    log = bench.log
    stored = await fetch("SELECT id, position, known_at FROM recordings ORDER BY position")
    assert [row["position"] for row in stored] == list(range(1, len(log.order) + 1))
    assert [(row["id"], row["known_at"]) for row in stored] == log.order
    assert bench.received == log.marks
    assert (await head(system)).position == len(log.order)
