"""Health: `/health/live` says that the process answers, `/health/ready` that every part behind it does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from app.infra import database
from app.infra.migrations import pending_migrations
from app.infra.redis import RedisUnavailable
from app.web.services import Services, services_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.requests import Request

_PATIENCE_SECONDS = 3


async def live(_request: Request) -> JSONResponse:
    """200 as long as the process answers."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> JSONResponse:
    """200 when database, migrations, Redis, worker and scheduler are there; else 503 naming what is not.

    `?door=links` asks only for what a tracking link needs: room in the click journal. It keeps answering without a
    database, so an outage must not take it out of service.
    """
    services = services_of(request)
    names = ["database", "migrations", "redis", "worker", "scheduler"]
    if request.query_params.get("door") == "links":
        names = ["click_journal"]
    checks = {name: await _check(_CHECKS[name](services)) for name in names}
    is_ready = all(state == "ok" for state in checks.values())
    body = {"status": "ready" if is_ready else "not ready", "checks": checks}
    return JSONResponse(body, status_code=200 if is_ready else 503)


async def _check(work: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await work
    except TimeoutError:
        return f"no answer within {_PATIENCE_SECONDS} s"
    except (database.DatabaseError, RedisUnavailable):
        return "cannot be reached"


async def _database(_services: Services) -> str:
    await database.ping()
    return "ok"


async def _migrations(services: Services) -> str:
    try:
        pending = await pending_migrations(services.settings)
    except Exception as error:
        raise database.translate(error) from error
    return "ok" if not pending else f"{len(pending)} pending: run `tributary migrate`"


async def _click_journal(services: Services) -> str:
    return "ok" if services.clicks.recorder.has_room else "full, or its directory cannot be written"


async def _redis(services: Services) -> str:
    await services.redis.ping()
    return "ok"


async def _worker(services: Services) -> str:
    return "ok" if await services.redis.is_beating("worker") else "no worker has beaten lately"


async def _scheduler(services: Services) -> str:
    return (
        "ok" if await services.redis.is_beating("scheduler") else "no scheduler has beaten lately"
    )


_CHECKS = {
    "click_journal": _click_journal,
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "worker": _worker,
    "scheduler": _scheduler,
}
