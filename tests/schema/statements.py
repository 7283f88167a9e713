"""Counting the SQL statements that reach PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tortoise.connection import get_connection


@asynccontextmanager
async def statements() -> AsyncIterator[list[str]]:
    """The statements that are sent while the block runs, by every connection of the pool: asyncpg's own query log."""
    sent: list[str] = []

    def note(record: Any) -> None:
        # Not what the pool itself sends when a connection comes back.
        if "pg_advisory_unlock_all" not in record.query:
            sent.append(record.query)

    pool = await _pool()
    # Every connection that the pool may ever have, so that none is opened later without being heard.
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in held:
        connection.add_query_logger(note)
        await pool.release(connection)
    sent.clear()
    yield sent
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in held:
        connection.remove_query_logger(note)
        await pool.release(connection)


async def _pool() -> Any:
    client: Any = get_connection("default")
    await client.execute_query("SELECT 1")
    return client._pool
