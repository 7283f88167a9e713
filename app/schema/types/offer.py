"""Brands, landings and commission plans in GraphQL."""

from __future__ import annotations

from enum import Enum

import strawberry

from app import models
from app.domain.brands import offers
from app.schema.ids import decode_id, encode_id
from app.schema.node import Node
from app.schema.scalars import CurrencyCode, Url


@strawberry.type(description="What is promoted.")
class Brand(Node):
    name: str = strawberry.field(description="Such as Lucky Otter Casino.")
    category: str = strawberry.field(description="Such as casino or shop.")
    time_zone: str = strawberry.field(
        description="The zone of the brand's business day, such as Europe/Bucharest."
    )
    currency: CurrencyCode = strawberry.field(description="The brand's own currency, such as EUR.")

    @classmethod
    def of(cls, row: models.Brand) -> Brand:
        """From the model."""
        return cls(
            id=encode_id("Brand", row.id),
            name=row.name,
            category=row.category,
            time_zone=row.time_zone,
            currency=CurrencyCode(row.currency),
        )


@strawberry.enum(description="Whom a landing is made for.")
class LandingAudience(Enum):
    PLAYERS = strawberry.enum_value("players", description="New players of the brand.")
    SUB_AFFILIATES = strawberry.enum_value(
        "sub_affiliates", description="New partners of the programme."
    )


@strawberry.type(description="A page of the brand that a promo can lead to.")
class Landing(Node):
    title: str = strawberry.field(description="Such as Welcome bonus.")
    url: Url = strawberry.field(
        description="Where visitors arrive, such as https://casino.example/welcome."
    )
    audience: LandingAudience = strawberry.field(description="Whom it is made for.")

    @classmethod
    def of(cls, row: models.Landing) -> Landing:
        """From the model."""
        return cls(
            id=encode_id("Landing", row.id),
            title=row.title,
            url=Url(row.url),
            audience=LandingAudience(row.audience),
        )


@strawberry.type(description="An executable deal of one brand; report columns call it a strategy.")
class CommissionPlan(Node):
    name: str = strawberry.field(description="Such as Revenue share 30%.")

    @classmethod
    def of(cls, row: models.CommissionPlan) -> CommissionPlan:
        """From the model."""
        return cls(id=encode_id("CommissionPlan", row.id), name=row.name)


@strawberry.type(description="A way of reaching visitors that a promo may state once.")
class TrafficSource(Node):
    name: str = strawberry.field(description="Such as SEO.")

    @classmethod
    def of(cls, row: models.TrafficSource) -> TrafficSource:
        """From the model."""
        return cls(id=encode_id("TrafficSource", row.id), name=row.name)


@strawberry.input(description="Which brands.")
class BrandFilterInput:
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    def to_domain(self) -> offers.BrandFilter:
        """The domain's filter."""
        return offers.BrandFilter(name_contains=self.name_contains)


@strawberry.input(description="Which landings.")
class LandingFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    audience: LandingAudience | None = strawberry.field(
        default=None, description="Only for these visitors."
    )

    def to_domain(self) -> offers.LandingFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        brand_id = None if self.brand_id is None else decode_id("Brand", self.brand_id, "brandId")
        return offers.LandingFilter(brand_id, str(self.audience.value) if self.audience else None)


@strawberry.input(description="Which commission plans.")
class CommissionPlanFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )

    def to_domain(self) -> offers.PlanFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        brand_id = None if self.brand_id is None else decode_id("Brand", self.brand_id, "brandId")
        return offers.PlanFilter(brand_id)


@strawberry.input(description="Which traffic sources.")
class TrafficSourceFilterInput:
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    def to_domain(self) -> offers.TrafficSourceFilter:
        """The domain's filter."""
        return offers.TrafficSourceFilter(name_contains=self.name_contains)
