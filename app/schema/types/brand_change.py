"""Announced changes of brands in GraphQL."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.brands.changes import BrandChangeFilter
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.offer import Brand


@strawberry.enum(description="The terms of a brand that change only after a notice.")
class BrandChangeField(Enum):
    COOKIE_DAYS = strawberry.enum_value(
        "cookie_days", description="How many days after a click a player counts."
    )
    APPROVAL_DAYS = strawberry.enum_value(
        "approval_days", description="After how many days a sale or lead is accepted by itself."
    )
    DEFAULT_SALE_PERCENT = strawberry.enum_value(
        "default_sale_percent", description="What it pays by default, in percent of a sale."
    )
    DEFAULT_LEAD_AMOUNT = strawberry.enum_value(
        "default_lead_amount", description="What it pays by default for a lead, in its currency."
    )


@strawberry.type(
    description="A change of a brand's terms that was announced before it takes effect."
)
class BrandChange(Node):
    field: BrandChangeField = strawberry.field(description="What changes.")
    before: Decimal | None = strawberry.field(description="The value before; null: none.")
    after: Decimal | None = strawberry.field(description="The value after; null: none.")
    announced_at: datetime = strawberry.field(description="UTC.")
    effective_at: datetime = strawberry.field(
        description="UTC: the start of a business day of the brand."
    )
    applied_at: datetime | None = strawberry.field(description="UTC; null until it is in effect.")
    cancelled_at: datetime | None = strawberry.field(
        description="UTC; null unless it was taken back or replaced."
    )
    row: strawberry.Private[models.BrandChange]

    @strawberry.field(description="Whose terms.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.BrandChange) -> BrandChange:
        """From the model."""
        return cls(
            id=encode_id("BrandChange", row.id),
            field=BrandChangeField(row.field),
            before=None if row.before is None else Decimal(row.before),
            after=None if row.after is None else Decimal(row.after),
            announced_at=row.announced_at,
            effective_at=row.effective_at,
            applied_at=row.applied_at,
            cancelled_at=row.cancelled_at,
            row=row,
        )


@strawberry.input(description="Which announced changes.")
class BrandChangeFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    field: BrandChangeField | None = strawberry.field(default=None, description="Only of this.")
    pending: bool | None = strawberry.field(
        default=None, description="True: only what will still take effect; false: only the rest."
    )

    def to_domain(self) -> BrandChangeFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        brand_id = decode_optional_id("Brand", self.brand_id, "brandId")
        field = str(self.field.value) if self.field else None
        return BrandChangeFilter(brand_id, field, self.pending)


@strawberry.input(description="A change of a brand's terms.")
class AnnounceBrandChangeInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    field: BrandChangeField = strawberry.field(description="What changes.")
    value: Decimal | None = strawberry.field(
        default=None, description="The new value; none, for a default rate: none."
    )


@strawberry.input(description="An announced change.")
class BrandChangeInput:
    change_id: strawberry.ID = strawberry.field(description="One that is not in effect yet.")


@strawberry.type(description="The announced change, or why there is none.")
class BrandChangePayload:
    change: BrandChange | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
