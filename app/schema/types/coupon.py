"""Coupons that are bound to promos, in GraphQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry.types import Info

from app import models
from app.domain.brands.coupons import CouponFilter
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.campaign import Promo
from app.schema.types.offer import OfferState


@strawberry.type(
    description="A code that is bound to a promo: whoever uses it came by that promo (M02)."
)
class Coupon(Node):
    code: str = strawberry.field(description="As customers type it, in any case; such as REVIEW10.")
    state: OfferState = strawberry.field(description="Whether it counts.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Coupon]

    @strawberry.field(description="The promo that it counts for.")
    async def promo(self, info: Info[Any, Any]) -> Promo | None:
        row = await context_of(info).loaders.one(models.Promo, self.row.promo_id)
        return Promo.of(row) if row else None

    @classmethod
    def of(cls, row: models.Coupon) -> Self:
        """From the model."""
        return cls(
            id=encode_id("Coupon", row.id),
            code=row.code,
            state=OfferState(row.state),
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which coupons.")
class CouponFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this promo."
    )
    state: OfferState | None = strawberry.field(default=None, description="Only in this state.")
    code: str | None = strawberry.field(default=None, description="The whole code, in any case.")

    def to_domain(self) -> CouponFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return CouponFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
            str(self.state.value) if self.state else None,
            self.code,
        )
