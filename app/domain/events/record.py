"""Writing an event, in the transaction of the change that it tells of (decision 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import queries
from app.domain.scope import Scope
from app.infra.database import Transaction
from app.infra.encoding import dumps_text


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: the word of the table, and the row."""

    type: str
    id: int | None


async def record(
    scope: Scope,
    tx: Transaction,
    event_type: str,
    subject: Subject,
    *,
    partner_id: int | None = None,
    brand_id: int | None = None,
    occurred_at: datetime | None = None,
    data: dict[str, Any] | None = None,
) -> int:
    """Append an event to the log and return its id. `occurred_at` defaults to the scope's now, in UTC.

    The event becomes readable once its transaction is committed and the sequencer has placed its recording.
    """
    rows = await tx.fetch(
        queries.INSERT_EVENT,
        await tx.recording(),
        tx.next_event_number(),
        event_type,
        subject.type,
        subject.id,
        scope.actor.kind,
        scope.actor.id,
        partner_id,
        brand_id,
        occurred_at or scope.now(),
        dumps_text(data or {}),
        scope.request_id,
        scope.origin_ip,
        scope.session_id,
    )
    return int(rows[0]["id"])


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written together with others."""

    type: str
    subject: Subject
    partner_id: int | None
    brand_id: int | None
    occurred_at: datetime
    data: dict[str, Any]


async def record_all(scope: Scope, tx: Transaction, events: Sequence[NewEvent]) -> None:
    """Append events to the log, in their order, with one statement."""
    if not events:
        return
    await tx.fetch(
        queries.INSERT_EVENTS,
        await tx.recording(),
        scope.actor.kind,
        scope.actor.id,
        scope.request_id,
        scope.origin_ip,
        scope.session_id,
        [tx.next_event_number() for _ in events],
        [event.type for event in events],
        [event.subject.type for event in events],
        [event.subject.id for event in events],
        [event.partner_id for event in events],
        [event.brand_id for event in events],
        [event.occurred_at for event in events],
        [dumps_text(event.data) for event in events],
    )
