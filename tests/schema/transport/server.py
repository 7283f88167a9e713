"""Really running servers: uvicorn on a port of loopback, with what a test needs to reach into them."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import redis
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from app.domain.accounts.users import Audience
from app.infra import database
from app.infra.clock import Clock, ManualClock
from app.infra.crypto import CursorSigner, SecretBox
from app.infra.redis import RedisClient
from app.main import create_app
from app.schema import partner
from app.schema.context import Services
from app.schema.execution.endpoint import Endpoint
from app.schema.transport.http import HttpTransport
from app.schema.transport.live import Live, Times
from app.schema.transport.sse import Streams
from app.schema.transport.websocket import WebSocketTransport
from app.settings import Settings, load_settings
from app.web.middleware import ErrorAnswers, RequestContext
from tests.conftest import NOW, TEMPLATE, run_sql, url_of
from tests.factories import SECRET_KEY, make_brand, make_operator, make_partner, make_partner_user

PATH = "/partner/graphql"
PARTNER_EMAIL = "owner@partner.test"
OPERATOR_EMAIL = "owner@staff.test"
_SEND_BUFFER = 16 * 1024


class _Server(uvicorn.Server):
    """uvicorn that leaves the signals to the test process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _uvicorn(application: ASGIApp) -> tuple[_Server, socket.socket]:
    listener = socket.create_server(("127.0.0.1", 0))
    # Accepted connections inherit it: what a client does not read soon holds the server up.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    configuration = uvicorn.Config(
        application,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return _Server(configuration), listener


def _address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def listening(application: ASGIApp) -> AsyncIterator[str]:
    """Serve in this event loop; the address, such as http://127.0.0.1:4711."""
    server, listener = _uvicorn(application)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
            if serving.done():
                serving.result()
        yield _address(listener)
    finally:
        server.should_exit = True
        await serving


@dataclass(frozen=True, slots=True)
class Door:
    """One endpoint with its transports, as an application of its own."""

    endpoint: Endpoint
    live: Live
    application: Starlette


def make_door(
    settings: Settings,
    clock: Clock,
    *,
    schema: strawberry.Schema = partner.schema,
    times: Times | None = None,
) -> Door:
    """The partner endpoint, possibly with another schema and with shorter waits."""
    services = Services(
        settings, clock, SecretBox(settings.secret_keys), CursorSigner(settings.secret_keys)
    )
    client = RedisClient(settings)
    endpoint = Endpoint("partner", schema, Audience.PARTNER, services, client)
    live = Live(settings.subscriptions_per_user, times)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.connect(settings)
        yield
        await client.close()
        await database.disconnect()

    application = Starlette(
        routes=[
            Route(PATH, HttpTransport(endpoint, Streams(live))),
            WebSocketRoute(PATH, WebSocketTransport(endpoint, live)),
        ],
        middleware=[Middleware(RequestContext), Middleware(ErrorAnswers)],
        lifespan=lifespan,
    )
    return Door(endpoint, live, application)


@contextmanager
def served_programme(**overrides: object) -> Iterator[str]:
    """The whole application in a thread, at NOW, on a database with one partner user and one operator; its address.

    For modules that only ask: starting it once spares each test a server.
    """
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(run_sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    settings = load_settings(
        **{
            "database_url": url_of(name),
            "redis_url": _own_redis(),
            "secret_keys": SECRET_KEY,
            # Some of the audits of graphql-http ask for `__type`.
            "explore": "everyone",
            "anonymous_cost_capacity": 1_000_000,
            **overrides,
        }
    )
    clock = ManualClock(NOW)
    asyncio.run(_make_users(settings, clock))
    server, listener = _uvicorn(create_app(settings, clock))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield _address(listener)
    finally:
        server.should_exit = True
        thread.join()
        asyncio.run(run_sql(f"DROP DATABASE {name} WITH (FORCE)"))


async def _make_users(settings: Settings, clock: Clock) -> None:
    await database.connect(settings)
    brand = await make_brand(clock)
    account = await make_partner(clock, brand)
    await make_partner_user(account, clock, email=PARTNER_EMAIL)
    await make_operator(clock, email=OPERATOR_EMAIL)
    await database.disconnect()


def _own_redis() -> str:
    """The URL of this worker's Redis database, emptied."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    url = f"{os.environ['TEST_REDIS_URL']}?db={int(worker.removeprefix('gw')) + 1}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url
