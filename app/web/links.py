"""Tracking links: `/{code}` records the visit and redirects; whatever is wrong, the visitor sees no error (A10)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from app.domain.scope import Scope
from app.domain.visits.click import Click, new_visit
from app.domain.visits.links import Link, find_link
from app.infra.database import DatabaseError
from app.infra.telemetry import logger
from app.web.services import Services, client_ip, request_id, services_of

if TYPE_CHECKING:
    from starlette.requests import Request

_NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer-when-downgrade"}


async def follow(request: Request) -> Response:
    """Redirect a visitor. The answer is given once the visit is durable; while it cannot be, 503 asks to repeat."""
    services = services_of(request)
    if request.method == "HEAD":
        # Link checkers and mail scanners: nobody visited.
        return _redirect(_fallback(services))
    deadline = asyncio.get_running_loop().time() + services.settings.click_deadline
    try:
        link = await _find(request.path_params["code"], deadline)
        if link is None or not link.live:
            logger().info("link.fallback", known=link is not None)
            return _redirect(_fallback(services))
        click = Click(
            request.scope["query_string"],
            client_ip(request),
            request.headers.get("user-agent"),
            request.headers.get("referer"),
        )
        scope = Scope.visitor(services.clock, request_id(request), click.ip)
        visit = new_visit(scope, link, click, services.recorder.ids.next(scope.now()))
        await services.recorder.record(visit, click.ip, deadline)
    except DatabaseError as error:
        logger().warning("link.not_recorded", error=str(error))
        return Response(status_code=503, headers={**_NO_STORE, "Retry-After": "1"})
    return _redirect(visit.destination)


async def _find(code: str, deadline: float) -> Link | None:
    """The link, waiting for the database until the deadline."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await find_link(code)
        except DatabaseError:
            if loop.time() + 0.1 > deadline:
                raise
        await asyncio.sleep(0.1)


def _fallback(services: Services) -> str:
    return services.settings.fallback_url or f"{services.settings.base_url}/"


def _redirect(url: str) -> Response:
    return RedirectResponse(url, status_code=302, headers=_NO_STORE)
