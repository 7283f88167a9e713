"""The change feed in GraphQL: every change to past figures (X03)."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.changes import reads
from app.infra.money import NO_CURRENCY
from app.schema.context import context_of, scope_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import CountryCode, CurrencyCode
from app.schema.types.campaign import Promo
from app.schema.types.offer import Brand


@strawberry.type(description="A number before and after a change.")
class FigureDifference:
    metric: str = strawberry.field(description="As in reports, such as deposits_sum.")
    before: Decimal = strawberry.field(
        description="What the changed facts added to the figure before; amounts in the change's currency."
    )
    after: Decimal = strawberry.field(description="What they add to it now.")


@strawberry.type(
    description="A change of figures that were known before, or of a business day that had ended two days before."
)
class FigureChange(Node):
    kind: str = strawberry.field(
        description="corrected: facts were replaced or taken back; added_late: facts came after the day had ended."
    )
    fact: str = strawberry.field(
        description="The kind of facts: visits, unique_visits, duplicate_visits, registrations, first_deposits, "
        "activities, conversions and others."
    )
    business_day: date = strawberry.field(description="Of the figures, in the brand's time zone.")
    country: CountryCode = strawberry.field(description="ISO 3166 alpha-2, ZZ when unknown.")
    currency: CurrencyCode | None = strawberry.field(description="Of the amounts; null for counts.")
    figures: list[FigureDifference] = strawberry.field(description="The numbers that changed.")
    reason: str | None = strawberry.field(description="Why; null for facts that came late.")
    position: str = strawberry.field(description="Of the change in the log: later ones are higher.")
    actor_type: str = strawberry.field(
        description="Who did it: brand, operator_user, partner_user or system."
    )
    request_id: str | None = strawberry.field(description="Of the request that caused it, if kept.")
    row: strawberry.Private[models.FigureChange]

    @strawberry.field(
        description="When the log knew it: a report asKnownAt this time has it, one asKnownAt any earlier time has not."
    )
    def known_at(self, info: Info[Any, Any]) -> datetime:
        return self.row.known_at + scope_of(info).clock_offset

    @strawberry.field(
        description="The player, by the id that reports grouped by PLAYER give; null for visits."
    )
    def player_id(self) -> strawberry.ID | None:
        found = self.row.player_id
        return None if found is None else strawberry.ID(encode_id("Player", found))

    @strawberry.field(description="Through which link.")
    async def promo(self, info: Info[Any, Any]) -> Promo | None:
        row = await context_of(info).loaders.one(models.Promo, self.row.promo_id)
        return Promo.of(row) if row else None

    @strawberry.field(description="Whose figures.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @strawberry.field(
        description="The user who did it, by name; null for brands and the server itself."
    )
    async def actor_name(self, info: Info[Any, Any]) -> str | None:
        user = self.row.actor_type in {"partner_user", "operator_user"}
        if not user or self.row.actor_id is None:
            return None
        return await context_of(info).loaders.actor_name(self.row.actor_id)

    @classmethod
    def of(cls, row: models.FigureChange) -> FigureChange:
        """From the model."""
        return cls(
            id=encode_id("FigureChange", row.id),
            kind=row.kind,
            fact=row.fact,
            business_day=row.business_day,
            country=CountryCode(row.country),
            currency=None if row.currency == NO_CURRENCY else CurrencyCode(row.currency),
            figures=[
                FigureDifference(metric=name, before=Decimal(before), after=Decimal(after))
                for name, (before, after) in row.figures.items()
            ],
            reason=row.reason,
            position=str(row.position),
            actor_type=row.actor_type,
            request_id=row.request_id,
            row=row,
        )


@strawberry.input(description="Which changes.")
class FigureChangeFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this campaign."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only through this link."
    )
    player_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this player."
    )
    metric: str | None = strawberry.field(
        default=None, description="Only of this number, such as deposits_sum."
    )
    first_day: date | None = strawberry.field(
        default=None, description="Business days from this one."
    )
    last_day: date | None = strawberry.field(
        default=None, description="Business days up to this one."
    )
    known_since: datetime | None = strawberry.field(
        default=None, description="Known from this moment on."
    )
    known_until: datetime | None = strawberry.field(
        default=None, description="Known before this moment."
    )

    def to_domain(self) -> reads.FigureChangeFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.FigureChangeFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            None,
            decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
            decode_optional_id("Player", self.player_id, "playerId"),
            self.metric,
            self.first_day,
            self.last_day,
            self.known_since,
            self.known_until,
        )


@strawberry.input(description="Which changes, of all partners.")
class StaffFigureChangeFilterInput(FigureChangeFilterInput):
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> reads.FigureChangeFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        return dataclasses.replace(FigureChangeFilterInput.to_domain(self), partner_id=partner_id)
