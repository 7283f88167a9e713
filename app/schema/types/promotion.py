"""Promotions in GraphQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.brands.promotions import NewPromotion, PromotionEdit, PromotionFilter
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import Url
from app.schema.types.offer import Brand, OfferState


@strawberry.type(description="A brand's dated offer or public coupon, to tell visitors of.")
class Promotion(Node):
    title: str = strawberry.field(description="Such as 20% off outdoor shoes.")
    description: str = strawberry.field(description="What visitors get, and what for.")
    url: Url = strawberry.field(description="The page of the offer.")
    coupon: str | None = strawberry.field(
        description="What visitors type at the checkout; null: nothing."
    )
    starts_at: datetime = strawberry.field(description="UTC.")
    ends_at: datetime = strawberry.field(description="UTC; from then on it is over.")
    state: OfferState = strawberry.field(description="Whether partners see it.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Promotion]

    @strawberry.field(description="Whose offer it is.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.Promotion) -> Promotion:
        """From the model."""
        return cls(
            id=encode_id("Promotion", row.id),
            title=row.title,
            description=row.description,
            url=Url(row.url),
            coupon=row.coupon,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            state=OfferState(row.state),
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which promotions.")
class PromotionFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    state: OfferState | None = strawberry.field(default=None, description="Only in this state.")
    running_at: datetime | None = strawberry.field(
        default=None, description="Only those that run at this moment."
    )
    title_contains: str | None = strawberry.field(
        default=None, description="Part of the title, in any case."
    )

    def to_domain(self) -> PromotionFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return PromotionFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            str(self.state.value) if self.state else None,
            self.running_at,
            self.title_contains,
        )


@strawberry.input(description="A new promotion.")
class CreatePromotionInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    title: str = strawberry.field(description="At most 200 characters.")
    description: str = strawberry.field(description="At most 4,000 characters.")
    url: Url = strawberry.field(description="The page of the offer.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it is over.")
    coupon: str | None = strawberry.field(
        default=None, description="What visitors type at the checkout, at most 64 characters."
    )

    def to_domain(self) -> NewPromotion:
        """The domain's value; raises NotFound for an id that is none."""
        return NewPromotion(
            decode_id("Brand", self.brand_id, "brandId"),
            self.title,
            self.description,
            self.url,
            self.starts_at,
            self.ends_at,
            self.coupon,
        )


@strawberry.input(description="What to change of a promotion; what is left out stays.")
class EditPromotionInput:
    promotion_id: strawberry.ID = strawberry.field(description="Within your limits.")
    title: str | None = strawberry.field(default=None, description="At most 200 characters.")
    description: str | None = strawberry.field(
        default=None, description="At most 4,000 characters."
    )
    url: Url | None = strawberry.field(default=None, description="The page of the offer.")
    starts_at: datetime | None = strawberry.field(default=None, description="When it begins.")
    ends_at: datetime | None = strawberry.field(default=None, description="When it is over.")
    coupon: str | None = strawberry.field(
        default=None, description="At most 64 characters; an empty text: none."
    )

    def to_domain(self) -> PromotionEdit:
        """The domain's value."""
        return PromotionEdit(
            self.title, self.description, self.url, self.starts_at, self.ends_at, self.coupon
        )


@strawberry.input(description="A promotion.")
class PromotionInput:
    promotion_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="The promotions of a brand that come first.")
class SortPromotionsInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    promotion_ids: list[strawberry.ID] = strawberry.field(
        description="In their new order, at most 500; the others keep theirs behind them."
    )


@strawberry.type(description="The promotion, or why there is none.")
class PromotionPayload:
    promotion: Promotion | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The sorted promotions, or why nothing was sorted.")
class PromotionsPayload:
    promotions: list[Promotion] | None = strawberry.field(
        default=None, description="In their new order."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
