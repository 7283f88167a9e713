"""What operators send to change landings and traffic sources, and what they get back (admin schema only)."""

from __future__ import annotations

import strawberry

from app.domain.brands import landings as domain
from app.schema.errors import UserError
from app.schema.ids import decode_id
from app.schema.scalars import CountryCode, Url
from app.schema.types.offer import (
    BrandTrafficSource,
    Landing,
    LandingAudience,
    TrafficSource,
    TrafficSourcePolicy,
)


@strawberry.input(description="A new landing.")
class CreateLandingInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    title: str = strawberry.field(description="At most 200 characters.")
    url: Url = strawberry.field(description="Where visitors arrive, at most 2,000 characters.")
    audience: LandingAudience = strawberry.field(
        default=LandingAudience.PLAYERS, description="Whom it is made for."
    )
    countries: list[CountryCode] = strawberry.field(
        default_factory=list, description="Where it is meant for; none: everywhere."
    )
    language: str | None = strawberry.field(default=None, description="Such as en or pt-BR.")

    def to_domain(self) -> domain.NewLanding:
        """The domain's value; raises NotFound for an id that is none."""
        return domain.NewLanding(
            decode_id("Brand", self.brand_id, "brandId"),
            self.title,
            self.url,
            domain.LandingAudience(str(self.audience.value)),
            self.countries,
            self.language,
        )


@strawberry.input(description="What to change of a landing; what is left out stays.")
class EditLandingInput:
    landing_id: strawberry.ID = strawberry.field(description="Within your limits.")
    title: str | None = strawberry.field(default=None, description="At most 200 characters.")
    url: Url | None = strawberry.field(default=None, description="Where visitors arrive.")
    audience: LandingAudience | None = strawberry.field(
        default=None, description="Whom it is made for."
    )
    countries: list[CountryCode] | None = strawberry.field(
        default=None, description="All of them; an empty list: everywhere."
    )
    language: str | None = strawberry.field(
        default=None, description="Such as en or pt-BR; an empty text: none."
    )

    def to_domain(self) -> domain.LandingEdit:
        """The domain's value."""
        audience = None if self.audience is None else str(self.audience.value)
        return domain.LandingEdit(
            self.title,
            self.url,
            None if audience is None else domain.LandingAudience(audience),
            self.countries,
            self.language,
        )


@strawberry.input(description="A landing.")
class LandingInput:
    landing_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="The landings of a brand that come first.")
class SortLandingsInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    landing_ids: list[strawberry.ID] = strawberry.field(
        description="In their new order, at most 500; the others keep theirs behind them."
    )


@strawberry.type(description="The landing, or why there is none.")
class LandingPayload:
    landing: Landing | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The sorted landings, or why nothing was sorted.")
class LandingsPayload:
    landings: list[Landing] | None = strawberry.field(
        default=None, description="In their new order."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="A new traffic source.")
class CreateTrafficSourceInput:
    name: str = strawberry.field(description="At most 100 characters, such as Streaming.")


@strawberry.input(description="Another name for a traffic source.")
class RenameTrafficSourceInput:
    traffic_source_id: strawberry.ID = strawberry.field(description="Any.")
    name: str = strawberry.field(description="At most 100 characters.")


@strawberry.input(description="A traffic source.")
class TrafficSourceInput:
    traffic_source_id: strawberry.ID = strawberry.field(description="Any.")


@strawberry.input(description="The traffic sources that come first.")
class SortTrafficSourcesInput:
    traffic_source_ids: list[strawberry.ID] = strawberry.field(
        description="In their new order, at most 500; the others keep theirs behind them."
    )


@strawberry.input(description="What a brand thinks of a traffic source.")
class SetTrafficSourcePolicyInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    traffic_source_id: strawberry.ID = strawberry.field(description="Any.")
    policy: TrafficSourcePolicy = strawberry.field(description="What it thinks of it.")


@strawberry.type(description="The traffic source, or why there is none.")
class TrafficSourcePayload:
    traffic_source: TrafficSource | None = strawberry.field(
        default=None, description="As it is now."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The sorted traffic sources, or why nothing was sorted.")
class TrafficSourcesPayload:
    traffic_sources: list[TrafficSource] | None = strawberry.field(
        default=None, description="In their new order."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The policy, or why there is none.")
class TrafficSourcePolicyPayload:
    policy: BrandTrafficSource | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
