"""The events log in GraphQL (A68, O21)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from app import models
from app.domain.events import audit
from app.schema.connections import connection
from app.schema.context import context_of
from app.schema.ids import encode_id
from app.schema.node import Node


@strawberry.type(description="One line of the log: who did what, when, and from where.")
class Event(Node):
    type: str = strawberry.field(description="`concept.verb`, such as campaign.created.")
    subject_type: str = strawberry.field(description="What it happened to, such as campaign.")
    actor_type: str = strawberry.field(
        description="partner_user, operator_user, brand, visitor or system."
    )
    occurred_at: datetime = strawberry.field(description="UTC.")
    data: JSON = strawberry.field(description="What changed, by name.")
    request_id: str | None = strawberry.field(description="Of the request that caused it.")
    row: strawberry.Private[models.Event]

    @strawberry.field(
        description="The user who did it, by name; null for brands and the server itself."
    )
    async def actor_name(self, info: Info[Any, Any]) -> str | None:
        if (
            self.row.actor_type not in {"partner_user", "operator_user"}
            or self.row.actor_id is None
        ):
            return None
        return await context_of(info).loaders.actor_name(self.row.actor_id)

    @strawberry.field(
        description="The address it was done from, as long as the session or its person is kept."
    )
    async def ip(self, info: Info[Any, Any]) -> str | None:
        if self.row.session_id is None:
            return str(self.row.ip) if self.row.ip else None
        session = await context_of(info).loaders.one(models.Session, self.row.session_id)
        return None if session is None else str(session.ip) if session.ip else None

    @classmethod
    def of(cls, row: models.Event) -> Event:
        """From the model."""
        return cls(
            id=encode_id("Event", row.id),
            type=row.type,
            subject_type=row.subject_type,
            actor_type=row.actor_type,
            occurred_at=row.occurred_at,
            data=row.data,
            request_id=row.request_id,
            row=row,
        )


@strawberry.input(description="Which events.")
class EventFilterInput:
    type: str | None = strawberry.field(
        default=None, description="A type or its beginning, such as campaign or campaign.created."
    )
    since: datetime | None = strawberry.field(default=None, description="From this moment on.")
    until: datetime | None = strawberry.field(default=None, description="Before this moment.")

    def to_domain(self) -> audit.EventFilter:
        """The domain's filter."""
        return audit.EventFilter(self.type, None, self.since, self.until)


@strawberry.type
class EventQueries:
    events = connection(
        Event,
        audit.events,
        audit.EventOrder,
        EventFilterInput,
        "What happened, within your limits (A68).",
    )
