"""One table of ten plain columns, in the schema `bench`."""

from __future__ import annotations

import asyncpg

from app.infra.database import credentials

ROWS = 5_000
COLUMNS = (
    "id",
    "name",
    "code",
    "state",
    "country",
    "currency",
    "amount",
    "visits",
    "created_at",
    "note",
)
_CREATE = """
CREATE SCHEMA bench;
CREATE TABLE bench.items (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    code text NOT NULL,
    state text NOT NULL,
    country text NOT NULL,
    currency text NOT NULL,
    amount numeric(38, 2) NOT NULL,
    visits int NOT NULL,
    created_at timestamptz NOT NULL,
    note text NOT NULL
);
"""
_FILL = """
INSERT INTO bench.items
SELECT n, 'Campaign ' || n, 'code' || n, 'active', 'RO', 'EUR', (n % 1000) + 0.25, n * 7,
       timestamptz '2026-01-01 00:00:00+00' + n * interval '1 minute', 'note of ' || n
FROM generate_series(1, $1) AS n
"""


async def make_table(url: str) -> None:
    """Create and fill the table, and gather its statistics."""
    connection = await asyncpg.connect(**credentials(url))
    try:
        await connection.execute(_CREATE)
        await connection.execute(_FILL, ROWS)
        await connection.execute("ANALYZE bench.items")
    finally:
        await connection.close()
