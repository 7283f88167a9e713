"""The same answer written by hand: one prepared statement, orjson, no GraphQL at all."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.infra.database import credentials
from benchmarks.listing.table import COLUMNS

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM bench.items ORDER BY id LIMIT $1"


async def _items(request: Request) -> Response:
    body: dict[str, Any] = orjson.loads(await request.body())
    rows = await request.app.state.pool.fetch(_SELECT, body["variables"]["first"])
    nodes = [dict(row) for row in rows]
    answer = orjson.dumps({"data": {"items": {"nodes": nodes}}}, default=str)
    return Response(answer, media_type="application/json")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    url = os.environ["TRIBUTARY_DATABASE_URL"]
    async with asyncpg.create_pool(**credentials(url), min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


def create() -> Starlette:
    """The application, from the environment."""
    return Starlette(routes=[Route("/graphql", _items, methods=["POST"])], lifespan=_lifespan)
