"""What is old and finished leaves the postbacks log. What waits never does, however old it is.

Nothing is sent anew for it: the planner does not go back behind its position, and a replay starts from deliveries that
are there. The log remembers from when on it is complete, so that nobody takes a gap for something that was not sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import Transaction, fetch, transaction

BATCH = 500

# When a delivery was finished is when its next attempt would have been due, by the tenant's clock. Of a clock that runs
# ahead it looks younger and stays longer. Held until the commit: a replay waits, and then plans it as a new one.
_FINISHED = """
SELECT d.id FROM postback_deliveries d JOIN partners p ON p.id = d.partner_id
WHERE d.state <> 'pending' AND d.next_attempt_at < $1::timestamptz
  AND d.next_attempt_at < $1::timestamptz + p.clock_offset * interval '1 microsecond'
ORDER BY d.next_attempt_at LIMIT $2
FOR UPDATE OF d SKIP LOCKED
"""
_TESTS = """
SELECT a.id FROM postback_attempts a JOIN partners p ON p.id = a.partner_id
WHERE a.delivery_id IS NULL AND a.sent_at < $1::timestamptz
  AND a.sent_at < $1::timestamptz + p.clock_offset * interval '1 microsecond'
ORDER BY a.sent_at LIMIT $2
FOR UPDATE OF a SKIP LOCKED
"""
_DELETE_ATTEMPTS = "DELETE FROM postback_attempts WHERE delivery_id = ANY($1::bigint[])"
_DELETE_DUPLICATES = "DELETE FROM postback_duplicates WHERE delivery_id = ANY($1::bigint[])"
_DELETE_DELIVERIES = "DELETE FROM postback_deliveries WHERE id = ANY($1::bigint[])"
_DELETE_TESTS = "DELETE FROM postback_attempts WHERE id = ANY($1::bigint[])"
_MOVE_HORIZON = """
INSERT INTO postback_horizons (id, complete_from) VALUES (1, $1)
ON CONFLICT (id) DO UPDATE SET complete_from = greatest(postback_horizons.complete_from, excluded.complete_from)
"""
_HORIZON = "SELECT complete_from FROM postback_horizons"


@requires(Permission.OPERATE)
async def prune_log(scope: Scope, keep: timedelta, batch: int = BATCH) -> int:
    """Remove a batch of what was finished longer than `keep` ago; returns how many deliveries and tests, 0 at the end.

    Safe to run twice and at once: what somebody else holds is left to the next time.
    """
    cutoff = scope.now() - keep
    async with transaction() as tx:
        deliveries = await _ids(tx, _FINISHED, cutoff, batch)
        tests = await _ids(tx, _TESTS, cutoff, batch)
        if deliveries:
            for statement in (_DELETE_ATTEMPTS, _DELETE_DUPLICATES, _DELETE_DELIVERIES):
                await tx.fetch(statement, deliveries)
        if tests:
            await tx.fetch(_DELETE_TESTS, tests)
        if deliveries or tests:
            await tx.fetch(_MOVE_HORIZON, cutoff)
    return len(deliveries) + len(tests)


async def _ids(tx: Transaction, statement: str, cutoff: datetime, batch: int) -> list[int]:
    return [row["id"] for row in await tx.fetch(statement, cutoff, batch)]


@requires(Permission.READ_CAMPAIGNS)
async def complete_from(scope: Scope) -> datetime | None:
    """From when on the log is complete, in UTC by the scope's clock; None while nothing has left it."""
    rows = await fetch(_HORIZON)
    return rows[0]["complete_from"] + scope.clock_offset if rows else None
