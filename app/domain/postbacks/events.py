"""Finding the events that postbacks are about: by number, player, click, transaction, time."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.events import LoggedEvent, logged_event
from app.domain.postbacks.actions import ACTION_OF_EVENT
from app.infra.database import Row, fetch

_EVENTS = """
SELECT r.position, r.known_at, e.n, e.id, e.type, e.subject_type, e.subject_id, e.partner_id, e.brand_id,
       e.occurred_at, e.data, e.request_id
FROM events e JOIN recordings r ON r.id = e.recording_id
WHERE e.type = ANY($1::text[]) AND {}
ORDER BY e.id
"""
_FACTS = "e.subject_type IN ('player', 'conversion', 'commission')"
BY_ID = _EVENTS.format("e.id = ANY($2::bigint[])")
OF_PLAYER = _EVENTS.format(
    "((e.subject_type = 'player' AND e.subject_id = $2) OR (e.subject_type = 'commission' AND "
    "e.data ->> 'player_id' = $2::bigint::text AND e.data ->> 'visit_id' = $3::text) OR "
    f"(e.subject_type = 'conversion' AND e.subject_id = ANY($4::bigint[]))) AND {_FACTS}"
)
OF_VISIT = _EVENTS.format(f"e.data ->> 'visit_id' = $2::bigint::text AND {_FACTS}")
OF_CONVERSIONS = _EVENTS.format(
    f"e.subject_type = 'conversion' AND e.subject_id = ANY($2::bigint[]) AND {_FACTS}"
)
TYPES = list(ACTION_OF_EVENT)


async def events_by_id(ids: Sequence[int]) -> list[LoggedEvent]:
    """The events with these ids that can make a postback fire."""
    return [logged_event(row) for row in await fetch(BY_ID, TYPES, list(ids))]


def logged(rows: Sequence[Row]) -> list[LoggedEvent]:
    """From rows of the queries above."""
    return [logged_event(row) for row in rows]
