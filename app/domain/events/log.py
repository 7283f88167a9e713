"""Reading the log in its order: what the relay does, and everything else that follows events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import queries
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import Transaction, fetch
from app.infra.encoding import loads


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event with its place in the log."""

    # 0 while it has none.
    position: int
    n: int
    id: int
    type: str
    subject_type: str
    subject_id: int | None
    partner_id: int | None
    brand_id: int | None
    occurred_at: datetime
    data: dict[str, Any]
    request_id: str | None


@requires(Permission.OPERATE)
async def read_log(
    _scope: Scope, after: int, recordings: int = 500
) -> tuple[list[LoggedEvent], int]:
    """The events of the next recordings after a position, in order, and the position that was reached.

    The position reached equals `after` at the end of the log. A recording without events still moves it.
    """
    reached = await read_reach(_scope, after, recordings)
    if reached == after:
        return [], after
    events = await fetch(queries.READ_LOG, after, reached)
    return [logged_event(row) for row in events], reached


@requires(Permission.OPERATE)
async def read_reach(_scope: Scope, after: int, recordings: int = 500) -> int:
    """The position of the last of the next recordings after a position; `after` itself at the end of the log."""
    rows = await fetch(queries.LAST_POSITION_WITHIN, after, recordings)
    return int(rows[0]["position"] or after)


def logged_event(row: dict[str, Any]) -> LoggedEvent:
    """From a row of the events with the position of its recording."""
    return LoggedEvent(
        position=row["position"] or 0,
        n=row["n"],
        id=row["id"],
        type=row["type"],
        subject_type=row["subject_type"],
        subject_id=row["subject_id"],
        partner_id=row["partner_id"],
        brand_id=row["brand_id"],
        occurred_at=row["occurred_at"],
        data=loads(row["data"]),
        request_id=row["request_id"],
    )


async def lock_reader(tx: Transaction, reader: str) -> int:
    """Lock a reader's position for this transaction and return it; a new reader starts at the beginning."""
    rows = await tx.fetch(queries.LOCK_READER, reader)
    if not rows:
        await tx.fetch(queries.ADD_READER, reader, 0)
        rows = await tx.fetch(queries.LOCK_READER, reader)
    return int(rows[0]["position"])


async def move_reader(tx: Transaction, reader: str, position: int) -> None:
    """Remember how far the reader has come, in the transaction that did its work."""
    await tx.fetch(queries.MOVE_READER, reader, position)
