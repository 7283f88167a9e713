"""What is wrong with this machine or the configuration, and what to do about it.

Every check looks and changes nothing, apart from a probe file that it removes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.infra.data_directory import CannotStart, DataDirectory, Run
from app.infra.embedded import accounts, postgres, valkey
from app.infra.instance import listening_socket
from app.settings import Settings

_OLDEST_PYTHON = (3, 11)
# transaction_timeout, by which PostgreSQL ends what is stuck, came with 17.
_OLDEST_POSTGRES = 17
_WANTED_SPACE = 2 * 2**30
_WANTED_FILES = 4096
# The clock of a machine that forgot the time starts at 1970 or at its firmware's year.
_CLOCK_EARLIEST = 1_735_689_600  # 2025-01-01T00:00:00Z
_CLOCK_TOLERANCE = 5.0
_PATIENCE = 5.0

_START = "start it with `make up`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing; `fix` says what to do when it is not ok."""

    name: str
    ok: bool
    message: str
    fix: str


def diagnose(settings: Settings) -> list[Finding]:
    """Check the machine, the configuration and, where they run, the database and Redis."""
    directory = DataDirectory(settings.data_dir)
    run = directory.running()
    findings = [
        check_python(sys.version_info[:3]),
        check_data_directory(directory.path),
        check_disk_space(directory.path),
        check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        check_clock(time.time()),
        check_port(settings.host, settings.port, run),
        check_secret_keys(settings),
        *_check_programs(settings, directory.path),
    ]
    database_url = settings.database_url or (run.database_url if run else None)
    redis_url = settings.redis_url or (run.redis_url if run else None)
    findings += check_database(settings, database_url)
    findings.append(check_redis(redis_url))
    return findings


def check_python(version: tuple[int, int, int]) -> Finding:
    """The interpreter is new enough."""
    wanted = ".".join(map(str, _OLDEST_PYTHON))
    return Finding(
        "python",
        version[:2] >= _OLDEST_PYTHON,
        f"this is Python {'.'.join(map(str, version))}, needed is {wanted} or newer",
        f"Install Python {wanted} or newer, then `make clean up PYTHON=/path/to/it`.",
    )


def check_data_directory(path: Path) -> Finding:
    """The data directory, or the place where it will be, can be written."""
    place = _existing(path)
    fix = "Set TRIBUTARY_DATA_DIR to a directory that this user owns and may write."
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".probe-"):
            pass
    except OSError as error:
        return Finding("data directory", False, f"{place} is not writable: {error.strerror}", fix)
    if path.exists() and path.stat().st_uid != os.geteuid():
        owner = path.stat().st_uid
        return Finding("data directory", False, f"{path} belongs to another user ({owner})", fix)
    state = "is writable" if path.exists() else "can be created"
    return Finding("data directory", True, f"{path} {state}", fix)


def check_disk_space(path: Path, wanted: int = _WANTED_SPACE) -> Finding:
    """There is room for the database to grow."""
    free = shutil.disk_usage(_existing(path)).free
    return Finding(
        "disk space",
        free >= wanted,
        f"{free / 2**30:.1f} GiB free at {path}, wanted are {wanted / 2**30:.1f} GiB",
        "Free some space, or set TRIBUTARY_DATA_DIR to a directory on a larger disk.",
    )


def check_open_files(limit: int) -> Finding:
    """One process may open enough files and connections.

    `limit` is the hard limit, because the processes raise the soft one by themselves.
    """
    shown = "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
    return Finding(
        "open files",
        limit == resource.RLIM_INFINITY or limit >= _WANTED_FILES,
        f"a process may open {shown} files and connections, wanted are {_WANTED_FILES}",
        f"Raise the hard limit: LimitNOFILE={_WANTED_FILES} in the service, or limits.conf.",
    )


def check_clock(now: float) -> Finding:
    """The clock is not obviously wrong. `now` is in seconds since 1970."""
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    return Finding(
        "clock",
        now >= _CLOCK_EARLIEST,
        f"it is {shown}",
        "Set the clock, and keep it set with NTP (`timedatectl set-ntp true`).",
    )


def check_port(host: str, port: int, run: Run | None) -> Finding:
    """The port is free, or the running instance has it."""
    name, fix = "port", "Stop the program that has it, or choose another port with PORT=…"
    if run is not None and run.url.endswith(f":{port}"):
        return Finding(name, True, f"{port} is in use by the running instance (pid {run.pid})", fix)
    try:
        listening_socket(host, port).close()
    except CannotStart as error:
        message, _, advice = str(error).partition("\nFix: ")
        return Finding(name, False, message, advice or fix)
    return Finding(name, True, f"{port} on {host} is free", fix)


def check_secret_keys(settings: Settings) -> Finding:
    """An external database comes with keys that are kept elsewhere than on this machine."""
    if settings.secret_keys:
        message = f"{len(settings.secret_keys)} set"
    elif settings.database_url:
        message = "TRIBUTARY_SECRET_KEYS is not set, but TRIBUTARY_DATABASE_URL is"
    else:
        message = "not set: the embedded database uses the generated key of the data directory"
    return Finding(
        "secret keys",
        bool(settings.secret_keys) or settings.database_url is None,
        message,
        "Set TRIBUTARY_SECRET_KEYS, the same everywhere, to what `openssl rand -base64 32` prints.",
    )


def _check_programs(settings: Settings, path: Path) -> Iterator[Finding]:
    if settings.database_url is None:
        yield check_program("embedded PostgreSQL", lambda: _postgres_version(path))
    if settings.redis_url is None:
        yield check_program("embedded Valkey", _valkey_version)


def check_program(name: str, version: Callable[[], str]) -> Finding:
    """A program of the Python environment runs here, as the user that it will run as."""
    fix = "Run `make clean up` to install it again, or configure an external server."
    try:
        return Finding(name, True, version(), fix)
    except CannotStart as error:
        message, _, advice = str(error).partition("\nFix: ")
        return Finding(name, False, message, advice or fix)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(name, False, f"does not run: {error}", fix)


def _postgres_version(path: Path) -> str:
    program = postgres.binaries() / "postgres"
    # As root it runs under another account, which must reach the place of its data.
    with tempfile.TemporaryDirectory(dir=_existing(path), prefix=".probe-") as writable:
        account = accounts.choose(program, program.parent.parent / "share", Path(writable))
    return f"{_first_line(program)} runs as {account.name}"


def _valkey_version() -> str:
    return f"{_first_line(valkey.binary())} runs"


def _first_line(program: Path) -> str:
    result = subprocess.run(
        [program, "--version"], check=True, capture_output=True, text=True, timeout=30
    )
    return result.stdout.strip().splitlines()[0].split(" sha=")[0]


def check_database(settings: Settings, url: str | None) -> list[Finding]:
    """The database answers, is new enough, agrees about the time, and has every migration."""
    fix = f"Check TRIBUTARY_DATABASE_URL and that PostgreSQL runs; without it, {_START}."
    if url is None:
        return [Finding("database", True, "embedded, not running at the moment", fix)]
    try:
        return asyncio.run(_ask_database(settings.model_copy(update={"database_url": url}), fix))
    except Exception as error:
        # Whatever it is: the operator wants to read it, among the other findings.
        return [Finding("database", False, f"cannot be used: {_said(error)}", fix)]


async def _ask_database(settings: Settings, fix: str) -> list[Finding]:
    import asyncpg

    from app.infra.database import credentials, require_url

    connection = await asyncpg.connect(**credentials(require_url(settings)), timeout=_PATIENCE)
    try:
        version = connection.get_server_version().major
        now: float = await connection.fetchval(
            "SELECT extract(epoch FROM clock_timestamp())::float8"
        )
    finally:
        await connection.close()
    drift = abs(now - time.time())
    findings = [
        Finding(
            "database",
            version >= _OLDEST_POSTGRES,
            f"PostgreSQL {version} answers, needed is {_OLDEST_POSTGRES} or newer",
            f"Upgrade the database server to PostgreSQL {_OLDEST_POSTGRES} or newer.",
        ),
        Finding(
            "database clock",
            drift <= _CLOCK_TOLERANCE,
            f"{drift:.1f} seconds away from this machine's",
            "Keep both clocks set with NTP (`timedatectl set-ntp true`).",
        ),
    ]
    if version >= _OLDEST_POSTGRES:
        findings.append(await _ask_for_migrations(settings))
    return findings


async def _ask_for_migrations(settings: Settings) -> Finding:
    from app.infra import database
    from app.infra.migrations import pending_migrations

    await database.connect(settings)
    try:
        pending = await pending_migrations(settings)
    finally:
        await database.disconnect()
    message = f"{len(pending)} pending: {', '.join(pending)}" if pending else "all applied"
    return Finding("migrations", not pending, message, "Run `tributary migrate`.")


def check_redis(url: str | None) -> Finding:
    """Redis or Valkey answers and does not throw work away when its memory is full."""
    fix = f"Check TRIBUTARY_REDIS_URL and that Redis runs; without it, {_START}."
    if url is None:
        return Finding("redis", True, "embedded, not running at the moment", fix)
    from redis import Redis, RedisError

    try:
        with Redis.from_url(
            url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        ) as redis:
            server = redis.info("server")
            # Valkey tells the Redis version that it is compatible with under the old name.
            version = server.get("valkey_version") or server["redis_version"]
            policy = redis.info("memory").get("maxmemory_policy", "noeviction")
    except (RedisError, OSError, ValueError) as error:
        return Finding("redis", False, f"cannot be used: {_said(error)}", fix)
    if policy != "noeviction":
        message = f"version {version} would evict queued work ({policy}) when its memory is full"
        return Finding("redis", False, message, "Run `CONFIG SET maxmemory-policy noeviction`.")
    return Finding("redis", True, f"version {version} answers", fix)


def _existing(path: Path) -> Path:
    """The path itself, or its nearest parent that exists."""
    for place in (path, *path.parents):
        # What stands below a closed directory cannot be seen, so the directory is what counts.
        with contextlib.suppress(PermissionError):
            if place.is_dir():
                return place
    return Path("/")


def _said(error: Exception) -> str:
    return str(error).strip() or type(error).__name__
