"""The servers that are compared: the product, the product without recording, one insert per click, bare redirects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.domain.scope import Scope as DomainScope
from app.domain.visits.record import record_clicks
from app.infra.clock import SystemClock
from app.infra.memory import settle
from app.infra.telemetry import configure_logging
from app.main import create_app
from app.settings import load_settings
from app.web.clicks.spool import sorted_clicks

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.web.clicks.recorder import ClickRecorder
    from app.web.clicks.spool import Recordable

_LANDING = "https://brand.example/welcome?lang=en&stag=1_1234567890123456789"
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer-when-downgrade"),
)


def durable() -> Starlette:
    """The product as it is."""
    settings = load_settings()
    configure_logging(settings, "bench")
    application = create_app(settings)
    settle()
    return application


def without_recording() -> ASGIApp:
    """The same route: the link is found, the visit is made, and nobody keeps it."""

    def record(_recorder: ClickRecorder, _click: Recordable) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    return _recording_by(record)


def insert_each() -> ASGIApp:
    """The same route with a transaction of its own for each click."""
    scope = DomainScope.system(SystemClock(), "bench")

    def record(_recorder: ClickRecorder, click: Recordable) -> asyncio.Future[None]:
        return asyncio.ensure_future(record_clicks(scope, sorted_clicks([click])))

    return _recording_by(record)


def _recording_by(record: Any) -> ASGIApp:
    application = durable()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = application.state.services.clicks
            if not isinstance(path.recorder, _Instead):
                path.recorder = _Instead(path.recorder, record)
        await application(scope, receive, send)

    return app


class _Instead:
    """The recorder's place, taken by another way of recording."""

    def __init__(self, recorder: ClickRecorder, record: Any) -> None:
        self.ids = recorder.ids
        self._recorder, self._record = recorder, record

    def record(self, click: Recordable) -> asyncio.Future[None]:
        """Record a click in that other way."""
        done: asyncio.Future[None] = self._record(self._recorder, click)
        return done

    async def drain(self) -> None:
        """As the recorder does."""
        await self._recorder.drain()


def bare() -> Starlette:
    """The same framework's redirect: a route that looks nothing up and keeps nothing."""

    async def redirect(_request: Request) -> Response:
        headers = {name.decode(): value.decode() for name, value in _HEADERS}
        return RedirectResponse(_LANDING, status_code=302, headers=headers)

    return Starlette(routes=[Route("/{code}", redirect)])


def raw() -> ASGIApp:
    """No framework at all: what Uvicorn can do."""
    headers = [(b"location", _LANDING.encode()), *_HEADERS, (b"content-length", b"0")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return app
