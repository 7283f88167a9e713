"""Campaigns, promos and postbacks in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry
from strawberry.types import Info

from app import models
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import encode_id


@strawberry.type(description="One tracking link inside a campaign.")
class Promo:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    code: str = strawberry.field(description="The path of the tracking link, such as k7m2xq9rt.")
    title: str = strawberry.field(description="Such as Homepage banner.")
    created_at: datetime = strawberry.field(description="UTC.")

    @strawberry.field(
        description="The link to publish. Custom parameters may be added: ?clickID=42."
    )
    def tracking_link(self, info: Info) -> str:
        return f"{context_of(info).settings.base_url}/{self.code}"

    @classmethod
    def of(cls, row: models.Promo) -> Promo:
        """From the model."""
        return cls(
            id=encode_id("Promo", row.id), code=row.code, title=row.title, created_at=row.created_at
        )


@strawberry.enum(description="What a campaign is.")
class CampaignState(Enum):
    ACTIVE = strawberry.enum_value("active", description="Links earn; everything can be edited.")
    ARCHIVED = strawberry.enum_value(
        "archived", description="Links keep earning; nothing can be edited."
    )
    DISABLED = strawberry.enum_value(
        "disabled", description="Switched off by an operator: links do not earn."
    )


@strawberry.type(description="A container for one brand and one commission plan.")
class Campaign:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="Such as Spring reviews.")
    state: CampaignState = strawberry.field(description="Whether it earns and can be edited.")
    created_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, row: models.Campaign) -> Campaign:
        """From the model."""
        return cls(
            id=encode_id("Campaign", row.id),
            name=row.name,
            state=CampaignState(row.state),
            created_at=row.created_at,
        )


@strawberry.type(description="A callback to your tracker.")
class Postback:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    url: str = strawberry.field(
        description="The template, such as https://tracker.example/p?id=${clickID}."
    )

    @classmethod
    def of(cls, row: models.Postback) -> Postback:
        """From the model."""
        return cls(id=encode_id("Postback", row.id), url=row.url)


@strawberry.input(description="A new campaign.")
class CreateCampaignInput:
    name: str = strawberry.field(description="At most 200 characters, such as Spring reviews.")
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="May be left out when only one brand is open to you."
    )
    plan_id: strawberry.ID | None = strawberry.field(
        default=None, description="May be left out when only one plan of the brand is open to you."
    )


@strawberry.type(description="The created campaign, or why there is none.")
class CreateCampaignPayload:
    campaign: Campaign | None = strawberry.field(default=None, description="The new campaign.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="A new promo in a campaign.")
class CreatePromoInput:
    campaign_id: strawberry.ID = strawberry.field(description="An active campaign of yours.")
    title: str = strawberry.field(description="At most 200 characters, such as Homepage banner.")
    landing_id: strawberry.ID | None = strawberry.field(
        default=None, description="May be left out when the brand has only one landing for players."
    )
    traffic_source_id: strawberry.ID | None = strawberry.field(
        default=None, description="May be set later, once."
    )


@strawberry.type(description="The created promo, or why there is none.")
class CreatePromoPayload:
    promo: Promo | None = strawberry.field(default=None, description="The new promo.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.enum(description="What makes a postback fire.")
class PostbackAction(Enum):
    REGISTRATION = strawberry.enum_value("registration", description="A player signed up.")
    FIRST_DEPOSIT = strawberry.enum_value("first_deposit", description="A player's first deposit.")
    DEPOSIT = strawberry.enum_value("deposit", description="A report with deposits.")
    SALE = strawberry.enum_value("sale", description="A sale.")
    LEAD = strawberry.enum_value("lead", description="A lead.")
    ANY = strawberry.enum_value("any", description="Each of these.")


@strawberry.input(description="A new postback, for the account, a campaign or a promo.")
class CreatePostbackInput:
    action: PostbackAction = strawberry.field(description="What makes it fire.")
    url: str = strawberry.field(
        description="Your tracker's URL with variables, such as https://tracker.example/p?id=${clickID}."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only events of this campaign."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only events of this promo."
    )


@strawberry.type(description="The created postback, or why there is none.")
class CreatePostbackPayload:
    postback: Postback | None = strawberry.field(default=None, description="The new postback.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
