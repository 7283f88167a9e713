"""Writing visits: many clicks in one commit, each of them exactly once.

A visit has its id before it is recorded. One that was never tried is written with COPY; one whose earlier attempt may
have committed is inserted unless it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.events import Subject, record
from app.domain.scope import Scope
from app.domain.visits.click import NewFallbackVisit, NewVisit
from app.infra.database import Transaction, fetch, transaction
from app.infra.visit_ids import VisitIds

_COLUMNS = NewVisit._fields
_FALLBACK_COLUMNS = NewFallbackVisit._fields


def _insert_once(table: str, columns: Sequence[str]) -> str:
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT DO NOTHING"


_INSERT_VISIT = _insert_once("visits", (*_COLUMNS, "recording_id"))
_INSERT_FALLBACK = _insert_once("fallback_visits", (*_FALLBACK_COLUMNS, "recording_id"))
_INSERT_ADDRESS = _insert_once("visit_addresses", ("visit_id", "ip"))


@dataclass(frozen=True, slots=True)
class Clicks:
    """Some clicks to record: visits with their client addresses, and visits that went to the fallback."""

    visits: list[tuple[NewVisit, str | None]] = field(default_factory=list)
    fallbacks: list[NewFallbackVisit] = field(default_factory=list)


async def record_clicks(_scope: Scope, clicks: Clicks) -> None:
    """Commit clicks that were never tried before. Raises DatabaseError."""
    async with transaction() as tx:
        await write_visits(tx, clicks.visits)
        if clicks.fallbacks:
            recording = await tx.recording()
            rows = [(*each, recording) for each in clicks.fallbacks]
            await tx.copy("fallback_visits", (*_FALLBACK_COLUMNS, "recording_id"), rows)


async def record_clicks_once(_scope: Scope, clicks: Clicks) -> None:
    """Commit clicks of which an earlier attempt may have committed some. Raises DatabaseError."""
    async with transaction() as tx:
        recording = await tx.recording()
        visits = [(*visit, recording) for visit, _ in clicks.visits]
        await tx.execute_many(_INSERT_VISIT, visits)
        addresses = [(visit.id, ip) for visit, ip in clicks.visits if ip is not None]
        await tx.execute_many(_INSERT_ADDRESS, addresses)
        fallbacks = [(*each, recording) for each in clicks.fallbacks]
        await tx.execute_many(_INSERT_FALLBACK, fallbacks)


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
