"""The order that operators give to offer material: what they name comes first, the rest keeps its order behind it."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import Invalid, NotFound
from app.infra.database import Transaction

MOST_SORTED = 500

# Locked in the order of their ids, so that two who sort at the same time wait for one another.
_LOCK = "SELECT id FROM {table} WHERE {within} ORDER BY id FOR UPDATE"
_RANK = """
UPDATE {table} SET sort_order = ranked.place
FROM (
    SELECT id, row_number() OVER (ORDER BY array_position($2::bigint[], id), sort_order, id) AS place
    FROM {table} WHERE {within}
) AS ranked
WHERE {table}.id = ranked.id AND {table}.sort_order <> ranked.place
"""
_NEXT = "SELECT COALESCE(max(sort_order), 0) + 1 AS place FROM {table} WHERE {within}"

# The tables that are sorted, each with the rows that are sorted together.
_TABLES = {
    "brands": "$1::bigint IS NULL",
    "traffic_sources": "$1::bigint IS NULL",
    "landings": "brand_id = $1::bigint",
    "promotions": "brand_id = $1::bigint",
}


async def sort_rows(
    tx: Transaction, table: str, ids: Sequence[int], field: str, brand_id: int | None = None
) -> None:
    """Put the named rows first, in that order.

    Raises NotFound for an id that is none of them, Invalid for one that is there twice.
    """
    if len(set(ids)) != len(ids):
        raise Invalid(f"{field}: an id is there twice", field=(field,))
    if not 1 <= len(ids) <= MOST_SORTED:
        raise Invalid(f"{field}: name 1 to {MOST_SORTED} at a time", field=(field,))
    names = {"table": table, "within": _TABLES[table]}
    present = {row["id"] for row in await tx.fetch(_LOCK.format(**names), brand_id)}
    if not present.issuperset(ids):
        raise NotFound(table.removesuffix("s").replace("_", " "), field=(field,))
    await tx.fetch(_RANK.format(**names), brand_id, list(ids))


async def last_place(tx: Transaction, table: str, brand_id: int | None = None) -> int:
    """The place behind all rows that are sorted together: where a new one goes."""
    names = {"table": table, "within": _TABLES[table]}
    return int((await tx.fetch(_NEXT.format(**names), brand_id))[0]["place"])
