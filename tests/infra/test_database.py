"""`transaction()`: typed errors, no nesting, one recording, and connections that always come back."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.infra.database import (
    CommitOutcomeUnknown,
    DatabaseError,
    DatabaseUnavailable,
    IntegrityViolation,
    OutgoingCallInTransaction,
    Transaction,
    TransactionAborted,
    UniqueViolation,
    credentials,
    fetch,
    ping,
    refuse_in_transaction,
    require_url,
    server_settings,
    server_version,
    transaction,
)
from app.models import Recording
from app.settings import Settings, SettingsError, load_settings
from tests.conftest import NOW, run_sql
from tests.factories import make_brand
from tests.infra.cable import cable_to

ADD_SOURCE = (
    "INSERT INTO traffic_sources (name, created_at, state, sort_order) VALUES ($1, $2, 'active', 0)"
)
COUNT_SOURCES = "SELECT count(*) AS count FROM traffic_sources"


@asynccontextmanager
async def connected(settings: Settings, **changes: Any) -> AsyncIterator[None]:
    """The models, connected with other settings."""
    await infra_database.connect(settings.model_copy(update=changes))
    try:
        yield
    finally:
        await infra_database.disconnect()


async def run(work: Callable[[Transaction], Awaitable[object]]) -> None:
    """Do the work in a transaction."""
    async with transaction() as tx:
        await work(tx)


async def sources() -> int:
    return int((await fetch(COUNT_SOURCES))[0]["count"])


async def end_backend(tx: Transaction, settings: Settings) -> None:
    """Have PostgreSQL end the connection of a transaction, as an administrator would."""
    pid = (await tx.fetch("SELECT pg_backend_pid() AS pid"))[0]["pid"]
    killer = await asyncpg.connect(**credentials(require_url(settings)))
    try:
        await killer.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    finally:
        await killer.close()


# Typed errors


async def test_a_second_row_with_the_same_key_is_a_unique_violation_that_names_the_constraint(
    database: Settings,
) -> None:
    async with transaction() as tx:
        await tx.fetch(ADD_SOURCE, "SEO", NOW)

    async def add_again(tx: Transaction) -> None:
        await tx.fetch(ADD_SOURCE, "Mail", NOW)
        await tx.fetch(ADD_SOURCE, "SEO", NOW)

    with pytest.raises(UniqueViolation) as refusal:
        await run(add_again)

    assert "traffic_sources" in refusal.value.constraint
    assert await sources() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO sequence_heads (id, position) VALUES (2, 0)",
        "INSERT INTO landings (brand_id, title, url, created_at) VALUES (4711, 'x', 'x', now())",
        "INSERT INTO traffic_sources (name, created_at) VALUES (NULL, now())",
        "DO $$ BEGIN RAISE EXCEPTION 'a trigger says no'; END $$",
    ],
    ids=["check", "foreign key", "not null", "trigger"],
)
async def test_what_a_constraint_or_a_trigger_refuses_is_an_integrity_violation(
    database: Settings, statement: str
) -> None:
    with pytest.raises(IntegrityViolation):
        await run(lambda tx: tx.fetch(statement))
    with pytest.raises(IntegrityViolation):
        await fetch(statement)


async def test_our_own_errors_pass_through_a_transaction_unchanged(database: Settings) -> None:
    async def fail(tx: Transaction) -> None:
        await tx.fetch(ADD_SOURCE, "SEO", NOW)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await run(fail)

    assert await sources() == 0


async def test_of_two_transactions_in_a_deadlock_one_is_aborted_and_one_commits(
    database: Settings, clock: ManualClock
) -> None:
    first, second = await make_brand(clock), await make_brand(clock)
    both_hold_one = asyncio.Barrier(2)

    async def rename(name: str, brand_ids: tuple[int, int]) -> None:
        async with transaction() as tx:
            for brand_id in brand_ids:
                await tx.fetch("UPDATE brands SET name = $2 WHERE id = $1", brand_id, name)
                if brand_id == brand_ids[0]:
                    await both_hold_one.wait()

    results = await asyncio.gather(
        rename("left", (first.id, second.id)),
        rename("right", (second.id, first.id)),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["NoneType", "TransactionAborted"]
    names = {row["name"] for row in await fetch("SELECT name FROM brands")}
    assert len(names) == 1


async def test_waiting_too_long_for_a_lock_aborts_the_transaction(
    settings: Settings, clock: ManualClock
) -> None:
    async with connected(settings, lock_timeout=0.1):
        brand = await make_brand(clock)
        lock = "SELECT 1 FROM brands WHERE id = $1 FOR UPDATE"

        async with transaction() as tx:
            await tx.fetch(lock, brand.id)
            # In a context that does not know of the transaction open here.
            second = run(lambda tx: tx.fetch(lock, brand.id))
            with pytest.raises(TransactionAborted):
                await asyncio.create_task(second, context=contextvars.Context())


async def test_a_statement_that_runs_too_long_is_ended_by_postgresql(settings: Settings) -> None:
    async with connected(settings, statement_timeout=0.1):
        with pytest.raises(TransactionAborted):
            await run(lambda tx: tx.fetch("SELECT pg_sleep(10)"))
        with pytest.raises(TransactionAborted):
            await fetch("SELECT pg_sleep(10)")
        await ping()


async def test_a_transaction_that_idles_is_ended_by_postgresql_and_frees_its_locks(
    settings: Settings, clock: ManualClock
) -> None:
    async with connected(settings, idle_in_transaction_timeout=0.2):
        brand = await make_brand(clock)

        async def idle(tx: Transaction) -> None:
            await tx.fetch("UPDATE brands SET name = 'mine' WHERE id = $1", brand.id)
            await _another_can_lock(settings, brand.id)
            await tx.fetch("SELECT 1")

        with pytest.raises(DatabaseError):
            await run(idle)
        rows = await fetch("SELECT name FROM brands WHERE id = $1", brand.id)

    assert rows[0]["name"] == brand.name


async def test_a_transaction_that_goes_on_too_long_is_ended_by_postgresql(
    settings: Settings, clock: ManualClock
) -> None:
    async with connected(settings, transaction_timeout=0.3):
        brand = await make_brand(clock)

        async def linger(tx: Transaction) -> None:
            await tx.fetch("UPDATE brands SET name = 'mine' WHERE id = $1", brand.id)
            await tx.fetch("SELECT pg_sleep(10)")

        with pytest.raises(DatabaseUnavailable):
            await run(linger)
        await _another_can_lock(settings, brand.id)
        rows = await fetch("SELECT name FROM brands WHERE id = $1", brand.id)

    assert rows[0]["name"] == brand.name


async def _another_can_lock(settings: Settings, brand_id: int) -> None:
    """Wait, on a connection of its own, until nobody holds the brand."""
    other = await asyncpg.connect(**credentials(require_url(settings)))
    try:
        await other.execute(f"SELECT 1 FROM brands WHERE id = {brand_id} FOR UPDATE")
    finally:
        await other.close()


# Lost connections


async def test_a_connection_lost_between_statements_means_that_nothing_was_committed(
    database: Settings,
) -> None:
    async def lose_it(tx: Transaction) -> None:
        await tx.fetch(ADD_SOURCE, "SEO", NOW)
        await end_backend(tx, database)
        await tx.fetch("SELECT 1")

    with pytest.raises(DatabaseUnavailable) as lost:
        await run(lose_it)

    assert not isinstance(lost.value, CommitOutcomeUnknown)
    assert await sources() == 0


async def test_the_first_error_is_told_when_rolling_back_fails_as_well(database: Settings) -> None:
    async def lose_it(tx: Transaction) -> None:
        await tx.fetch(ADD_SOURCE, "SEO", NOW)
        await end_backend(tx, database)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await run(lose_it)

    assert await sources() == 0


@pytest.mark.parametrize(("moment", "stored"), [("cut_before", 0), ("cut_after", 1)])
async def test_a_connection_lost_while_committing_leaves_the_outcome_unknown(
    settings: Settings, moment: str, stored: int
) -> None:
    async with (
        cable_to(require_url(settings)) as cable,
        connected(settings, database_url=cable.url),
    ):

        async def lose_the_commit(tx: Transaction) -> None:
            await tx.fetch(ADD_SOURCE, "SEO", NOW)
            setattr(cable, moment, b"COMMIT")

        with pytest.raises(CommitOutcomeUnknown):
            await run(lose_the_commit)
        assert cable.cuts == 1
        setattr(cable, moment, None)

        assert await sources() == stored


async def test_a_hundred_dead_connections_at_begin_leave_the_pool_whole(settings: Settings) -> None:
    async with (
        cable_to(require_url(settings)) as cable,
        connected(settings, database_url=cable.url, database_pool_max=2),
    ):
        await ping()
        cable.cut_before = b"BEGIN"
        for _ in range(100):
            with pytest.raises(DatabaseUnavailable):
                await run(_nothing)
        assert cable.cuts == 100
        cable.cut_before = None

        await asyncio.gather(*(_add(f"source {n}") for n in range(10)))

        assert await sources() == 10


async def _nothing(_tx: Transaction) -> None:
    return None


async def _add(name: str) -> None:
    await run(lambda tx: tx.fetch(ADD_SOURCE, name, NOW))


async def test_a_call_cancelled_at_begin_is_cancelled_and_gives_its_connection_back(
    settings: Settings,
) -> None:
    async with (
        cable_to(require_url(settings)) as cable,
        connected(settings, database_url=cable.url, database_pool_max=1),
    ):
        await ping()
        for _ in range(5):
            cable.hold = b"BEGIN"
            adding = asyncio.create_task(_add("SEO"))
            await asyncio.wait_for(cable.held.wait(), 5)
            adding.cancel()
            cable.release.set()
            with pytest.raises(asyncio.CancelledError):
                await adding
            cable.hold = None
            cable.held.clear()
            cable.release.clear()

        assert await asyncio.wait_for(sources(), 5) == 0


async def test_a_call_cancelled_between_statements_is_rolled_back(database: Settings) -> None:
    inside = asyncio.Event()

    async def add_and_wait() -> None:
        async with transaction() as tx:
            await tx.fetch(ADD_SOURCE, "SEO", NOW)
            inside.set()
            await asyncio.Event().wait()

    adding = asyncio.create_task(add_and_wait())
    await inside.wait()
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding

    assert await sources() == 0


async def test_connections_ended_while_they_idle_are_replaced(database: Settings) -> None:
    await asyncio.gather(*(fetch("SELECT pg_sleep(0.01)") for _ in range(5)))
    await run_sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{credentials(require_url(database))['database']}'"
    )
    # The news of its end reaches a socket that nobody reads only with the loop's next round.
    await asyncio.sleep(0.05)

    await asyncio.gather(*(ping() for _ in range(10)))


async def test_a_server_that_is_not_there_is_a_database_that_is_unavailable(
    settings: Settings,
) -> None:
    for url in (
        "postgres://tributary@127.0.0.1:1/tributary",
        "postgres://tributary@/tributary?host=/nonexistent",
        "postgres://tributary@no-such-host.invalid/tributary",
    ):
        async with connected(settings, database_url=url):
            for ask in (ping, server_version, lambda: run(_nothing)):
                with pytest.raises(DatabaseUnavailable):
                    await ask()


@pytest.mark.parametrize("wrong", ["user", "database"])
async def test_a_database_that_refuses_us_is_unavailable(settings: Settings, wrong: str) -> None:
    url = require_url(settings)
    user, name = (credentials(url)[part] for part in ("user", "database"))
    refused = (
        url.replace(f"//{user}@", "//nobody@")
        if wrong == "user"
        else url.replace(f"/{name}?", "/no_such_database?")
    )
    async with connected(settings, database_url=refused):
        with pytest.raises(DatabaseUnavailable):
            await ping()
        with pytest.raises(DatabaseUnavailable):
            await run(_nothing)


# One transaction, one recording


async def test_transactions_do_not_nest(database: Settings) -> None:
    async with transaction():
        with pytest.raises(RuntimeError, match="open already"):
            await run(_nothing)

    await run(_nothing)


async def test_a_transaction_has_one_recording_however_often_it_is_asked_for(
    database: Settings,
) -> None:
    async with transaction() as tx:
        ids = {await tx.recording() for _ in range(3)}
        numbers = [tx.next_event_number() for _ in range(3)]

    assert [row.id for row in await Recording.all()] == list(ids)
    assert numbers == [1, 2, 3]


async def test_a_transaction_that_records_nothing_leaves_no_recording(database: Settings) -> None:
    async with transaction() as tx:
        await tx.fetch(ADD_SOURCE, "SEO", NOW)

    assert await Recording.all().count() == 0


async def test_a_rolled_back_transaction_leaves_no_recording(database: Settings) -> None:
    async def record_and_fail(tx: Transaction) -> None:
        await tx.recording()
        raise LookupError

    with pytest.raises(LookupError):
        await run(record_and_fail)

    assert await Recording.all().count() == 0


async def test_outgoing_calls_are_refused_while_a_transaction_is_open(database: Settings) -> None:
    refuse_in_transaction("a mail")
    async with transaction():
        with pytest.raises(OutgoingCallInTransaction, match="a mail inside an open transaction"):
            refuse_in_transaction("a mail")
        with pytest.raises(OutgoingCallInTransaction):
            await asyncio.create_task(_call_out())
    refuse_in_transaction("a mail")


async def test_outgoing_calls_are_allowed_again_after_a_failed_transaction(
    database: Settings,
) -> None:
    async def fail(_tx: Transaction) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await run(fail)

    refuse_in_transaction("a mail")


async def _call_out() -> None:
    refuse_in_transaction("a mail")


async def test_rows_loaded_with_copy_are_rolled_back_with_the_rest(database: Settings) -> None:
    async def load(tx: Transaction) -> None:
        columns = ("name", "created_at", "state", "sort_order")
        await tx.copy("traffic_sources", columns, [("SEO", NOW, "active", 0)])

    async def load_and_fail(tx: Transaction) -> None:
        await load(tx)
        raise LookupError

    with pytest.raises(LookupError):
        await run(load_and_fail)
    await run(load)

    assert await sources() == 1


# Configuration


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://ada:p%40ss@db.internal:6543/shop",
            ("db.internal", 6543, "ada", "p@ss", "shop"),
        ),
        ("postgresql://db.internal/shop", ("db.internal", 5432, "tributary", None, "shop")),
        ("postgres://ada@/shop?host=/run/pg", ("/run/pg", 5432, "ada", None, "shop")),
        ("postgres:///a%20b?host=/run/pg&port=7", ("/run/pg", 7, "tributary", None, "a b")),
    ],
)
def test_a_database_url_is_read(url: str, expected: tuple[Any, ...]) -> None:
    found = credentials(url)

    assert (
        tuple(found[part] for part in ("host", "port", "user", "password", "database")) == expected
    )


def test_a_url_without_a_database_is_refused_with_an_example() -> None:
    with pytest.raises(SettingsError, match="names no database"):
        credentials("postgres://tributary@db.internal/")


def test_a_process_without_a_database_url_is_told_what_to_set() -> None:
    with pytest.raises(SettingsError, match="TRIBUTARY_DATABASE_URL"):
        require_url(load_settings())


@pytest.mark.parametrize("mode", ["require", "prefer"])
def test_the_ssl_mode_is_passed_on(mode: str) -> None:
    assert credentials(f"postgres://h/d?sslmode={mode}")["ssl"] == mode


def test_a_verified_connection_checks_the_servers_certificate() -> None:
    context = credentials("postgres://h/d?sslmode=verify-full")["ssl"]

    assert context.check_hostname


async def test_every_session_has_the_timeouts_of_the_settings(settings: Settings) -> None:
    async with connected(settings, statement_timeout=7, lock_timeout=6, transaction_timeout=9):
        rows = await fetch("SELECT name, setting FROM pg_settings")
        found = {row["name"]: row["setting"] for row in rows}

    assert found["statement_timeout"] == "7000"
    assert found["lock_timeout"] == "6000"
    assert found["transaction_timeout"] == "9000"
    assert found["idle_in_transaction_session_timeout"] == "15000"
    assert found["TimeZone"] == "UTC"
    assert server_settings(settings)["application_name"] == found["application_name"]


async def test_the_server_is_a_postgresql_18(database: Settings) -> None:
    assert await server_version() // 10_000 == 18
