"""Running totals: of what a brand sends again and again while a day is open, one revision per hour stays (decision 2).

A revision is dropped when the next one became known in the same hour, before its business day had ended, and neither
of the two made a number smaller, which the change feed has told. The first revision stays, and so do the last of each
hour, the latest, and all that came after the end of the day. Reports as known at a moment in between then say what
the revision before said; at the moments of the revisions that stay they say what they always did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from app.domain.changes import derive
from app.domain.events import lock_reader
from app.domain.permissions import Permission, requires
from app.domain.rollups.tables import ROLLUPS
from app.domain.scope import Scope
from app.infra.database import Row, Transaction, transaction
from app.infra.encoding import dumps_text, loads
from app.infra.money import EXACT

READER = "compaction"
BATCH = 5_000
# A day is open somewhere on Earth from a day before UTC's to a day after it; so many days are looked back on.
LOOK_BACK = timedelta(days=3)

# Whatever reads the log must be past what is dropped; the lock keeps rollups from being dropped and folded meanwhile.
_PAST_ALL = """
SELECT position FROM rollup_positions WHERE rollup = ANY($1::text[]) ORDER BY rollup FOR SHARE
"""
_TOLD = "SELECT position FROM relay_positions WHERE reader = $1"
_DROPPABLE = """
SELECT b.business_day, b.id, b.superseded_by, before.id AS before_link, before.before_id, before.delta AS before_delta,
       after.id AS after_link, after.delta AS after_delta
FROM activities b
JOIN recordings came ON came.id = b.recording_id
JOIN recordings went ON went.id = b.superseded_by
JOIN brands brand ON brand.id = b.brand_id
JOIN fact_changes before
    ON before.recording_id = b.recording_id AND before.fact = 'activities' AND before.after_id = b.id
JOIN fact_changes after
    ON after.recording_id = b.superseded_by AND after.fact = 'activities' AND after.before_id = b.id
WHERE b.business_day >= $1 AND went.position <= $2 AND after.after_id IS NOT NULL
  -- A single event that was amended is no running total.
  AND b.event_id IS NULL
  AND date_trunc('hour', came.known_at) = date_trunc('hour', went.known_at)
  AND went.known_at + brand.clock_offset * interval '1 microsecond'
      < (b.business_day + 1)::timestamp AT TIME ZONE brand.time_zone
  AND NOT EXISTS (
      SELECT 1 FROM figure_changes told
      WHERE told.position IN (came.position, went.position) AND told.fact = 'activities'
        AND told.player_id = b.player_id AND told.business_day = b.business_day
  )
ORDER BY b.id LIMIT $3
"""
# The triggers that keep history allow it to this transaction.
_COMPACTING = "SELECT set_config('tributary.compacting', 'on', true)"
_LEAD_ON = """
UPDATE activities SET superseded_by = item.superseded_by
FROM unnest($1::date[], $2::bigint[], $3::bigint[]) AS item(business_day, id, superseded_by)
WHERE activities.business_day = item.business_day AND activities.id = item.id
"""
_DROP = """
DELETE FROM activities WHERE (business_day, id) IN (SELECT * FROM unnest($1::date[], $2::bigint[]))
"""
_JOIN_LINKS = """
UPDATE fact_changes SET before_id = item.before_id, delta = item.delta
FROM unnest($1::bigint[], $2::bigint[], $3::jsonb[]) AS item(id, before_id, delta)
WHERE fact_changes.id = item.id
"""
_DROP_LINKS = "DELETE FROM fact_changes WHERE id = ANY($1::bigint[])"


@requires(Permission.OPERATE)
async def compact_running_totals(scope: Scope) -> int:
    """Drop the next revisions that need not stay; returns how many. Safe to run at once."""
    async with transaction() as tx:
        await lock_reader(tx, READER)
        position = await _read_by_all(tx)
        since = (scope.now() - LOOK_BACK).date()
        rows = await tx.fetch(_DROPPABLE, since, position, BATCH)
        ids = {row["id"] for row in rows}
        # Of revisions in a row the first one goes; the next call takes the next.
        chosen = [row for row in rows if row["before_id"] not in ids]
        if chosen:
            await _drop(tx, chosen)
    return len(chosen)


async def _read_by_all(tx: Transaction) -> int:
    """The last position that every rollup and the change feed have come to."""
    folded = await tx.fetch(_PAST_ALL, [rollup.name for rollup in ROLLUPS])
    told = await tx.fetch(_TOLD, derive.READER)
    if len(folded) < len(ROLLUPS) or not told:
        return 0
    return min(int(row["position"]) for row in [*folded, *told])


async def _drop(tx: Transaction, rows: Sequence[Row]) -> None:
    await tx.fetch(_COMPACTING)
    days, ids = [row["business_day"] for row in rows], [row["id"] for row in rows]
    before = [row["before_id"] for row in rows]
    await tx.fetch(_DROP, days, ids)
    await tx.fetch(_LEAD_ON, days, before, [row["superseded_by"] for row in rows])
    deltas = [_added(loads(row["before_delta"]), loads(row["after_delta"])) for row in rows]
    await tx.fetch(
        _JOIN_LINKS, [row["after_link"] for row in rows], before, list(map(dumps_text, deltas))
    )
    await tx.fetch(_DROP_LINKS, [row["before_link"] for row in rows])


def _added(first: dict[str, str], second: dict[str, str]) -> dict[str, Decimal]:
    """Two differences in a row as one."""
    names = list(dict.fromkeys([*first, *second]))
    sums = {
        name: EXACT.add(Decimal(first.get(name, 0)), Decimal(second.get(name, 0))) for name in names
    }
    return {name: amount for name, amount in sums.items() if amount}
