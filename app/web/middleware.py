"""Middleware of every door: the client's address behind trusted proxies, the request id, errors as JSON."""

from __future__ import annotations

import ipaddress
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.domain.errors import DomainError, Forbidden, NotFound, Unauthenticated
from app.infra.database import DatabaseError, RowRefused, TransactionAborted, translate
from app.infra.telemetry import logger, new_request_id

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from app.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class ClientAddress:
    """Believes `X-Forwarded-For` only from trusted proxies, and only as far as they vouch for it."""

    def __init__(self, app: ASGIApp, trusted: tuple[Network, ...]) -> None:
        self._app = app
        self._trusted = tuple(_unmapped(network) for network in trusted)
        # Every click passes here, and most come from addresses that came before.
        self._judged = lru_cache(maxsize=50_000)(self._judge)
        self._original_of_line = lru_cache(maxsize=50_000)(self._original)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None and (peer := self._judged(client[0])) is not None:
            address, trusted = peer
            if address != client[0]:
                scope["client"] = (address, client[1])
            if trusted:
                lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
                if lines and (original := self._original_of_line(b",".join(lines))):
                    scope["client"] = (original, 0)
        await self._app(scope, receive, send)

    def _original(self, line: bytes) -> str | None:
        """The nearest address that is not one of our proxies; None when the header is not made of addresses."""
        nearest = None
        for hop in reversed(line.decode("latin-1").split(",")):
            judged = self._judged(hop.strip())
            if judged is None:
                return nearest
            nearest, trusted = judged
            if not trusted:
                return nearest
        return nearest

    def _judge(self, text: str) -> tuple[str, bool] | None:
        """The address in its one form, and whether it is a trusted proxy's; None when it is no address."""
        address = _address(text)
        if address is None:
            return None
        return str(address), any(address in network for network in self._trusted)


def _address(text: str) -> Address | None:
    """The address of a text, or None. IPv4 that came through an IPv6 socket is IPv4 (`::ffff:a.b.c.d`)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _unmapped(network: Network) -> Network:
    """A range of IPv4 addresses that was written as IPv6 (`::ffff:10.0.0.0/104`), as IPv4; any other as it is."""
    first = network.network_address
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped and network.prefixlen >= 96:
        return ipaddress.IPv4Network((first.ipv4_mapped, network.prefixlen - 96))
    return network


class RequestContext:
    """Gives each request an id, in its answer and in every log line; logs each request once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id()
        scope["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if scope["type"] == "http":
                    milliseconds = round((time.perf_counter() - started) * 1000, 1)
                    # The path only: query strings may carry tokens.
                    logger().info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        milliseconds=milliseconds,
                    )


class ErrorAnswers:
    """Turns what a door raises into a JSON answer with a code; nothing internal leaks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            response = _answer(error, scope["request_id"])
            await response(scope, receive, send)


def _answer(error: Exception, request_id: str) -> JSONResponse:
    typed = translate(error)
    if isinstance(typed, DomainError):
        status = 400
        if isinstance(typed, Unauthenticated):
            status = 401
        elif isinstance(typed, Forbidden):
            status = 403
        elif isinstance(typed, NotFound):
            status = 404
        return error_answer(status, typed.code, typed.message, request_id)
    # What a row contradicts is there the next time as well: that is no outage.
    if isinstance(typed, DatabaseError) and not isinstance(typed, RowRefused):
        again = isinstance(typed, TransactionAborted)
        logger().warning("database.unavailable", error=str(typed), repeatable=again)
        message = "the database is away for a moment: send the same request again"
        answer = error_answer(503, "UNAVAILABLE", message, request_id)
        answer.headers["Retry-After"] = "1"
        return answer
    logger().error("request.failed", exc_info=error)
    return error_answer(
        500, "INTERNAL", "something went wrong on our side; tell us the request id", request_id
    )


def error_answer(status: int, code: str, message: str, request_id: str) -> JSONResponse:
    """The form of every refusal of these doors."""
    error = {"code": code, "message": message, "request_id": request_id}
    return JSONResponse({"errors": [error]}, status_code=status)


async def refused(request: Request, error: Exception) -> Response:
    """What the routes themselves refuse (an unknown path, a wrong method), in the same form."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(status, "REFUSED")
    message = {404: "there is nothing here", 405: "this door does not take this method"}
    answer = error_answer(status, code, message.get(status, "refused"), request.scope["request_id"])
    answer.headers.update(headers)
    return answer
