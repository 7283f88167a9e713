"""Sub-affiliates in GraphQL (A39)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.schema.context import context_of
from app.schema.ids import encode_id
from app.schema.node import Node
from app.schema.types.campaign import Promo


@strawberry.type(description="A partner that registered by a link of yours.")
class SubAffiliate(Node):
    name: str = strawberry.field(description="As the programme shows it, such as Fresh Clicks.")
    registered_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Partner]

    @strawberry.field(description="The promo by which it came.")
    async def promo(self, info: Info[Any, Any]) -> Promo | None:
        if self.row.parent_promo_id is None:
            return None
        row = await context_of(info).loaders.one(models.Promo, self.row.parent_promo_id)
        return Promo.of(row) if row else None

    @classmethod
    def of(cls, row: models.Partner) -> SubAffiliate:
        """From the model."""
        return cls(
            id=encode_id("SubAffiliate", row.id),
            name=row.name,
            registered_at=row.created_at,
            row=row,
        )
