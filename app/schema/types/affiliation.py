"""Affiliations in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Self

import strawberry
from strawberry.types import Info

from app import models
from app.domain.partners.affiliations import AffiliationFilter
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.offer import Brand


@strawberry.enum(description="What a partner's relation to a brand is.")
class AffiliationState(Enum):
    PENDING = strawberry.enum_value("pending", description="Applied for, not decided.")
    ACCEPTED = strawberry.enum_value("accepted", description="Links earn.")
    REJECTED = strawberry.enum_value("rejected", description="Not accepted.")
    SUSPENDED = strawberry.enum_value(
        "suspended", description="Links lead to the fallback; players keep earning."
    )
    DELETED = strawberry.enum_value("deleted", description="Ended.")


@strawberry.type(description="A partner's relation to a brand.")
class Affiliation(Node):
    state: AffiliationState = strawberry.field(description="What it is now.")
    created_at: datetime = strawberry.field(description="UTC.")
    decided_at: datetime | None = strawberry.field(description="UTC; null while it waits.")
    row: strawberry.Private[models.Affiliation]

    @strawberry.field(description="The brand.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.Affiliation) -> Self:
        """From the model."""
        return cls(
            id=encode_id("Affiliation", row.id),
            state=AffiliationState(row.state),
            created_at=row.created_at,
            decided_at=row.decided_at,
            row=row,
        )


@strawberry.input(description="Which affiliations.")
class AffiliationFilterInput:
    state: AffiliationState | None = strawberry.field(
        default=None, description="Only in this state."
    )
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only to this brand."
    )

    def to_domain(self) -> AffiliationFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        brand_id = decode_optional_id("Brand", self.brand_id, "brandId")
        return AffiliationFilter(str(self.state.value) if self.state else None, brand_id)


@strawberry.type(description="The affiliation, or why there is none.")
class AffiliationPayload:
    affiliation: Affiliation | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
