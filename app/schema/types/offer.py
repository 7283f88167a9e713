"""Brands, landings and traffic sources in GraphQL."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.brands import offers
from app.domain.brands.traffic_sources import PolicyFilter
from app.infra import money
from app.resolvers.brands import load_downtimes
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import CountryCode, CurrencyCode, Url
from app.schema.types.money import Money


@strawberry.enum(description="Whether a brand works.")
class BrandState(Enum):
    ACTIVE = strawberry.enum_value("active", description="Links earn.")
    DISABLED = strawberry.enum_value("disabled", description="Out of the programme for now.")
    SUSPENDED = strawberry.enum_value(
        "suspended", description="Prepaid and without funds: links lead to the fallback."
    )


@strawberry.enum(description="Whether something is offered.")
class OfferState(Enum):
    ACTIVE = strawberry.enum_value("active", description="Offered.")
    DISABLED = strawberry.enum_value(
        "disabled", description="No longer offered; where it is used it keeps working."
    )


@strawberry.type(description="What is promoted.")
class Brand(Node):
    name: str = strawberry.field(description="Such as Lucky Otter Casino.")
    category: str = strawberry.field(description="Such as casino or shop.")
    time_zone: str = strawberry.field(
        description="The zone of the brand's business day, such as Europe/Bucharest."
    )
    currency: CurrencyCode = strawberry.field(description="The brand's own currency, such as EUR.")
    state: BrandState = strawberry.field(description="Whether it works.")
    main_url: Url = strawberry.field(description="Its site, such as https://casino.example/.")
    countries: list[CountryCode] = strawberry.field(
        description="Where it sells; empty: everywhere."
    )
    cookie_days: int = strawberry.field(description="How many days after a click a player counts.")
    approval_days: int = strawberry.field(
        description="After how many days a sale or lead is accepted by itself."
    )
    default_sale_percent: Decimal | None = strawberry.field(
        description="What it pays by default, in percent of a sale, such as 7.5; null: none."
    )
    default_lead_amount: Money | None = strawberry.field(
        description="What it pays by default for a lead; null: nothing."
    )
    row: strawberry.Private[models.Brand]

    @strawberry.field(
        description="The share of the last 30 days in which it was suspended, from 0 to 1."
    )
    async def downtime(self, info: Info[Any, Any]) -> Decimal:
        return await context_of(info).loaders.batched(load_downtimes, self.row.id)

    @classmethod
    def of(cls, row: models.Brand) -> Brand:
        """From the model."""
        lead = row.default_lead_amount
        return cls(
            id=encode_id("Brand", row.id),
            name=row.name,
            category=row.category,
            time_zone=row.time_zone,
            currency=CurrencyCode(row.currency),
            state=BrandState(row.state),
            main_url=Url(row.main_url),
            countries=[CountryCode(code) for code in row.countries],
            cookie_days=row.cookie_days,
            approval_days=row.approval_days,
            default_sale_percent=_plain(row.default_sale_percent),
            default_lead_amount=None if lead is None else Money.of(money.Money(lead, row.currency)),
            row=row,
        )


def _plain(value: Decimal | None) -> Decimal | None:
    """Without the zeros of the column."""
    return None if value is None else Decimal(money.decimal_text(value))


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
    countries: list[CountryCode] = strawberry.field(
        description="Where it is meant for; empty: everywhere."
    )
    language: str | None = strawberry.field(description="Such as en or pt-BR; null: not stated.")
    state: OfferState = strawberry.field(description="Whether new promos can lead to it.")
    row: strawberry.Private[models.Landing]

    @strawberry.field(description="Whose page it is.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.Landing) -> Landing:
        """From the model."""
        return cls(
            id=encode_id("Landing", row.id),
            title=row.title,
            url=Url(row.url),
            audience=LandingAudience(row.audience),
            countries=[CountryCode(code) for code in row.countries],
            language=row.language,
            state=OfferState(row.state),
            row=row,
        )


@strawberry.type(description="A way of reaching visitors that a promo may state once.")
class TrafficSource(Node):
    name: str = strawberry.field(description="Such as SEO.")
    state: OfferState = strawberry.field(description="Whether promos can state it.")

    @classmethod
    def of(cls, row: models.TrafficSource) -> TrafficSource:
        """From the model."""
        return cls(
            id=encode_id("TrafficSource", row.id), name=row.name, state=OfferState(row.state)
        )


@strawberry.enum(description="What a brand thinks of a traffic source.")
class TrafficSourcePolicy(Enum):
    YES = strawberry.enum_value("yes", description="Welcome.")
    MAYBE = strawberry.enum_value("maybe", description="Not decided; the default.")
    NO = strawberry.enum_value("no", description="New promos that state it are refused.")


@strawberry.type(description="What a brand said about a traffic source.")
class BrandTrafficSource(Node):
    policy: TrafficSourcePolicy = strawberry.field(description="What it thinks of it.")
    row: strawberry.Private[models.BrandTrafficSource]

    @strawberry.field(description="Who said it.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @strawberry.field(description="About what.")
    async def traffic_source(self, info: Info[Any, Any]) -> TrafficSource | None:
        row = await context_of(info).loaders.one(models.TrafficSource, self.row.traffic_source_id)
        return TrafficSource.of(row) if row else None

    @classmethod
    def of(cls, row: models.BrandTrafficSource) -> BrandTrafficSource:
        """From the model."""
        return cls(
            id=encode_id("BrandTrafficSource", row.id),
            policy=TrafficSourcePolicy(row.policy),
            row=row,
        )


@strawberry.input(description="Which brands.")
class BrandFilterInput:
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    state: BrandState | None = strawberry.field(default=None, description="Only in this state.")
    category: str | None = strawberry.field(
        default=None, description="Only of this category, such as casino."
    )

    def to_domain(self) -> offers.BrandFilter:
        """The domain's filter."""
        state = str(self.state.value) if self.state else None
        return offers.BrandFilter(self.name_contains, state, self.category)


@strawberry.input(description="Which landings.")
class LandingFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    audience: LandingAudience | None = strawberry.field(
        default=None, description="Only for these visitors."
    )
    country: CountryCode | None = strawberry.field(
        default=None, description="Only those that are meant for this country, or for all."
    )
    language: str | None = strawberry.field(
        default=None, description="Only in this language, such as en."
    )
    state: OfferState | None = strawberry.field(
        default=None, description="Only in this state; partners see active ones alone."
    )

    def to_domain(self) -> offers.LandingFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return offers.LandingFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            str(self.audience.value) if self.audience else None,
            self.country,
            self.language,
            str(self.state.value) if self.state else None,
        )


@strawberry.input(description="Which traffic sources.")
class TrafficSourceFilterInput:
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    state: OfferState | None = strawberry.field(
        default=None, description="Only in this state; partners see active ones alone."
    )

    def to_domain(self) -> offers.TrafficSourceFilter:
        """The domain's filter."""
        state = str(self.state.value) if self.state else None
        return offers.TrafficSourceFilter(self.name_contains, state)


@strawberry.input(description="Which policies for traffic sources.")
class TrafficSourcePolicyFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    policy: TrafficSourcePolicy | None = strawberry.field(
        default=None, description="Only this one."
    )

    def to_domain(self) -> PolicyFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        brand_id = decode_optional_id("Brand", self.brand_id, "brandId")
        return PolicyFilter(brand_id, str(self.policy.value) if self.policy else None)
