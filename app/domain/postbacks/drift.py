"""The alarm when fewer postbacks are sent than events ask for (X07): counted from the log again, not by the planner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.domain.events import Subject, lock_reader, move_reader, record
from app.domain.permissions import Permission, requires
from app.domain.postbacks.actions import ACTION_OF_EVENT
from app.domain.postbacks.credentials import masked
from app.domain.postbacks.delivery_queries import EXPECTED_OF
from app.domain.postbacks.plan import DRIFT_READER
from app.domain.postbacks.plan import READER as PLANNER
from app.domain.scope import Scope
from app.infra.database import transaction

# What is younger may still be on its way to its first attempt.
PATIENCE = timedelta(minutes=15)
# The same postback is told of once in so long.
QUIET = timedelta(hours=24)

_REACH = """
SELECT max(position) AS position FROM (
    SELECT position, known_at FROM recordings WHERE position > $1 ORDER BY position LIMIT $3
) AS batch WHERE known_at <= $2
"""
_PLANNER = "SELECT position FROM relay_positions WHERE reader = $1"
_COUNT = f"""
WITH facts AS (
    SELECT e.id, e.partner_id, (e.data ->> 'promo_id')::bigint AS promo_id, kind.action, r.known_at
    FROM recordings r JOIN events e ON e.recording_id = r.id
    JOIN unnest($3::text[], $4::text[]) AS kind(type, action) ON kind.type = e.type
    WHERE r.position > $1 AND r.position <= $2
)
SELECT b.id, b.partner_id, b.url, b.drift_alarmed_at, o.clock_offset, count(*) AS expected,
       count(*) FILTER (WHERE twin.id IS NOT NULL OR d.state <> 'pending' OR d.attempts > 0) AS sent
FROM facts f
JOIN promos p ON p.id = f.promo_id
JOIN postbacks b ON {EXPECTED_OF}
JOIN partners o ON o.id = b.partner_id
LEFT JOIN postback_deliveries d ON d.event_id = f.id AND d.postback_id = b.id
LEFT JOIN postback_duplicates twin ON twin.event_id = f.id AND twin.postback_id = b.id
GROUP BY b.id, o.id
HAVING count(*) > count(*) FILTER (WHERE twin.id IS NOT NULL OR d.state <> 'pending' OR d.attempts > 0)
ORDER BY b.id
"""
_ALARMED = "UPDATE postbacks SET drift_alarmed_at = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Drift:
    """A postback that sent less than it should have, and by how much."""

    postback_id: int
    expected: int
    sent: int


@requires(Permission.OPERATE)
async def alarm_of_drift(scope: Scope, recordings: int = 50_000) -> list[Drift]:
    """Compare expected and sent postbacks of what was recorded since the last time, up to PATIENCE ago.

    Each postback that lags behind gets the event `postback.drifted`, once in QUIET. Safe to run twice and at once.
    """
    now = scope.now()
    async with transaction() as tx:
        after = await lock_reader(tx, DRIFT_READER)
        if after == 0:
            # What was there before the first comparison may have been imported, and fired nothing (M38).
            planner = await tx.fetch(_PLANNER, PLANNER)
            after = planner[0]["position"] if planner else 0
        reach = await tx.fetch(_REACH, after, now - PATIENCE, recordings)
        position = reach[0]["position"] or after
        kinds = list(ACTION_OF_EVENT.items())
        types, actions = [kind for kind, _ in kinds], [action.value for _, action in kinds]
        rows = await tx.fetch(_COUNT, after, position, types, actions)
        told = [
            row
            for row in rows
            if row["drift_alarmed_at"] is None or row["drift_alarmed_at"] <= now - QUIET
        ]
        for row in told:
            await tx.fetch(_ALARMED, row["id"], now)
            await record(
                scope.at_offset(timedelta(microseconds=row["clock_offset"])),
                tx,
                "postback.drifted",
                Subject("postback", row["id"]),
                partner_id=row["partner_id"],
                data={
                    "expected": row["expected"],
                    "sent": row["sent"],
                    "url": masked(row["url"]),
                    "reason": f"{row['expected']} were expected, {row['sent']} were sent",
                },
            )
        await move_reader(tx, DRIFT_READER, position)
    return [Drift(row["id"], row["expected"], row["sent"]) for row in told]
