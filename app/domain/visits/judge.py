"""Judging visits: which repeat another one, and which are the first of their visitor that day (M04).

Decided in the order of the log, after the click was answered. The verdicts are facts of their own, with a recording:
a duplicate takes one from the visits, a unique visit adds one to the unique visits. So rollups and reports as known
at any time follow from the facts, however far behind the judging is.

A visit repeats another when the visit of the same promo, fingerprint and business day that was judged before it was
made less than two seconds away; of a row of such clicks only the first counts.
"""

from __future__ import annotations

from app.domain.events import lock_reader, move_reader
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import transaction

READER = "visits"
# In recordings; each holds up to a thousand clicks.
BATCH = 200
REPEAT_SECONDS = 2

_DIMENSIONS = "business_day, promo_id, campaign_id, plan_id, brand_id, partner_id, country"
_OF_VISIT = ", ".join(f"v.{name}" for name in _DIMENSIONS.split(", "))
_KEY = "business_day, promo_id, fingerprint"

_REACHED = """
SELECT max(position) AS position FROM (
    SELECT position FROM recordings WHERE position > $1 ORDER BY position LIMIT $2
) AS batch
"""
_FRESH = """
SELECT EXISTS (
    SELECT 1 FROM recordings r JOIN visits v ON v.recording_id = r.id
    WHERE r.position > $1 AND r.position <= $2 AND v.uncounted_reason IS NULL
) AS fresh
"""
_JUDGE = f"""
WITH fresh AS (
    SELECT v.id AS visit_id, v.occurred_at, v.fingerprint, {_OF_VISIT}, r.position
    FROM recordings r JOIN visits v ON v.recording_id = r.id
    WHERE r.position > $1 AND r.position <= $2 AND v.uncounted_reason IS NULL
), compared AS (
    SELECT f.*, COALESCE(lag(f.occurred_at) OVER in_order, u.last_at) AS previous_at,
           last_value(f.occurred_at) OVER (
               in_order ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_at,
           row_number() OVER in_order AS place
    FROM fresh f LEFT JOIN unique_visits u USING ({_KEY})
    WINDOW in_order AS (
        PARTITION BY f.business_day, f.promo_id, f.fingerprint ORDER BY f.position, f.occurred_at, f.visit_id)
), repeated AS (
    INSERT INTO duplicate_visits (visit_id, recording_id, {_DIMENSIONS})
    SELECT visit_id, $3::bigint, {_DIMENSIONS} FROM compared
    WHERE occurred_at - previous_at < interval '{REPEAT_SECONDS} seconds'
      AND previous_at - occurred_at < interval '{REPEAT_SECONDS} seconds'
)
INSERT INTO unique_visits (visit_id, recording_id, {_DIMENSIONS}, fingerprint, last_at)
SELECT visit_id, $3::bigint, {_DIMENSIONS}, fingerprint, last_at FROM compared WHERE place = 1
ON CONFLICT ({_KEY}) DO UPDATE SET last_at = excluded.last_at
"""


@requires(Permission.OPERATE)
async def judge_visits(_scope: Scope) -> int:
    """Judge the visits of the next recordings; returns by how many positions it moved. Safe to run at once."""
    async with transaction() as tx:
        position = await lock_reader(tx, READER)
        reached = (await tx.fetch(_REACHED, position, BATCH))[0]["position"]
        if reached is None:
            return 0
        if (await tx.fetch(_FRESH, position, reached))[0]["fresh"]:
            await tx.fetch(_JUDGE, position, reached, await tx.recording())
        await move_reader(tx, READER, reached)
    return int(reached) - position
