"""Writing visits: many clicks in one commit, each of them exactly once.

A visit has its id before it is recorded, and is inserted unless it is there: whoever does not know what became of a
commit repeats it. A batch is one statement and one round trip, with its recording. Its rows travel as JSON, which
costs the busiest process of all a third of what COPY or arrays cost it; PostgreSQL has the larger part of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.domain.events import Subject, record
from app.domain.scope import Scope
from app.domain.visits.click import NewFallbackVisit, NewVisit
from app.infra.database import Transaction, fetch, transaction
from app.infra.visit_ids import VisitIds

_COLUMNS = NewVisit._fields
_FALLBACK_COLUMNS = NewFallbackVisit._fields
_TYPES = {
    **dict.fromkeys(
        ("id", "promo_id", "campaign_id", "plan_id", "brand_id", "partner_id"), "bigint"
    ),
    **dict.fromkeys(("fingerprint", "visitor_id", "banner_id"), "bigint"),
    **dict.fromkeys(("occurred_at", "attributable_until"), "timestamptz"),
    "business_day": "date",
    "tags": "jsonb",
    "corrupted": "boolean",
}


def _rows_of(parameter: str, columns: Sequence[str]) -> str:
    typed = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in columns)
    return f"json_to_recordset({parameter}::json) AS row({typed})"


def _insert(table: str, columns: Sequence[str], rows: str) -> str:
    values = ", ".join(f"row.{name}" for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}, recording_id) "
        f"SELECT {values}, recording.id FROM {rows}, recording ON CONFLICT DO NOTHING"
    )


_RECORD = f"""
WITH recording AS (
    INSERT INTO recordings DEFAULT VALUES RETURNING id
), clicks AS MATERIALIZED (
    SELECT * FROM {_rows_of("$1", (*_COLUMNS, "ip"))}
), addresses AS (
    INSERT INTO visit_addresses (visit_id, ip) SELECT id, ip FROM clicks WHERE ip IS NOT NULL
    ON CONFLICT DO NOTHING
), fallbacks AS (
    {_insert("fallback_visits", _FALLBACK_COLUMNS, _rows_of("$2", _FALLBACK_COLUMNS))}
)
{_insert("visits", _COLUMNS, "clicks AS row")}
"""
_NAMES = (*_COLUMNS, "ip")


@dataclass(frozen=True, slots=True)
class Clicks:
    """Some clicks to record: visits with their client addresses, and visits that went to the fallback."""

    visits: list[tuple[NewVisit, str | None]] = field(default_factory=list)
    fallbacks: list[NewFallbackVisit] = field(default_factory=list)


async def record_clicks(_scope: Scope, clicks: Clicks) -> None:
    """Commit those clicks that are not there yet. Raises DatabaseError; then some or all may be there nevertheless."""
    visits: list[dict[str, Any]] = [
        dict(zip(_NAMES, (*visit, ip), strict=True)) for visit, ip in clicks.visits
    ]
    for visit in visits:
        # JSON already.
        visit["tags"] = orjson.Fragment(visit["tags"])
    fallbacks = [each._asdict() for each in clicks.fallbacks]
    await fetch(_RECORD, orjson.dumps(visits).decode(), orjson.dumps(fallbacks).decode())


async def write_visits(tx: Transaction, visits: Sequence[tuple[NewVisit, str | None]]) -> None:
    """Write visits that were never tried before, with their client addresses, in an open transaction."""
    if not visits:
        return
    recording = await tx.recording()
    rows = [(*visit, recording) for visit, _ in visits]
    await tx.copy("visits", (*_COLUMNS, "recording_id"), rows)
    addresses = [(visit.id, ip) for visit, ip in visits if ip is not None]
    if addresses:
        await tx.copy("visit_addresses", ("visit_id", "ip"), addresses)


async def record_dropped_clicks(scope: Scope, count: int) -> None:
    """Leave an event that says how many clicks found neither the database nor room in the journal."""
    async with transaction() as tx:
        subject = Subject("click_journal", None)
        await record(scope, tx, "clicks.dropped", subject, data={"count": count})


async def take_visit_ids(_scope: Scope) -> VisitIds:
    """Visit ids for this process, under a node number that no other recent process has."""
    rows = await fetch("SELECT nextval('visit_nodes') AS node")
    return VisitIds(int(rows[0]["node"]))
