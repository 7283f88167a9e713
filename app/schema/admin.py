"""The admin schema: what operators and advertisers use."""

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
from app.schema.parts.banners import BannerMutations, StaffBannerQueries
from app.schema.parts.brands import BrandMutations, BrandQueries
from app.schema.parts.events import EventQueries
from app.schema.parts.exchange_rates import ExchangeRateMutations, ExchangeRateQueries
from app.schema.parts.figure_changes import StaffFigureChangeQueries
from app.schema.parts.intake import IntakeMutations, IntakeQueries
from app.schema.parts.offer import OfferMutations, OfferQueries
from app.schema.parts.operator_campaigns import OperatorCampaignMutations, OperatorCampaignQueries
from app.schema.parts.operator_postbacks import (
    OperatorPostbackMutations,
    OperatorPostbackQueries,
)
from app.schema.parts.plans import PlanMutations, PlanVersionMutations, StaffPlanQueries
from app.schema.parts.players import PlayerMutations, PlayerQueries
from app.schema.parts.postback_workbench import OperatorWorkbenchMutations, OperatorWorkbenchQueries
from app.schema.parts.staff import StaffMutations, StaffQueries
from app.schema.parts.staff_programme import StaffProgrammeMutations, StaffProgrammeQueries
from app.schema.ticks import ticks_field
from app.schema.types.document import Document
from app.schema.types.offer import Brand, BrandFilterInput
from app.schema.types.operator_affiliation import Affiliation
from app.schema.types.operator_report import OperatorPerformanceReport, OperatorReportInput
from app.schema.types.partner import Partner
from app.schema.types.report import REPORT_COST, selected_metrics
from app.schema.types.session import LoginInput, LoginPayload, log_in
from app.schema.types.users import Preferences, StaffRoleType, preferences_of


@strawberry.type(description="The signed-in operator or advertiser.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    email: str = strawberry.field(description="Such as operator@demo.test.")
    name: str = strawberry.field(description="Such as Olga Operator.")
    role: StaffRoleType = strawberry.field(description="What this user may do.")
    preferences: Preferences = strawberry.field(description="Your own preferences (A65).")


@strawberry.type(description="What operators read.")
class Query(
    AccessQueries,
    StaffQueries,
    EventQueries,
    StaffFigureChangeQueries,
    StaffBannerQueries,
    BrandQueries,
    ExchangeRateQueries,
    IntakeQueries,
    OfferQueries,
    OperatorCampaignQueries,
    OperatorPostbackQueries,
    OperatorWorkbenchQueries,
    PlayerQueries,
    StaffPlanQueries,
    StaffProgrammeQueries,
):
    node = node_field(
        (
            NodeKind(models.Partner, Partner),
            NodeKind(models.Affiliation, Affiliation),
            NodeKind(models.Document, Document),
        )
    )

    brands = connection(
        Brand, offers.brands, offers.OfferOrder, BrandFilterInput, "The brands within your limits."
    )

    @query(Access.SIGNED_IN, "Who is signed in.")
    async def me(self, info: Info[Any, Any]) -> Viewer:
        user = user_of(info)
        person = await context_of(info).loaders.person(user.subject_id)
        return Viewer(
            id=encode_id("OperatorUser", user.id),
            email=str(person.get("email", "")),
            name=str(person.get("name", "")),
            role=StaffRoleType(user.role),
            preferences=preferences_of(user),
        )

    @query(
        permission_of(run_report),
        "Performance of all partners, from committed data up to this moment (A30).",
        cost=REPORT_COST,
    )
    async def performance_report(
        self, info: Info[Any, Any], input: OperatorReportInput
    ) -> OperatorPerformanceReport:
        specification = input.specification(selected_metrics(info))
        return OperatorPerformanceReport(named=await load_report(scope_of(info), specification))


@strawberry.type(description="What operators change.")
class Mutation(
    AccessMutations,
    StaffMutations,
    BannerMutations,
    BrandMutations,
    ExchangeRateMutations,
    IntakeMutations,
    OfferMutations,
    OperatorCampaignMutations,
    OperatorWorkbenchMutations,
    OperatorPostbackMutations,
    PlanMutations,
    PlanVersionMutations,
    PlayerMutations,
    StaffProgrammeMutations,
):
    @mutation(Access.PUBLIC, "Open a session.")
    async def login(self, info: Info[Any, Any], input: LoginInput) -> LoginPayload:
        return await log_in(info, Audience.STAFF, input)


@strawberry.type(description="What operators follow live.")
class Subscription:
    ticks = ticks_field()


schema = assemble(Query, Mutation, Subscription, types=())
