"""Players in GraphQL, as operators see them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.attribution.decide import Rule
from app.domain.players import reads
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.campaign import Promo
from app.schema.types.offer import Brand
from app.schema.types.partner import Partner


@strawberry.enum(description="What decides where a player comes from, or could have (M02).")
class AttributionRule(Enum):
    STAG = strawberry.enum_value(
        Rule.STAG.value, description="The visit that the brand's tag names."
    )
    COUPON = strawberry.enum_value(
        Rule.COUPON.value, description="A coupon or bonus code that is bound to a promo."
    )
    LAST_CLICK = strawberry.enum_value(
        Rule.LAST_CLICK.value,
        description="A later click of the same visitor, where the brand lets it win.",
    )
    CLICK = strawberry.enum_value(
        Rule.CLICK.value, description="Another click of the same visitor: it never decides."
    )
    NETWORK = strawberry.enum_value(
        Rule.NETWORK.value,
        description="The partner's code of a network link, without a visit of ours (W4).",
    )
    MOVED = strawberry.enum_value(
        Rule.MOVED.value, description="An operator moved the player here (M03)."
    )


@strawberry.type(description="A promo that a player could have been attributed to.")
class AttributionCandidate:
    rule: AttributionRule = strawberry.field(description="By which rule.")
    promo_id: strawberry.ID = strawberry.field(description="Opaque id of the promo.")
    visit_id: str | None = strawberry.field(
        description="The click's id, as in the stag; null for a coupon."
    )


@strawberry.type(description="A brand's customer, attributed once.")
class Player(Node):
    user_id: str = strawberry.field(description="The brand's own id of the customer.")
    country: str = strawberry.field(description="ISO 3166 alpha-2, ZZ when unknown.")
    sign_up_at: datetime = strawberry.field(description="UTC.")
    visit_id: str | None = strawberry.field(
        description="The click that it comes from, as in the stag; null for a coupon."
    )
    attributed_by: AttributionRule = strawberry.field(description="What decided.")
    losing_candidates: list[AttributionCandidate] = strawberry.field(
        description="What else the player could have been attributed to."
    )
    row: strawberry.Private[models.Player]

    @strawberry.field(description="Whose customer it is.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @strawberry.field(description="Who brought it.")
    async def partner(self, info: Info[Any, Any]) -> Partner | None:
        row = await context_of(info).loaders.one(models.Partner, self.row.partner_id)
        return Partner.of(row) if row else None

    @strawberry.field(description="Through which link.")
    async def promo(self, info: Info[Any, Any]) -> Promo | None:
        row = await context_of(info).loaders.one(models.Promo, self.row.promo_id)
        return Promo.of(row) if row else None

    @classmethod
    def of(cls, row: models.Player) -> Player:
        """From the model."""
        return cls(
            id=encode_id("Player", row.id),
            user_id=row.user_id,
            country=row.country,
            sign_up_at=row.sign_up_at,
            visit_id=str(row.visit_id) if row.visit_id else None,
            attributed_by=AttributionRule(row.attributed_by),
            losing_candidates=[
                AttributionCandidate(
                    rule=AttributionRule(each["rule"]),
                    promo_id=encode_id("Promo", each["promo_id"]),
                    visit_id=str(each["visit_id"]) if each["visit_id"] else None,
                )
                for each in row.losing_candidates
            ],
            row=row,
        )


@strawberry.input(description="Which players.")
class PlayerFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only through this link."
    )
    user_id: str | None = strawberry.field(
        default=None, description="The player with this id at its brand."
    )

    def to_domain(self) -> reads.PlayerFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.PlayerFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            decode_optional_id("Partner", self.partner_id, "partnerId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
            self.user_id,
        )
