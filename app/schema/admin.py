"""The admin schema: what operators and advertisers use."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.accounts.users import Audience
from app.domain.brands import offers
from app.domain.campaigns import reads
from app.domain.partners import reads as domain_partners
from app.domain.permissions import StaffRole
from app.domain.reports.run import run_report
from app.resolvers.reports import load_report
from app.schema.assemble import assemble
from app.schema.connections import connection
from app.schema.context import context_of, scope_of, user_of
from app.schema.fields import Access, mutation, permission_of, query
from app.schema.ids import encode_id
from app.schema.node import NodeKind, node_field
from app.schema.ticks import ticks_field
from app.schema.types.campaign import Campaign, CampaignFilterInput, Promo, PromoFilterInput
from app.schema.types.offer import Brand, BrandFilterInput, CommissionPlan, Landing, TrafficSource
from app.schema.types.partner import Partner, PartnerFilterInput
from app.schema.types.report import (
    REPORT_COST,
    PerformanceReport,
    PerformanceReportInput,
    selected_metrics,
)
from app.schema.types.session import LoginInput, LoginPayload, LogoutPayload, log_in, log_out


@strawberry.enum(name="StaffRole", description="What an operator user may do.")
class Role(Enum):
    OWNER = strawberry.enum_value("owner", description="Everything.")
    AFFILIATE_MANAGER = strawberry.enum_value(
        "affiliate_manager", description="Partners and their campaigns."
    )
    FINANCE = strawberry.enum_value("finance", description="Bills, balances and cash-outs.")
    CONTENT = strawberry.enum_value("content", description="Offers, banners and news.")
    SUPPORT = strawberry.enum_value("support", description="Reads, to help partners.")
    ADVERTISER = strawberry.enum_value(
        "advertiser", description="A brand's own user, limited to its brands."
    )


@strawberry.type(description="The signed-in operator or advertiser.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    email: str = strawberry.field(description="Such as operator@demo.test.")
    name: str = strawberry.field(description="Such as Olga Operator.")
    role: Role = strawberry.field(description="What this user may do.")


@strawberry.type(description="What operators read.")
class Query:
    node = node_field(
        (
            NodeKind(models.Brand, Brand),
            NodeKind(models.Landing, Landing),
            NodeKind(models.CommissionPlan, CommissionPlan),
            NodeKind(models.TrafficSource, TrafficSource),
            NodeKind(models.Campaign, Campaign),
            NodeKind(models.Promo, Promo),
            NodeKind(models.Partner, Partner),
        )
    )

    brands = connection(
        Brand, offers.brands, offers.OfferOrder, BrandFilterInput, "The brands within your limits."
    )
    partners = connection(
        Partner,
        domain_partners.partners,
        domain_partners.PartnerOrder,
        PartnerFilterInput,
        "The partners within your limits (O21).",
    )
    campaigns = connection(
        Campaign,
        reads.campaigns,
        reads.CampaignOrder,
        CampaignFilterInput,
        "Campaigns of all partners (O02).",
    )
    promos = connection(
        Promo, reads.promos, reads.PromoOrder, PromoFilterInput, "Promos of all partners (O02)."
    )

    @query(Access.SIGNED_IN, "Who is signed in.")
    async def me(self, info: Info[Any, Any]) -> Viewer:
        user = user_of(info)
        person = await context_of(info).loaders.person(user.subject_id)
        return Viewer(
            id=encode_id("User", user.id),
            email=str(person.get("email", "")),
            name=str(person.get("name", "")),
            role=Role(StaffRole(user.role).value),
        )

    @query(
        permission_of(run_report),
        "Performance of all partners, from committed data up to this moment (A30).",
        cost=REPORT_COST,
    )
    async def performance_report(
        self, info: Info[Any, Any], input: PerformanceReportInput
    ) -> PerformanceReport:
        specification = input.specification(selected_metrics(info))
        return PerformanceReport(named=await load_report(scope_of(info), specification))


@strawberry.type(description="What operators change.")
class Mutation:
    @mutation(Access.PUBLIC, "Open a session.")
    async def login(self, info: Info[Any, Any], input: LoginInput) -> LoginPayload:
        return await log_in(info, Audience.STAFF, input)

    @mutation(Access.SIGNED_IN, "End the session of this request.")
    async def logout(self, info: Info[Any, Any]) -> LogoutPayload:
        return await log_out(info)


@strawberry.type(description="What operators follow live.")
class Subscription:
    ticks = ticks_field()


schema = assemble(Query, Mutation, Subscription, types=())
