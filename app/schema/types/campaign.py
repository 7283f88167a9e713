"""Campaigns and promos in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.banners.markup import banner_markup, banner_url
from app.domain.campaigns import reads
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import Url
from app.schema.types.banner import Banner
from app.schema.types.offer import Brand, CommissionPlan, Landing, TrafficSource


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
class Campaign(Node):
    name: str = strawberry.field(description="Such as Spring reviews.")
    state: CampaignState = strawberry.field(description="Whether it earns and can be edited.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Campaign]

    @strawberry.field(description="What it promotes.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @strawberry.field(description="The deal that it earns by.")
    async def commission_plan(self, info: Info[Any, Any]) -> CommissionPlan | None:
        row = await context_of(info).loaders.one(models.CommissionPlan, self.row.plan_id)
        return CommissionPlan.of(row) if row else None

    @classmethod
    def of(cls, row: models.Campaign) -> Campaign:
        """From the model."""
        return cls(
            id=encode_id("Campaign", row.id),
            name=row.name,
            state=CampaignState(row.state),
            created_at=row.created_at,
            row=row,
        )


@strawberry.type(description="One tracking link inside a campaign.")
class Promo(Node):
    code: str = strawberry.field(description="The path of the tracking link, such as k7m2xq9rt.")
    title: str = strawberry.field(description="Such as Homepage banner.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Promo]

    @strawberry.field(
        description="The link to publish. Custom parameters may be added: ?clickID=42."
    )
    def tracking_link(self, info: Info[Any, Any]) -> Url:
        return Url(f"{context_of(info).services.settings.base_url}/{self.code}")

    @strawberry.field(description="The campaign that holds it.")
    async def campaign(self, info: Info[Any, Any]) -> Campaign | None:
        row = await context_of(info).loaders.one(models.Campaign, self.row.campaign_id)
        return Campaign.of(row) if row else None

    @strawberry.field(description="Where its visitors arrive.")
    async def landing(self, info: Info[Any, Any]) -> Landing | None:
        row = await context_of(info).loaders.one(models.Landing, self.row.landing_id)
        return Landing.of(row) if row else None

    @strawberry.field(description="How its visitors are reached; null until it is stated.")
    async def traffic_source(self, info: Info[Any, Any]) -> TrafficSource | None:
        if self.row.traffic_source_id is None:
            return None
        row = await context_of(info).loaders.one(models.TrafficSource, self.row.traffic_source_id)
        return TrafficSource.of(row) if row else None

    @strawberry.field(description="The picture that leads to it; null for a direct link (A06).")
    async def banner(self, info: Info[Any, Any]) -> Banner | None:
        row = await self._banner(info)
        return Banner.of(row) if row else None

    @strawberry.field(
        description="HTML to paste into a page: the banner, linked; null for a direct link (A06)."
    )
    async def markup(self, info: Info[Any, Any]) -> str | None:
        row = await self._banner(info)
        if row is None:
            return None
        base = context_of(info).services.settings.base_url
        image = banner_url(base, row.code, row.format)
        return banner_markup(f"{base}/{self.code}", image, row.title, row.width, row.height)

    async def _banner(self, info: Info[Any, Any]) -> models.Banner | None:
        if self.row.banner_id is None:
            return None
        return await context_of(info).loaders.one(models.Banner, self.row.banner_id)

    @classmethod
    def of(cls, row: models.Promo) -> Promo:
        """From the model."""
        return cls(
            id=encode_id("Promo", row.id),
            code=row.code,
            title=row.title,
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which campaigns.")
class CampaignFilterInput:
    state: CampaignState | None = strawberry.field(default=None, description="Only in this state.")
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    def to_domain(self) -> reads.CampaignFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.CampaignFilter(
            str(self.state.value) if self.state else None,
            decode_optional_id("Brand", self.brand_id, "brandId"),
            self.name_contains,
        )


@strawberry.input(description="Which promos.")
class PromoFilterInput:
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this campaign."
    )
    code: str | None = strawberry.field(default=None, description="The promo with this code.")

    def to_domain(self) -> reads.PromoFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        campaign_id = decode_optional_id("Campaign", self.campaign_id, "campaignId")
        return reads.PromoFilter(campaign_id, self.code)


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
