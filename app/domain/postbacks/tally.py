"""What each postback should have sent in a period, and what became of it (X07): counted from the log and the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import Invalid
from app.domain.events.times import events_between
from app.domain.permissions import Permission, requires
from app.domain.postbacks.actions import ACTION_OF_EVENT
from app.domain.postbacks.delivery_queries import EXPECTED_OF
from app.domain.postbacks.prune import complete_from
from app.domain.postbacks.reads import PostbackFilter, postbacks
from app.domain.scope import Scope
from app.infra.database import fetch
from app.models import Postback

LONGEST_PERIOD = timedelta(days=31)

# An event counts for a postback that matches it now, and for one that was planned for it, whatever it has become.
_TALLIES = f"""
WITH facts AS MATERIALIZED (
    SELECT e.id, e.partner_id, (e.data ->> 'promo_id')::bigint AS promo_id, kind.action, r.known_at
    FROM events e JOIN recordings r ON r.id = e.recording_id
    JOIN unnest($4::text[], $5::text[]) AS kind(type, action) ON kind.type = e.type
    WHERE e.partner_id = ANY($1::bigint[]) AND e.id >= $2 AND e.id < $3
      AND r.known_at >= $6::timestamptz AND r.known_at < $7::timestamptz
), concerned AS (
    SELECT b.id AS postback_id, f.id AS event_id
    FROM facts f JOIN promos p ON p.id = f.promo_id JOIN postbacks b ON {EXPECTED_OF}
    WHERE b.id = ANY($8::bigint[])
    UNION
    SELECT d.postback_id, f.id FROM facts f JOIN postback_deliveries d ON d.event_id = f.id
    WHERE d.postback_id = ANY($8::bigint[])
    UNION
    SELECT twin.postback_id, f.id FROM facts f JOIN postback_duplicates twin ON twin.event_id = f.id
    WHERE twin.postback_id = ANY($8::bigint[])
)
SELECT c.postback_id, count(*) AS matched, sum(made.delivered) AS delivered, sum(made.pending) AS pending,
       sum(made.failed) AS failed, sum(made.cancelled) AS cancelled,
       count(*) FILTER (WHERE made.deliveries = 0 AND twin.id IS NOT NULL) AS deduplicated,
       count(*) FILTER (WHERE made.deliveries = 0 AND twin.id IS NULL) AS difference
FROM concerned c
CROSS JOIN LATERAL (
    SELECT count(*) AS deliveries, count(*) FILTER (WHERE state = 'delivered') AS delivered,
           count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled
    FROM postback_deliveries d WHERE d.event_id = c.event_id AND d.postback_id = c.postback_id
) AS made
LEFT JOIN postback_duplicates twin ON twin.event_id = c.event_id AND twin.postback_id = c.postback_id
GROUP BY c.postback_id
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Expected against sent of one postback in a period. Counts of events, but for those of deliveries."""

    matched: int = 0
    # Deliveries by their present state. A replay under another URL is one more.
    delivered: int = 0
    pending: int = 0
    failed: int = 0
    cancelled: int = 0
    # Events for which another postback made the very same call.
    deduplicated: int = 0
    # Events with neither a delivery nor a twin: lost, or not planned yet.
    difference: int = 0
    # From when on events without a delivery are noticed, in UTC; None while the postback is disabled.
    compared_from: datetime | None = None

    @property
    def deliveries(self) -> int:
        """Those in any state."""
        return self.delivered + self.pending + self.failed + self.cancelled


@requires(Permission.READ_CAMPAIGNS)
async def tallies(
    scope: Scope, postback_ids: Sequence[int], first: datetime, before: datetime
) -> dict[int, Tally]:
    """The tally of each postback that exists for this scope, of what was recorded from one time to before another.

    Times in UTC, by the scope's clock. Raises Invalid for a period that is none or longer than LONGEST_PERIOD.
    """
    if before <= first:
        raise Invalid("before is not after from", field=("before",))
    if before - first > LONGEST_PERIOD:
        raise Invalid(f"a period has at most {LONGEST_PERIOD.days} days", field=("before",))
    rows = await (await postbacks(scope, PostbackFilter())).rows.filter(id__in=list(postback_ids))
    if not rows:
        return {}
    offset = scope.clock_offset
    known_from, known_before = first - offset, before - offset
    low, high = await events_between(known_from, known_before)
    kinds = ACTION_OF_EVENT.items()
    counted = await fetch(
        _TALLIES,
        sorted({row.partner_id for row in rows}),
        low,
        high,
        [event for event, _ in kinds],
        [action.value for _, action in kinds],
        known_from,
        known_before,
        [row.id for row in rows],
    )
    horizon = await complete_from(scope)
    compared_from = first if horizon is None else max(first, horizon)
    found = {line.pop("postback_id"): line for line in map(dict, counted)}
    return {
        row.id: Tally(
            **{name: int(count) for name, count in found.get(row.id, {}).items()},
            compared_from=_compared_from(row, compared_from, offset),
        )
        for row in rows
    }


def _compared_from(row: Postback, first: datetime, offset: timedelta) -> datetime | None:
    if row.state != "active":
        return None
    return max(first, (row.active_since or row.created_at) + offset)
