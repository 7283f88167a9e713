"""The events log as people read it: who, when, from where, what (A68, O21)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Event


class EventOrder(StrEnum):
    """The orders of events."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    EventOrder.NEWEST: Ordering(("id",), descending=True),
    EventOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; None filters nothing."""

    type: str | None = None
    actor_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@requires(Permission.READ_EVENTS)
async def events(scope: Scope, chosen: EventFilter) -> Listing[Event]:
    """The events that exist for this scope: a partner's own, a brand's own, or all."""
    rows = scope.query(Event)
    if chosen.type is not None:
        rows = rows.filter(type__startswith=chosen.type)
    if chosen.actor_id is not None:
        rows = rows.filter(actor_id=chosen.actor_id)
    if chosen.since is not None:
        rows = rows.filter(occurred_at__gte=chosen.since)
    if chosen.until is not None:
        rows = rows.filter(occurred_at__lt=chosen.until)
    return Listing(rows, _ORDERINGS)
