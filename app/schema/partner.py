"""The partner schema: what partners and their team members use."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.accounts.users import Audience
from app.domain.brands import offers
from app.domain.reports.run import run_report
from app.resolvers.reports import load_report
from app.schema.assemble import assemble
from app.schema.connections import connection
from app.schema.context import context_of, scope_of, user_of
from app.schema.fields import Access, mutation, permission_of, query
from app.schema.ids import encode_id
from app.schema.node import NodeKind, node_field
from app.schema.parts.access import AccessMutations, AccessQueries
from app.schema.parts.banners import BannerQueries
from app.schema.parts.brands import BrandChangeQueries
from app.schema.parts.campaigns import CampaignMutations, CampaignQueries
from app.schema.parts.events import EventQueries
from app.schema.parts.figure_changes import FigureChangeQueries
from app.schema.parts.offer import PartnerOfferQueries
from app.schema.parts.operator_campaigns import CouponQueries, PlanMoveQueries
from app.schema.parts.partner_account import PartnerAccountMutations, PartnerAccountQueries
from app.schema.parts.plans import PlanQueries
from app.schema.parts.postback_workbench import WorkbenchMutations, WorkbenchQueries
from app.schema.parts.postbacks import PostbackMutations, PostbackQueries
from app.schema.parts.programme_news import ProgrammeMutations, ProgrammeQueries
from app.schema.ticks import ticks_field
from app.schema.types.affiliation import Affiliation
from app.schema.types.campaign import Campaign, Promo
from app.schema.types.document import Document
from app.schema.types.offer import (
    Brand,
    BrandFilterInput,
    Landing,
    LandingFilterInput,
    TrafficSource,
    TrafficSourceFilterInput,
)
from app.schema.types.report import (
    REPORT_COST,
    PerformanceReport,
    PerformanceReportInput,
    selected_metrics,
)
from app.schema.types.session import LoginInput, LoginPayload, log_in
from app.schema.types.users import PartnerRoleType, PartnerUser, Preferences, preferences_of


@strawberry.type(description="The signed-in team member.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    email: str = strawberry.field(description="Such as partner@demo.test.")
    name: str = strawberry.field(description="Such as Paula Partner.")
    role: PartnerRoleType = strawberry.field(description="What this user may do.")
    partner_name: str = strawberry.field(description="The partner account, such as Review Hub.")
    preferences: Preferences = strawberry.field(description="Your own preferences (A65).")


@strawberry.type(description="What partners read.")
class Query(
    AccessQueries,
    PartnerAccountQueries,
    CampaignQueries,
    EventQueries,
    FigureChangeQueries,
    BannerQueries,
    BrandChangeQueries,
    PartnerOfferQueries,
    PlanMoveQueries,
    CouponQueries,
    PlanQueries,
    PostbackQueries,
    WorkbenchQueries,
    ProgrammeQueries,
):
    node = node_field(
        (
            NodeKind(models.Brand, Brand),
            NodeKind(models.Landing, Landing),
            NodeKind(models.TrafficSource, TrafficSource),
            NodeKind(models.Campaign, Campaign),
            NodeKind(models.Promo, Promo),
            NodeKind(models.User, PartnerUser),
            NodeKind(models.Affiliation, Affiliation),
            NodeKind(models.Document, Document),
        )
    )

    brands = connection(
        Brand,
        offers.brands,
        offers.OfferOrder,
        BrandFilterInput,
        "Brands that you may promote: those with an accepted affiliation.",
    )
    landings = connection(
        Landing,
        offers.landings,
        offers.OfferOrder,
        LandingFilterInput,
        "Pages that promos can lead to.",
    )
    traffic_sources = connection(
        TrafficSource,
        offers.traffic_sources,
        offers.OfferOrder,
        TrafficSourceFilterInput,
        "Traffic sources that a promo can state (A04).",
    )

    @query(Access.SIGNED_IN, "Who is signed in.")
    async def me(self, info: Info[Any, Any]) -> Viewer:
        user = user_of(info)
        person = await context_of(info).loaders.person(user.subject_id)
        return Viewer(
            id=encode_id("PartnerUser", user.id),
            email=str(person.get("email", "")),
            name=str(person.get("name", "")),
            role=PartnerRoleType(user.role),
            partner_name=user.partner_name or "",
            preferences=preferences_of(user),
        )

    @query(
        permission_of(run_report),
        "Your performance, from committed data up to this moment (A30, A31).",
        cost=REPORT_COST,
    )
    async def performance_report(
        self, info: Info[Any, Any], input: PerformanceReportInput
    ) -> PerformanceReport:
        specification = input.specification(selected_metrics(info))
        return PerformanceReport(named=await load_report(scope_of(info), specification))


@strawberry.type(description="What partners change.")
class Mutation(
    AccessMutations,
    PartnerAccountMutations,
    CampaignMutations,
    WorkbenchMutations,
    PostbackMutations,
    ProgrammeMutations,
):
    @mutation(Access.PUBLIC, "Open a session.")
    async def login(self, info: Info[Any, Any], input: LoginInput) -> LoginPayload:
        return await log_in(info, Audience.PARTNER, input)


@strawberry.type(description="What partners follow live.")
class Subscription:
    ticks = ticks_field()


schema = assemble(Query, Mutation, Subscription, types=())
