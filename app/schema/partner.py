"""The partner schema: what partners and their team members use."""

from __future__ import annotations

from enum import Enum

import strawberry
from strawberry.types import Info

from app.domain.accounts.sign_in import Audience
from app.domain.brands import offers
from app.domain.campaigns import commands, reads
from app.domain.errors import DomainError
from app.domain.postbacks.configure import Action, NewPostback, create_postback
from app.resolvers.reports import load_report
from app.schema.context import scope_of, user_of
from app.schema.errors import ErrorPresentation, user_error
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.scalars import schema_config
from app.schema.types.campaign import (
    Campaign,
    CreateCampaignInput,
    CreateCampaignPayload,
    CreatePostbackInput,
    CreatePostbackPayload,
    CreatePromoInput,
    CreatePromoPayload,
    Postback,
    Promo,
)
from app.schema.types.offer import Brand, CommissionPlan, Landing
from app.schema.types.report import PerformanceReport, PerformanceReportInput, selected_metrics
from app.schema.types.session import LoginInput, LoginPayload, LogoutPayload, log_in, log_out


def _value(member: Enum) -> str:
    return str(member.value)


@strawberry.type(description="The signed-in team member.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    email: str = strawberry.field(description="Such as partner@demo.test.")
    name: str = strawberry.field(description="Such as Paula Partner.")
    role: str = strawberry.field(description="owner, manager, finance or viewer.")
    partner_name: str = strawberry.field(description="The partner account.")


@strawberry.type
class Query:
    @strawberry.field(description="Who is signed in.")
    def me(self, info: Info) -> Viewer:
        user = user_of(info)
        return Viewer(
            id=encode_id("PartnerUser", user.id),
            email=user.email,
            name=user.name,
            role=user.role,
            partner_name=user.partner_name or "",
        )

    @strawberry.field(
        description="Brands that you may promote: those with an accepted affiliation."
    )
    async def brands(self, info: Info) -> list[Brand]:
        return [Brand.of(row) for row in await offers.brands(scope_of(info))]

    @strawberry.field(description="Landings of a brand.")
    async def landings(self, info: Info, brand_id: strawberry.ID) -> list[Landing]:
        rows = await offers.landings(scope_of(info), decode_id("Brand", brand_id, "brandId"))
        return [Landing.of(row) for row in rows]

    @strawberry.field(description="Commission plans of a brand that are open to you.")
    async def commission_plans(self, info: Info, brand_id: strawberry.ID) -> list[CommissionPlan]:
        rows = await offers.plans(scope_of(info), decode_id("Brand", brand_id, "brandId"))
        return [CommissionPlan.of(row) for row in rows]

    @strawberry.field(description="Your newest campaigns, at most 100.")
    async def campaigns(self, info: Info) -> list[Campaign]:
        return [Campaign.of(row) for row in await reads.campaigns(scope_of(info), 100)]

    @strawberry.field(
        description="Your performance, from committed data up to this moment (A30, A31)."
    )
    async def performance_report(
        self, info: Info, input: PerformanceReportInput
    ) -> PerformanceReport:
        specification = input.specification(selected_metrics(info))
        return PerformanceReport(named=await load_report(scope_of(info), specification))


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Open a session. Public.")
    async def login(self, info: Info, input: LoginInput) -> LoginPayload:
        return await log_in(info, Audience.PARTNER, input)

    @strawberry.mutation(description="End the session of this request.")
    async def logout(self, info: Info) -> LogoutPayload:
        return await log_out(info)

    @strawberry.mutation(
        description="Create a campaign for one brand and one commission plan (A02)."
    )
    async def create_campaign(
        self, info: Info, input: CreateCampaignInput
    ) -> CreateCampaignPayload:
        scope = scope_of(info)
        try:
            new = commands.NewCampaign(
                input.name,
                decode_optional_id("Brand", input.brand_id, "brandId"),
                decode_optional_id("CommissionPlan", input.plan_id, "planId"),
            )
            return CreateCampaignPayload(
                campaign=Campaign.of(await commands.create_campaign(scope, new))
            )
        except DomainError as error:
            return CreateCampaignPayload(user_errors=[user_error(error)])

    @strawberry.mutation(description="Add a promo, with its tracking link, to a campaign (A07).")
    async def create_promo(self, info: Info, input: CreatePromoInput) -> CreatePromoPayload:
        scope = scope_of(info)
        try:
            new = commands.NewPromo(
                decode_id("Campaign", input.campaign_id, "campaignId"),
                input.title,
                decode_optional_id("Landing", input.landing_id, "landingId"),
                decode_optional_id("TrafficSource", input.traffic_source_id, "trafficSourceId"),
            )
            return CreatePromoPayload(promo=Promo.of(await commands.create_promo(scope, new)))
        except DomainError as error:
            return CreatePromoPayload(user_errors=[user_error(error)])

    @strawberry.mutation(
        description="Create a postback for the account, a campaign or a promo (A13)."
    )
    async def create_postback(
        self, info: Info, input: CreatePostbackInput
    ) -> CreatePostbackPayload:
        scope = scope_of(info)
        try:
            new = NewPostback(
                Action(_value(input.action)),
                input.url,
                decode_optional_id("Campaign", input.campaign_id, "campaignId"),
                decode_optional_id("Promo", input.promo_id, "promoId"),
            )
            return CreatePostbackPayload(postback=Postback.of(await create_postback(scope, new)))
        except DomainError as error:
            return CreatePostbackPayload(user_errors=[user_error(error)])


schema = strawberry.Schema(
    query=Query, mutation=Mutation, config=schema_config(), extensions=[ErrorPresentation]
)
