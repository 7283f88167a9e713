"""Hearing of committed changes: at once while connected, and never silently missing one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from app.infra.database import credentials, require_url
from app.infra.notifications import Listener
from app.settings import Settings
from tests.conftest import run_sql
from tests.infra.cable import cable_to

CHANNEL = "links"
PATIENCE = 30


@dataclass(slots=True)
class Ears:
    """What a listener was told, and how often it was deaf."""

    heard: list[str] = field(default_factory=list)
    deaf: int = 0

    def went_deaf(self) -> None:
        self.deaf += 1


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[tuple[Listener, Ears]]:
    ears = Ears()
    listener = Listener(settings, CHANNEL, ears.heard.append, ears.went_deaf)
    task = asyncio.create_task(listener.run())
    try:
        yield listener, ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def telling(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**credentials(require_url(settings)))
    try:
        yield connection
    finally:
        await connection.close()


async def tell(connection: asyncpg.Connection, text: str) -> None:
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, text)


async def end_listeners(connection: asyncpg.Connection) -> int:
    """Terminate every connection of this database but the given one; returns how many."""
    return int(
        await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
    )


async def test_changes_are_heard_in_their_order_once_they_are_committed(
    settings: Settings,
) -> None:
    async with listening(settings) as (listener, ears), telling(settings) as connection:
        await until(lambda: listener.hearing)
        async with connection.transaction():
            await tell(connection, "promos:1")
            await tell(connection, "promos:2")
            await asyncio.sleep(0.1)
            assert ears.heard == []
        await tell(connection, "promos:3")
        await until(lambda: len(ears.heard) == 3)
    assert ears.heard == ["promos:1", "promos:2", "promos:3"]


async def test_it_hears_only_when_its_own_echo_has_come_back(settings: Settings) -> None:
    async with cable_to(settings.database_url or "") as cable:
        cable.hold = b"pg_notify"
        through = settings.model_copy(update={"database_url": cable.url})
        async with listening(through) as (listener, ears):
            await asyncio.wait_for(cable.held.wait(), PATIENCE)
            assert not listener.hearing
            before = ears.deaf
            cable.hold = None
            cable.release.set()
            await until(lambda: listener.hearing)
            # What changed before that moment was not heard.
            assert ears.deaf == before + 1


async def test_a_connection_that_is_ended_is_noticed_at_once_and_made_again(
    settings: Settings,
) -> None:
    async with listening(settings) as (listener, ears), telling(settings) as connection:
        await until(lambda: listener.hearing)
        before = ears.deaf
        assert await end_listeners(connection) == 1
        started = asyncio.get_running_loop().time()
        await until(lambda: ears.deaf > before)
        # Sooner than by the next check, which comes every two seconds.
        assert asyncio.get_running_loop().time() - started < 1.5

        await until(lambda: listener.hearing)
        await tell(connection, "promos:1")
        await until(lambda: ears.heard == ["promos:1"])


async def test_a_listener_is_deaf_once_more_when_it_hears_again(settings: Settings) -> None:
    """Between the two, changes were missed: what was looked up meanwhile is not certain either."""
    async with listening(settings) as (listener, ears), telling(settings) as connection:
        await until(lambda: listener.hearing)
        before = ears.deaf
        await end_listeners(connection)
        await until(lambda: ears.deaf > before and listener.hearing)
        assert ears.deaf == before + 2


async def test_a_connection_that_falls_silent_counts_as_deaf(settings: Settings) -> None:
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url})
        async with listening(through) as (listener, _):
            await until(lambda: listener.hearing)
            cable.hold = b""
            await until(lambda: not listener.hearing)
            cable.hold = None
            cable.release.set()
            await until(lambda: listener.hearing)


async def test_a_database_that_refuses_connections_is_asked_again(settings: Settings) -> None:
    name = (settings.database_url or "").partition("?")[0].rpartition("/")[2]
    await run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    async with listening(settings) as (listener, ears):
        await until(lambda: ears.deaf >= 2)
        assert not listener.hearing
        await run_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await until(lambda: listener.hearing)


async def test_a_flood_of_changes_is_heard_completely(settings: Settings) -> None:
    flood = 20_000
    async with listening(settings) as (listener, ears), telling(settings) as connection:
        await until(lambda: listener.hearing)
        deaf = ears.deaf
        await connection.execute(
            "SELECT pg_notify($1, 'promos:' || n) FROM generate_series(1, $2::int) AS n",
            CHANNEL,
            flood,
        )
        await until(lambda: len(ears.heard) == flood)
        assert (listener.hearing, ears.deaf) == (True, deaf)
    assert ears.heard == [f"promos:{n}" for n in range(1, flood + 1)]


async def test_the_echoes_of_other_processes_are_no_changes(settings: Settings) -> None:
    async with listening(settings) as (one, ears), listening(settings) as (other, _):
        await until(lambda: one.hearing and other.hearing)
        async with telling(settings) as connection:
            await tell(connection, "promos:1")
            await until(lambda: len(ears.heard) > 0)
    assert ears.heard == ["promos:1"]
