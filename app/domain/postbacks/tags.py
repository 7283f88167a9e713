"""Which parameters a partner's links have carried: what its postbacks can use (A14, A16)."""

from __future__ import annotations

from app.domain.events import lock_reader, move_reader, read_reach
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import transaction
from app.models import SeenTag

READER = "seen_tags"
# Anybody can follow a link with parameters of any name: a partner's list has an end.
MOST_TAGS = 1_000

_NOTE = f"""
INSERT INTO seen_tags (partner_id, name, first_seen_at)
SELECT fresh.partner_id, fresh.name, fresh.at FROM (
    SELECT v.partner_id, left(tag.name, 64) AS name, min(v.occurred_at) AS at
    FROM recordings r JOIN visits v ON v.recording_id = r.id CROSS JOIN LATERAL jsonb_object_keys(v.tags) AS tag(name)
    WHERE r.position > $1 AND r.position <= $2
    GROUP BY 1, 2
) AS fresh
WHERE NOT EXISTS (
    SELECT 1 FROM seen_tags s WHERE s.partner_id = fresh.partner_id AND s.name = fresh.name
) AND (SELECT count(*) FROM seen_tags s WHERE s.partner_id = fresh.partner_id) < {MOST_TAGS}
ORDER BY 1, 2
ON CONFLICT (partner_id, name) DO NOTHING
"""


@requires(Permission.OPERATE)
async def note_tags(scope: Scope, recordings: int = 500) -> int:
    """Note the tags of the next recordings' visits; returns how many positions that moved. Safe to run twice."""
    async with transaction() as tx:
        after = await lock_reader(tx, READER)
        reached = await read_reach(scope, after, recordings)
        if reached > after:
            await tx.fetch(_NOTE, after, reached)
            await move_reader(tx, READER, reached)
    return reached - after


@requires(Permission.READ_CAMPAIGNS)
async def seen_tags(scope: Scope) -> list[str]:
    """The names of the parameters that links have carried, in alphabetical order.

    Which brand a link was of is not kept: whoever sees some brands only gets none.
    """
    if scope.brand_ids is not None:
        return []
    rows = await scope.query(SeenTag).distinct().order_by("name").limit(MOST_TAGS).values("name")
    return [str(row["name"]) for row in rows]
