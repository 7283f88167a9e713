"""Partners as operators see them (admin schema only)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from app import models
from app.domain.partners.reads import PartnerFilter
from app.schema.ids import encode_id
from app.schema.node import Node


@strawberry.enum(description="What a partner account is.")
class PartnerState(Enum):
    PENDING = strawberry.enum_value("pending", description="Waits for an operator's approval.")
    ACTIVE = strawberry.enum_value("active", description="Works.")
    BLOCKED = strawberry.enum_value("blocked", description="Stopped by an operator.")
    REJECTED = strawberry.enum_value("rejected", description="Not approved.")


@strawberry.type(description="An affiliate account.")
class Partner(Node):
    name: str = strawberry.field(description="Such as Review Hub.")
    code: str = strawberry.field(description="The public code in network links, such as RVWHUB.")
    state: PartnerState = strawberry.field(description="Whether the account works.")
    created_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, row: models.Partner) -> Partner:
        """From the model."""
        return cls(
            id=encode_id("Partner", row.id),
            name=row.name,
            code=row.code,
            state=PartnerState(row.state),
            created_at=row.created_at,
        )


@strawberry.input(description="Which partners.")
class PartnerFilterInput:
    state: PartnerState | None = strawberry.field(default=None, description="Only in this state.")
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    def to_domain(self) -> PartnerFilter:
        """The domain's filter."""
        return PartnerFilter(str(self.state.value) if self.state else None, self.name_contains)
