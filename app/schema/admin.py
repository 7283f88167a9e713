"""The admin schema: what operators and advertisers use."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.types import Info

from app import models
from app.domain import partners as domain_partners
from app.domain.accounts.sign_in import Audience
from app.domain.brands import offers
from app.resolvers.reports import load_report
from app.schema.context import scope_of, user_of
from app.schema.errors import ErrorPresentation
from app.schema.ids import encode_id
from app.schema.scalars import schema_config
from app.schema.types.offer import Brand
from app.schema.types.report import PerformanceReport, PerformanceReportInput, selected_metrics
from app.schema.types.session import LoginInput, LoginPayload, LogoutPayload, log_in, log_out


@strawberry.type(description="The signed-in operator or advertiser.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    email: str = strawberry.field(description="Such as operator@demo.test.")
    name: str = strawberry.field(description="Such as Olga Operator.")
    role: str = strawberry.field(description="Such as owner or advertiser.")


@strawberry.type(description="An affiliate account, as operators see it.")
class Partner:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="Such as Review Hub Ltd.")
    code: str = strawberry.field(description="The public code in network links.")
    state: str = strawberry.field(description="pending, active, blocked or rejected.")
    created_at: datetime = strawberry.field(description="UTC.")

    @classmethod
    def of(cls, row: models.Partner) -> Partner:
        """From the model."""
        return cls(
            id=encode_id("Partner", row.id),
            name=row.name,
            code=row.code,
            state=row.state,
            created_at=row.created_at,
        )


@strawberry.type
class Query:
    @strawberry.field(description="Who is signed in.")
    def me(self, info: Info) -> Viewer:
        user = user_of(info)
        return Viewer(
            id=encode_id("OperatorUser", user.id), email=user.email, name=user.name, role=user.role
        )

    @strawberry.field(description="The brands within your limits.")
    async def brands(self, info: Info) -> list[Brand]:
        return [Brand.of(row) for row in await offers.brands(scope_of(info))]

    @strawberry.field(description="The newest partners within your limits, at most 100.")
    async def partners(self, info: Info) -> list[Partner]:
        return [Partner.of(row) for row in await domain_partners.partners(scope_of(info), 100)]

    @strawberry.field(
        description="Performance of all partners, from committed data up to this moment."
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
        return await log_in(info, Audience.ADMIN, input)

    @strawberry.mutation(description="End the session of this request.")
    async def logout(self, info: Info) -> LogoutPayload:
        return await log_out(info)


schema = strawberry.Schema(
    query=Query, mutation=Mutation, config=schema_config(), extensions=[ErrorPresentation]
)
