"""Real servers for every test: one PostgreSQL and one Valkey per session, one database per test.

The controller starts the servers and makes a migrated template database; each test that asks for `database` gets a
clone of it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis
from hypothesis import is_hypothesis_test
from hypothesis import settings as hypothesis_settings

from app.domain.scope import Scope
from app.infra import database as infra_database
from app.infra.clock import Clock, ManualClock
from app.infra.crypto import SecretBox
from app.infra.database import credentials
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.main import create_app
from app.settings import Settings, load_settings
from tests.factories import SECRET_KEY
from tests.servers import Servers, start_servers

TEMPLATE = "tributary_template"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

_POSTGRES = "TEST_POSTGRES_URL"
_REDIS = "TEST_REDIS_URL"
_servers: Servers | None = None
# Where hypothesis keeps the settings of a test.
_SETTINGS = "_hypothesis_internal_use_settings"

# Tests prove what is right, not how fast a machine is.
hypothesis_settings.register_profile("tributary", deadline=None)
hypothesis_settings.load_profile("tributary")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, in the controller; workers find them through the environment."""
    global _servers
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # Test processes must not see an operator's settings.
    for name in [name for name in os.environ if name.startswith("TRIBUTARY_") or name == "PORT"]:
        del os.environ[name]
    directory = Path(tempfile.mkdtemp(prefix="tributary-tests-", dir=_fast_directory()))
    _servers = start_servers(directory)
    os.environ[_POSTGRES] = _servers.postgres_url_of("postgres")
    os.environ[_REDIS] = _servers.redis_url
    asyncio.run(_make_template())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """PROPERTY_TIMES in the environment: property tests with so many times their examples (`make soak`)."""
    times = int(os.environ.get("PROPERTY_TIMES", "1"))
    for item in items:
        test = getattr(item, "obj", None)
        if times > 1 and is_hypothesis_test(test):
            usual = getattr(test, _SETTINGS, hypothesis_settings())
            more = hypothesis_settings(usual, max_examples=usual.max_examples * times)
            setattr(getattr(test, "__func__", test), _SETTINGS, more)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and remove what they wrote."""
    if _servers is not None:
        _servers.stop()
        shutil.rmtree(_servers.directory.path, ignore_errors=True)


def _fast_directory() -> str | None:
    """Memory where there is enough: cloning a database writes hundreds of files, ten times faster there."""
    memory = Path("/dev/shm")  # noqa: S108
    enough = 4 * 1024**3
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > enough else None


def url_of(database: str) -> str:
    """The URL of a database of the session's PostgreSQL."""
    return os.environ[_POSTGRES].replace("/postgres?", f"/{database}?")


async def run_sql(*statements: str, database: str = "postgres") -> None:
    """Run statements on a connection of their own, outside any transaction."""
    connection = await asyncpg.connect(**credentials(url_of(database)))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template() -> None:
    await run_sql(f"CREATE DATABASE {TEMPLATE}")
    settings = load_settings(database_url=url_of(TEMPLATE))
    await migrate(settings, lambda _line: None)
    await infra_database.connect(settings)
    # Tests live in March 2026, benchmarks and the demo in the present.
    await ensure_partitions(NOW, history_days=10)
    await ensure_partitions(datetime.now(UTC), history_days=2)
    await infra_database.disconnect()


@pytest.fixture
def redis_url() -> str:
    """A Redis database of this worker alone, empty at the start of the test."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    url = f"{os.environ[_REDIS]}?db={int(worker.removeprefix('gw')) + 1}"
    client = redis.Redis.from_url(url)
    client.flushdb()
    client.close()
    return url


@pytest.fixture
def database_url() -> Iterator[str]:
    """A migrated, empty database of this test alone."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(run_sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    yield url_of(name)
    asyncio.run(run_sql(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of a server on this test's database."""
    return load_settings(
        database_url=database_url,
        redis_url=redis_url,
        secret_keys=SECRET_KEY,
        click_journal_dir=tmp_path / "journal",
        allow_private_targets=True,
        database_pool_max=20,
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Settings]:
    """The models, connected to this test's database."""
    await infra_database.connect(settings)
    yield settings
    await infra_database.disconnect()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at NOW until the test moves it."""
    return ManualClock(NOW)


@pytest.fixture
def box() -> SecretBox:
    """The encryption of secrets at rest."""
    return SecretBox((SECRET_KEY,))


@pytest.fixture
def system(clock: ManualClock) -> Scope:
    """The scope of tasks."""
    return Scope.system(clock, "test-request")


@asynccontextmanager
async def serving(settings: Settings, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole ASGI application, every middleware included."""
    application = create_app(settings, clock)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(application, client=("203.0.113.9", 4711))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://tributary.test"
        ) as client:
            yield client


@pytest.fixture
async def client(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on this test's database, at NOW."""
    async with serving(settings, clock) as http:
        yield http
