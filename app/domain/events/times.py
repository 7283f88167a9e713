"""Where in the log a time lies. Ids grow with time, but for transactions that are under way beside each other."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.infra.database import fetch

# No transaction lasts so long: within it, an event with a lower id may have become known later.
SLACK = timedelta(minutes=15)

_BOUNDS = "SELECT COALESCE(min(id), 1) AS first, COALESCE(max(id), 0) + 1 AS behind FROM events"
_PROBE = """
SELECT e.id, r.known_at FROM events e JOIN recordings r ON r.id = e.recording_id
WHERE e.id >= $1 ORDER BY e.id LIMIT 1
"""


async def events_between(first: datetime, before: datetime) -> tuple[int, int]:
    """An id from which on, and one below which, all events lie that were known from one time to before another.

    Some others lie there as well. Times in UTC, by the machine's clock. Reads some tens of single rows.
    """
    bounds = (await fetch(_BOUNDS))[0]
    low = await _first_known_at(first - SLACK, bounds["first"], bounds["behind"])
    return low, await _first_known_at(before + SLACK, low, bounds["behind"])


async def _first_known_at(at: datetime, low: int, high: int) -> int:
    """The id of the first event that was known then or later, by halving; `high` when there is none."""
    while low < high:
        middle = (low + high) // 2
        rows = await fetch(_PROBE, middle)
        known_at = rows[0]["known_at"] if rows else None
        if known_at is None or known_at >= at:
            high = middle
        else:
            low = rows[0]["id"] + 1
    return low
