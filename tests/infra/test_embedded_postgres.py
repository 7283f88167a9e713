"""The embedded PostgreSQL: reachable by socket only, and back after every kind of crash."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from app.infra import processes
from app.infra.data_directory import CannotStart, DataDirectory
from app.infra.embedded import accounts, postgres
from app.infra.embedded.postgres import EmbeddedPostgres, open_postgres
from app.infra.supervisor import Supervisor


def opened(path: Path, *, durable: bool = False) -> EmbeddedPostgres:
    directory = DataDirectory(path)
    directory.create()
    return open_postgres(directory, durable=durable)


@contextmanager
def running(server: EmbeddedPostgres) -> Iterator[int]:
    """Run the server; gives the pid of its first process."""
    supervisor = Supervisor()
    try:
        supervisor.start(server.child())
        yield supervisor.pids()["postgres"]
    finally:
        supervisor.stop()
        if server.cluster.parent not in server.socket_directory.parents:
            server.socket_directory.rmdir()


async def ask(server: EmbeddedPostgres, *statements: str) -> object:
    """Run the statements on one connection; gives the value of the last one."""
    connection = await asyncpg.connect(server.url())
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def setting(name: str) -> str:
    return f"SELECT current_setting('{name}')"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    cluster = opened(tmp_path_factory.mktemp("postgres"))
    with running(cluster):
        yield cluster


async def test_it_is_postgresql_18(server: EmbeddedPostgres) -> None:
    assert str(await ask(server, setting("server_version"))).startswith("18.")


async def test_it_listens_on_no_network_address(server: EmbeddedPostgres) -> None:
    assert await ask(server, setting("listen_addresses")) == ""


async def test_the_database_is_utf8_with_the_builtin_c_utf8_locale(
    server: EmbeddedPostgres,
) -> None:
    row = (
        "SELECT pg_encoding_to_char(encoding) || ' ' || datlocprovider::text || ' ' || datlocale"
        " FROM pg_database WHERE datname = 'tributary'"
    )
    assert await ask(server, row) == "UTF8 b C.UTF-8"


async def test_its_time_zone_is_utc(server: EmbeddedPostgres) -> None:
    assert await ask(server, setting("timezone")) == "UTC"


async def test_its_url_reaches_every_database_of_the_cluster(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    assert await connection.fetchval("SELECT current_database()") == "postgres"
    await connection.close()


def test_its_sockets_are_open_to_their_owner_only(server: EmbeddedPostgres) -> None:
    assert server.socket_directory.stat().st_mode & 0o077 == 0


def test_a_second_start_keeps_what_was_committed(tmp_path: Path) -> None:
    with running(opened(tmp_path)) as _:
        asyncio.run(ask(opened_again(tmp_path), "CREATE TABLE kept AS SELECT 1 AS a", "SELECT 1"))
    again = opened(tmp_path)
    with running(again):
        assert asyncio.run(ask(again, "SELECT a FROM kept")) == 1


def opened_again(path: Path) -> EmbeddedPostgres:
    """The running server's handle, made without the checks that end a running server."""
    directory = DataDirectory(path)
    account = next(iter(accounts.candidates()))
    sockets = directory.socket_directory("postgres")
    return EmbeddedPostgres(directory.postgres, sockets, directory.logs / "x.log", account)


async def test_a_killed_server_with_a_busy_client_starts_again_with_what_was_committed(
    tmp_path: Path,
) -> None:
    server = opened(tmp_path, durable=True)
    with running(server) as pid:
        await ask(server, "CREATE TABLE kept AS SELECT 1 AS a", "SELECT 1")
        # This one neither waits for a client nor looks whether the first process still lives.
        busy = await asyncpg.connect(server.url())
        work = asyncio.create_task(
            busy.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
        )
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        again = opened(tmp_path, durable=True)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await work
    with running(again):
        assert await ask(again, "SELECT a FROM kept") == 1


def test_a_server_that_outlived_its_supervisor_is_ended_by_the_next_start(tmp_path: Path) -> None:
    server = opened(tmp_path)
    with running(server) as first:
        assert processes.working_in(server.cluster, "postgres") >= {first}
        opened(tmp_path)
        assert processes.working_in(server.cluster, "postgres") == set()


def test_a_socket_directory_that_a_cleaner_removed_is_made_again_by_the_start(
    tmp_path: Path,
) -> None:
    server = opened(tmp_path)
    server.socket_directory.rmdir()
    with running(server):
        assert server.socket_directory.stat().st_mode & 0o077 == 0


def test_a_stale_lock_file_with_the_pid_of_another_program_does_not_stop_the_start(
    tmp_path: Path,
) -> None:
    server = opened(tmp_path)
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        try:
            (server.cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{server.cluster}\n")
            with running(opened(tmp_path)):
                assert stranger.poll() is None
        finally:
            stranger.kill()


def test_another_program_working_in_the_cluster_directory_is_left_alone(tmp_path: Path) -> None:
    server = opened(tmp_path)
    with subprocess.Popen(["/bin/sleep", "60"], cwd=server.cluster) as stranger:
        try:
            server.end_leftovers()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = opened(tmp_path)
    with running(server):
        assert asyncio.run(ask(server, "SELECT 1")) == 1
    assert not (tmp_path / "postgres.new").exists()


def test_a_cluster_of_another_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    server = opened(tmp_path)
    (server.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match="pg_dumpall of version 17"):
        opened(tmp_path)


def test_a_long_data_directory_path_still_has_a_reachable_socket(tmp_path: Path) -> None:
    server = opened(tmp_path / ("long" * 30))
    with running(server):
        assert asyncio.run(ask(server, "SELECT 1")) == 1


def test_a_path_with_spaces_and_signs_still_has_a_usable_url(tmp_path: Path) -> None:
    server = opened(tmp_path / 'a b&c?d"e')
    with running(server):
        assert asyncio.run(ask(server, "SELECT 1")) == 1


def test_it_starts_below_a_directory_that_nobody_else_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = opened(closed / "data")
    with running(server):
        assert asyncio.run(ask(server, "SELECT 1")) == 1
    assert closed.stat().st_mode & 0o777 == 0o700


def test_the_server_of_an_ordinary_user_runs_as_that_user_and_roots_as_another(
    tmp_path: Path,
) -> None:
    account = opened(tmp_path).account
    if os.geteuid() == 0:
        assert account.enter is not None
    else:
        assert (account.uid, account.enter) == (os.geteuid(), None)


def test_every_account_that_works_here_can_make_and_run_a_cluster(tmp_path: Path) -> None:
    # Some containers forbid one way or the other, never all of them.
    open_to_all = tmp_path.parent.parent.stat().st_mode & 0o011 == 0o011
    worked = [
        account.name
        for number, account in enumerate(accounts.candidates())
        if works(tmp_path / str(number), account)
    ]
    assert worked
    if os.geteuid() == 0 and not open_to_all:
        assert "nobody" not in worked


def works(path: Path, account: accounts.Account) -> bool:
    directory = DataDirectory(path)
    directory.create()
    sockets = directory.socket_directory("postgres")
    server = EmbeddedPostgres(
        directory.postgres, sockets, directory.logs / "postgres.log", account, durable=False
    )
    try:
        server.prepare()
        server.create_if_missing()
    except (CannotStart, OSError, subprocess.SubprocessError):
        return False
    with running(server):
        return asyncio.run(ask(server, "SELECT 1")) == 1


def test_a_cluster_made_under_one_account_is_handed_to_the_next(tmp_path: Path) -> None:
    server = opened(tmp_path)
    if os.geteuid() == 0:
        for path in (server.cluster, *server.cluster.rglob("*")):
            os.chown(path, 0, 0)
    again = opened(tmp_path)
    with running(again):
        assert asyncio.run(ask(again, "SELECT 1")) == 1


def test_when_no_account_can_run_the_program_each_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotStart) as caught:
        accounts.choose(tmp_path / "missing", postgres.binaries(), tmp_path)
    told = str(caught.value)
    assert all(f"as {account.name}:" in told for account in accounts.candidates())
    assert "Fix: " in told
