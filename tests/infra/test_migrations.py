"""Migrations: from empty and back, at once, interrupted, and each of them on a database that is being used."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.migrations.api import migrate as tortoise_migrate

import migrations
from app.infra import database as infra_database
from app.infra.database import (
    APP,
    DatabaseUnavailable,
    TransactionAborted,
    credentials,
    require_url,
    server_settings,
    tortoise_config,
)
from app.infra.migrations import (
    LONGEST_LOCK_WAIT,
    _no_garbage_collection,
    detect_changes,
    migrate,
    pending_migrations,
)
from app.settings import Settings, load_settings
from tests.conftest import NOW, run_sql, url_of
from tests.infra.cable import cable_to

NAMES = sorted(path.stem for path in Path(migrations.__path__[0]).glob("[0-9]*.py"))
# The rows that a migration brings by itself.
_numbers = itertools.count(1_000)
_TIME_PARTITION = re.compile(r"_[0-9]{4}_[0-9]{2}(_|$)")
BROUGHT = {"tortoise_migrations", "sequence_heads"}


AtMigration = Callable[[str | None], Awaitable[Settings]]


def nothing(_line: str) -> None:
    """Nobody listens to the progress."""


# The databases at a migration that tests have asked for; each is made once and cloned.
_at: dict[str, str] = {}


async def make_database(template: str = "template1") -> str:
    name = f"test_{secrets.token_hex(6)}"
    await run_sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return name


async def make_template(settings: Settings, name: str) -> None:
    """The database at a migration, from that at the migration before."""
    if name not in _at:
        before = previous(name)
        if before is not None:
            await make_template(settings, before)
        _at[name] = await make_database(_at[before] if before else "template1")
        at_name = settings.model_copy(update={"database_url": url_of(_at[name])})
        await migrate(at_name, nothing, name)


@pytest.fixture(scope="module", autouse=True)
def templates() -> Iterator[None]:
    """Drops the databases of `_at`."""
    yield
    for name in _at.values():
        asyncio.run(run_sql(f"DROP DATABASE {name} WITH (FORCE)"))
    _at.clear()


@pytest.fixture
async def at_migration(settings: Settings) -> AsyncIterator[AtMigration]:
    """Makes a database that is at the migration of that name; None: without a single table."""
    made = []

    async def make(name: str | None) -> Settings:
        if name is None:
            made.append(await make_database())
        else:
            await make_template(settings, name)
            made.append(await make_database(_at[name]))
        return settings.model_copy(update={"database_url": url_of(made[-1])})

    yield make
    for name in made:
        await run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def connection(settings: Settings) -> AsyncIterator[Any]:
    """A connection with the session settings of a serving process."""
    opened = await asyncpg.connect(
        **credentials(require_url(settings)), server_settings=server_settings(settings)
    )
    try:
        yield opened
    finally:
        await opened.close()


async def tables(settings: Settings) -> dict[str, int]:
    """The tables that are no partitions, with how many rows each has."""
    async with connection(settings) as db:
        names = await db.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace ORDER BY relname"
        )
        return {
            row["relname"]: await db.fetchval(f"SELECT count(*) FROM {row['relname']}")
            for row in names
        }


async def schema(settings: Settings) -> list[tuple[Any, ...]]:
    """What the database is made of, in the order of names."""
    async with connection(settings) as db:
        parts = [
            """SELECT table_name, column_name, data_type, is_nullable, column_default
               FROM information_schema.columns WHERE table_schema = 'public'""",
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
               FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
            """SELECT tgrelid::regclass::text, pg_get_triggerdef(oid)
               FROM pg_trigger WHERE NOT tgisinternal""",
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            "SELECT sequencename, min_value, max_value, cycle FROM pg_sequences",
            "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        ]
        rows = [tuple(row) for part in parts for row in await db.fetch(part)]
    # The partitions of a month or a day come and go with time.
    return sorted((row for row in rows if not _TIME_PARTITION.search(row[0])), key=repr)


async def pending(settings: Settings) -> list[str]:
    await infra_database.connect(settings)
    try:
        return await pending_migrations(settings)
    finally:
        await infra_database.disconnect()


async def unapply_everything(settings: Settings) -> None:
    try:
        with _no_garbage_collection():
            await tortoise_migrate(config=tortoise_config(settings), target=f"{APP}.__first__")
    finally:
        await Tortoise.close_connections()


# From empty, back, and again


async def test_migrating_twice_applies_nothing_the_second_time(settings: Settings) -> None:
    lines: list[str] = []

    await migrate(settings, lines.append)

    assert lines == []


async def test_migrating_to_an_earlier_migration_applies_that_and_no_more(
    at_migration: AtMigration,
) -> None:
    earlier = await at_migration(NAMES[0])

    assert await pending(earlier) == NAMES[1:]


async def test_migrations_unapply_to_nothing_and_apply_again_to_the_same_schema(
    settings: Settings,
) -> None:
    before = await schema(settings)

    await unapply_everything(settings)
    left = await tables(settings)
    await migrate(settings, nothing)

    assert left == {"tortoise_migrations": 0}
    assert await schema(settings) == before


async def test_the_models_ask_for_no_migration_that_is_missing(settings: Settings) -> None:
    assert await detect_changes(settings) == []


# At once, interrupted, and refused


async def test_two_processes_that_migrate_an_empty_database_at_once_both_succeed(
    at_migration: AtMigration,
) -> None:
    empty = await at_migration(None)
    assert await pending(empty) == NAMES
    program = (
        "import asyncio, sys\n"
        "from app.infra.migrations import migrate\n"
        "from app.settings import load_settings\n"
        "asyncio.run(migrate(load_settings(database_url=sys.argv[1]), print))\n"
    )
    pipe = asyncio.subprocess.PIPE
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, require_url(empty), stdout=pipe, stderr=pipe
        )
        for _ in range(2)
    ]
    outputs = [await process.communicate() for process in running]

    assert [process.returncode for process in running] == [0, 0]
    applied = [line for out, _ in outputs for line in out.decode().splitlines()]
    assert applied == [f"applied {name}" for name in NAMES]
    assert await pending(empty) == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_migration_interrupted_before_it_was_remembered_is_applied_again_whole(
    at_migration: AtMigration, name: str
) -> None:
    database = await at_migration(previous(name))
    async with cable_to(require_url(database)) as cable:
        cable.cut_before = b'INSERT INTO "tortoise_migrations"'
        with pytest.raises(DatabaseUnavailable):
            await migrate(database.model_copy(update={"database_url": cable.url}), nothing, name)
        assert cable.cuts == 1

    lines: list[str] = []
    await migrate(database, lines.append, name)

    assert lines == [f"applied {name}"]


async def test_a_server_that_is_not_there_is_reported_as_unavailable() -> None:
    away = load_settings(database_url="postgres://tributary@127.0.0.1:1/tributary")

    with pytest.raises(DatabaseUnavailable):
        await migrate(away, nothing)


async def test_a_migration_gives_up_waiting_for_a_lock_and_goes_on_at_the_next_call(
    at_migration: AtMigration,
) -> None:
    database = await at_migration(NAMES[0])
    hasty = database.model_copy(update={"lock_timeout": 0.2})
    async with connection(database) as db, db.transaction():
        await db.execute("SELECT count(*) FROM sessions")
        with pytest.raises(TransactionAborted):
            await migrate(hasty, nothing, NAMES[1])

    lines: list[str] = []
    await migrate(hasty, lines.append, NAMES[1])

    assert lines == [f"applied {NAMES[1]}"]


# While serving


def previous(name: str) -> str | None:
    index = NAMES.index(name)
    return NAMES[index - 1] if index else None


@dataclass(slots=True)
class Rows:
    """Makes rows for whatever tables there are, from what the database says of their columns."""

    db: Any
    columns: dict[str, list[Any]] = field(default_factory=dict)
    parents: dict[tuple[str, str], str] = field(default_factory=dict)
    newest: dict[str, Any] = field(default_factory=dict)

    async def learn(self) -> list[str]:
        """Read the columns and foreign keys; returns the tables, parents first."""
        for row in await self.db.fetch(
            "SELECT table_name, column_name, data_type, character_maximum_length AS longest,"
            " is_nullable = 'YES' AS optional, column_default FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name NOT IN"
            " (SELECT relname FROM pg_class WHERE relispartition) ORDER BY ordinal_position"
        ):
            self.columns.setdefault(row["table_name"], []).append(row)
        for row in await self.db.fetch(
            "SELECT conrelid::regclass::text AS child, a.attname AS column,"
            " confrelid::regclass::text AS parent"
            " FROM pg_constraint c JOIN pg_attribute a"
            " ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'"
        ):
            self.parents[row["child"], row["column"]] = row["parent"]
        return self._in_order(sorted(set(self.columns) - BROUGHT))

    def _in_order(self, names: list[str]) -> list[str]:
        ordered: list[str] = []
        while names:
            ready = [
                name
                for name in names
                if {p for (child, _), p in self.parents.items() if child == name}
                <= {*ordered, name}
            ]
            ordered += ready
            names = [name for name in names if name not in ready]
        return ordered

    async def add(self, table: str) -> None:
        """Insert one row and remember its id for the tables that refer to it."""
        values: dict[str, Any] = {}
        for column in self.columns[table]:
            name = column["column_name"]
            if column["column_default"] or column["optional"]:
                continue
            values[name] = self._value(table, column)
        # What check constraints ask for; those of the next migration hold for its data as well.
        if table == "users":
            values |= {"audience": "partner", "partner_id": self.newest["partners"]}
        if table == "sessions":
            values["token_hash"] = f"{next(_numbers)}"
        names = ", ".join(values)
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        self.newest[table] = (
            await self.db.fetchval(
                f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING {self.columns[table][0]['column_name']}",
                *values.values(),
            )
            if values
            else await self.db.fetchval(f"INSERT INTO {table} DEFAULT VALUES RETURNING id")
        )

    def _value(self, table: str, column: Any) -> Any:
        parent = self.parents.get((table, column["column_name"]))
        if parent is not None:
            return self.newest[parent]
        number = next(_numbers)
        values: dict[str, Any] = {
            "character varying": f"{number}"[-(column["longest"] or 8) :],
            "text": f"{number}",
            "bigint": number,
            "integer": number,
            "smallint": number % 30_000,
            "numeric": number,
            "boolean": True,
            "date": date(2026, 3, 10),
            "timestamp with time zone": NOW,
            "jsonb": "{}",
            "bytea": b"secret",
        }
        return values[column["data_type"]]


@dataclass(slots=True)
class Traffic:
    """Writes a row into every table and reads all of them, over and over; keeps the longest wait."""

    settings: Settings
    written: dict[str, int] = field(default_factory=dict)
    # Set when every table was written, and when every table was read.
    has_written: asyncio.Event = field(default_factory=asyncio.Event)
    has_read: asyncio.Event = field(default_factory=asyncio.Event)
    longest: float = 0.0
    stopping: bool = False

    async def write(self) -> None:
        async with connection(self.settings) as db:
            rows = Rows(db)
            names = await rows.learn()
            while not self.stopping:
                for name in names:
                    started = time.monotonic()
                    await rows.add(name)
                    self.longest = max(self.longest, time.monotonic() - started)
                    self.written[name] = self.written.get(name, 0) + 1
                self.has_written.set()

    async def read(self) -> None:
        async with connection(self.settings) as db:
            rows = Rows(db)
            names = await rows.learn()
            while not self.stopping:
                for name in names:
                    started = time.monotonic()
                    await db.fetch(f"SELECT * FROM {name} LIMIT 5")
                    self.longest = max(self.longest, time.monotonic() - started)
                self.has_read.set()


@pytest.mark.parametrize("name", NAMES[1:])
async def test_a_migration_keeps_data_and_traffic_going(
    at_migration: AtMigration, name: str
) -> None:
    database = await at_migration(previous(name))
    async with connection(database) as db:
        rows = Rows(db)
        names = await rows.learn()
        for table in names * 20:
            await rows.add(table)
    before = await tables(database)
    traffic = Traffic(database)
    async with asyncio.TaskGroup() as serving:
        serving.create_task(traffic.write())
        serving.create_task(traffic.read())
        await traffic.has_written.wait()
        await traffic.has_read.wait()
        # Beside the traffic, as a process of its own would be: what Tortoise computes holds no connection up.
        await asyncio.to_thread(asyncio.run, migrate(database, nothing, name))
        await asyncio.sleep(0.1)
        traffic.stopping = True

    assert traffic.longest < LONGEST_LOCK_WAIT
    after = await tables(database)
    for table in set(before) - BROUGHT:
        assert after[table] == before[table] + traffic.written[table], table
