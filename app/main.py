"""The front door: the ASGI application and its route table."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from app.domain.accounts.users import Audience
from app.infra import database
from app.infra.clock import Clock, SystemClock
from app.infra.crypto import CursorSigner, SecretBox
from app.infra.memory import settle
from app.infra.redis import RedisClient
from app.infra.storage import Storage
from app.infra.telemetry import configure_logging
from app.schema import admin, partner
from app.schema.context import Services as SchemaServices
from app.schema.execution.endpoint import Endpoint
from app.schema.transport import graphiql
from app.schema.transport.http import HttpTransport
from app.schema.transport.live import Live
from app.schema.transport.sse import Streams
from app.schema.transport.websocket import WebSocketTransport
from app.settings import Settings, SettingsError, settings
from app.web import account_pages, banners, files, health, home, inbox, intake, tracker
from app.web.clicks.door import LinkDoor
from app.web.clicks.path import ClickPath
from app.web.middleware import ClientAddress, ErrorAnswers, RequestContext, refused
from app.web.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as ASGIScope


class FrontDoor(Starlette):
    """Starlette, with tracking links before everything else: the busiest door pays for no other one."""

    def __init__(self, configuration: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._trusted_proxies = configuration.trusted_proxies

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's own stack behind the link door; clients' addresses are known to both."""
        return ClientAddress(LinkDoor(super().build_middleware_stack()), self._trusted_proxies)


def create_app(configuration: Settings, clock: Clock | None = None) -> Starlette:
    """The application for these settings. Raises SettingsError when it cannot work with them."""
    clock = clock or SystemClock()
    if not configuration.secret_keys:
        raise SettingsError(
            "TRIBUTARY_SECRET_KEYS: no key to encrypt secrets with. "
            "Example: TRIBUTARY_SECRET_KEYS=the output of `openssl rand -base64 32`"
        )
    box = SecretBox(configuration.secret_keys)
    signer = CursorSigner(configuration.secret_keys)
    redis = RedisClient(configuration)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.connect(configuration)
        clicks = await ClickPath.start(configuration, clock, box)
        app.state.services = Services(
            configuration, clock, box, redis, clicks, signer, Storage(configuration)
        )
        try:
            yield
        finally:
            await clicks.stop()
            await redis.close()
            await database.disconnect()

    shared = SchemaServices(configuration, clock, box, signer)
    live = Live(configuration.subscriptions_per_user)
    endpoints = (
        Endpoint("admin", admin.schema, Audience.STAFF, shared, redis),
        Endpoint("partner", partner.schema, Audience.PARTNER, shared, redis),
    )
    return FrontDoor(
        configuration,
        routes=[
            Route("/", home.home),
            Route("/health/live", health.live),
            Route("/health/ready", health.ready),
            *(route for endpoint in endpoints for route in _graphql_routes(endpoint, live)),
            Route(f"{graphiql.ASSETS}/{{name}}", graphiql.asset),
            Route("/api/v1/players", intake.players, methods=["POST"]),
            Route("/api/v1/activity", intake.activity, methods=["POST"]),
            Route("/api/v1/events", intake.events, methods=["POST"]),
            Route("/api/v1/reconcile", intake.reconcile, methods=["POST"]),
            Route("/partner/documents", files.upload, methods=["POST"]),
            Route("/files/{link}", files.download),
            Route("/admin/banners", banners.upload, methods=["POST"]),
            Route("/banners/{name}", banners.download),
            Route("/account/{action}", account_pages.show, methods=["GET"]),
            Route("/account/{action}", account_pages.act, methods=["POST"]),
            Route("/inbox", inbox.listing),
            Route("/inbox/{name}", inbox.one),
            Route("/tracker", tracker.listing),
            Route("/tracker/{path:path}", tracker.take, methods=["GET", "POST"]),
        ],
        middleware=[
            Middleware(RequestContext),
            Middleware(ErrorAnswers),
        ],
        exception_handlers={HTTPException: refused},
        lifespan=lifespan,
    )


def _graphql_routes(endpoint: Endpoint, live: Live) -> list[BaseRoute]:
    path = f"/{endpoint.name}/graphql"
    return [
        Route(path, HttpTransport(endpoint, Streams(live))),
        WebSocketRoute(path, WebSocketTransport(endpoint, live)),
    ]


_application: Starlette | None = None


async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
    """The application of this process, made from its environment on first use."""
    global _application
    if _application is None:
        configure_logging(settings(), "serve")
        _application = create_app(settings())
        settle()
    await _application(scope, receive, send)
