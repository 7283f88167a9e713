"""Campaigns and promos in GraphQL."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.banners.markup import banner_markup, banner_url
from app.resolvers.promos import (
    PromoPeriod,
    load_campaign_postbacks,
    load_numbers,
    load_postbacks,
)
from app.schema.context import context_of
from app.schema.fields import COST
from app.schema.ids import encode_id
from app.schema.node import Node
from app.schema.scalars import Url
from app.schema.types.banner import Banner
from app.schema.types.offer import Brand, Landing, TrafficSource
from app.schema.types.plan import CommissionPlan
from app.schema.types.postback import Postback

if TYPE_CHECKING:
    from app.schema.types.report import ReportTotals

# A promo's share of the report that answers a whole page of them.
NUMBERS_COST = 5


@strawberry.enum(description="What a campaign is.")
class CampaignState(Enum):
    ACTIVE = strawberry.enum_value("active", description="Links earn; everything can be edited.")
    ARCHIVED = strawberry.enum_value(
        "archived", description="Links keep earning; nothing can be edited."
    )
    DISABLED = strawberry.enum_value(
        "disabled", description="Switched off by an operator: links do not earn."
    )


@strawberry.type(description="The account that something belongs to.")
class AccountIdentity:
    partner_id: strawberry.ID = strawberry.field(
        description="For operators: `node` and the filters of their lists take it."
    )
    name: str = strawberry.field(description="Such as Review Hub.")
    code: str = strawberry.field(description="The public code in network links, such as RVWHUB.")


async def account_identity(info: Info[Any, Any], partner_id: int) -> AccountIdentity | None:
    """Whose something is; None when the account is none that exists for the viewer."""
    row = await context_of(info).loaders.one(models.Partner, partner_id)
    if row is None:
        return None
    return AccountIdentity(partner_id=encode_id("Partner", row.id), name=row.name, code=row.code)


@strawberry.type(description="A container for one brand and one commission plan.")
class Campaign(Node):
    name: str = strawberry.field(description="Such as Spring reviews.")
    state: CampaignState = strawberry.field(description="Whether it earns and can be edited.")
    state_reason: str | None = strawberry.field(
        description="Why an operator disabled it; null otherwise."
    )
    created_at: datetime = strawberry.field(description="UTC.")
    archived_at: datetime | None = strawberry.field(description="UTC; null while it is not.")
    row: strawberry.Private[models.Campaign]

    @strawberry.field(description="Whose campaign it is.")
    async def account(self, info: Info[Any, Any]) -> AccountIdentity | None:
        return await account_identity(info, self.row.partner_id)

    @strawberry.field(description="What it promotes.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @strawberry.field(description="The deal that it earns by.")
    async def commission_plan(self, info: Info[Any, Any]) -> CommissionPlan | None:
        row = await context_of(info).loaders.one(models.CommissionPlan, self.row.plan_id)
        return CommissionPlan.of(row) if row else None

    @strawberry.field(
        description="The postbacks of this campaign itself, the oldest first; those of the account and of its promos "
        "fire as well."
    )
    async def postbacks(self, info: Info[Any, Any]) -> list[Postback]:
        rows = await context_of(info).loaders.batched(load_campaign_postbacks, self.row.id)
        return [Postback.of(row) for row in rows]

    @classmethod
    def of(cls, row: models.Campaign) -> Campaign:
        """From the model."""
        return cls(
            id=encode_id("Campaign", row.id),
            name=row.name,
            state=CampaignState(row.state),
            state_reason=row.state_reason,
            created_at=row.created_at,
            archived_at=row.archived_at,
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

    @strawberry.field(
        description="The postbacks of this promo alone, the oldest first; those of its campaign and of the account "
        "fire as well."
    )
    async def postbacks(self, info: Info[Any, Any]) -> list[Postback]:
        rows = await context_of(info).loaders.batched(load_postbacks, self.row.id)
        return [Postback.of(row) for row in rows]

    @strawberry.field(
        description="Its numbers in a period, from committed data up to this moment (A07).",
        metadata={COST: NUMBERS_COST},
    )
    async def numbers(
        self,
        info: Info[Any, Any],
        from_: Annotated[
            date,
            strawberry.argument(
                name="from", description="The first business day, such as 2026-03-01."
            ),
        ],
        to: Annotated[date, strawberry.argument(description="The last business day, included.")],
    ) -> Annotated[ReportTotals, strawberry.lazy("app.schema.types.report")]:  # type: ignore[valid-type]
        from app.schema.types import report

        period = PromoPeriod(self.row.id, from_, to, report.selected_metrics(info))
        row = await context_of(info).loaders.batched(load_numbers, period)
        totals: ReportTotals = report.ReportTotals(line=report.Line(row, {}))  # type: ignore[valid-type]
        return totals

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
