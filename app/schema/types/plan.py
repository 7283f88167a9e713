"""Commission plans and their versions in GraphQL (A09, O01)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.plans import reads
from app.domain.plans.reading import read_terms
from app.domain.plans.summary import summary
from app.domain.plans.terms import has_subaffiliate_reward
from app.domain.plans.versions import revision_of
from app.resolvers.plans import load_histories
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import CurrencyCode
from app.schema.types.offer import Brand, OfferState
from app.schema.types.plan_enums import PlanVersionState
from app.schema.types.plan_terms import PlanTerms

MOST_VERSIONS = 50


@strawberry.type(description="One version of a plan. Once published it never changes.")
class PlanVersion(Node):
    number: int = strawberry.field(description="From 1, within its plan.")
    currency: CurrencyCode = strawberry.field(description="Of every amount in it, such as EUR.")
    valid_from: datetime | None = strawberry.field(
        description="UTC; null for a draft. Which rewards it governs from then on is in the guide (M1B)."
    )
    published_at: datetime | None = strawberry.field(description="UTC; null for a draft.")
    created_at: datetime = strawberry.field(description="UTC.")
    revision: str = strawberry.field(
        description="Changes with the terms; edits of a draft name it."
    )
    row: strawberry.Private[models.PlanVersion]

    @strawberry.field(description="The whole deal.")
    def terms(self) -> PlanTerms:
        return PlanTerms.of(read_terms(self.row.terms))

    @strawberry.field(description="The whole deal in English sentences.")
    def summary(self) -> list[str]:
        return summary(read_terms(self.row.terms))

    @strawberry.field(
        description="UTC: when the next version follows; null when none is announced."
    )
    async def valid_until(self, info: Info[Any, Any]) -> datetime | None:
        dated = await self._dated(info)
        return dated.valid_until if dated else None

    @strawberry.field(description="Where it stands, by the clock of the brand.")
    async def state(self, info: Info[Any, Any]) -> PlanVersionState:
        dated = await self._dated(info)
        return PlanVersionState(dated.state.value) if dated else PlanVersionState.DRAFT

    @strawberry.field(description="Its plan.")
    async def plan(self, info: Info[Any, Any]) -> CommissionPlan | None:
        row = await context_of(info).loaders.one(models.CommissionPlan, self.row.plan_id)
        return CommissionPlan.of(row) if row else None

    async def _dated(self, info: Info[Any, Any]) -> reads.DatedVersion | None:
        history = await context_of(info).loaders.batched(load_histories, self.row.plan_id)
        return history.dated(self.row.id)

    @classmethod
    def of(cls, row: models.PlanVersion) -> PlanVersion:
        """From the model."""
        return cls(
            id=encode_id("PlanVersion", row.id),
            number=row.number,
            currency=CurrencyCode(row.currency),
            valid_from=row.valid_from if row.published_at else None,
            published_at=row.published_at,
            created_at=row.created_at,
            revision=revision_of(row.terms),
            row=row,
        )


@strawberry.type(description="An executable deal of one brand; report columns call it a strategy.")
class CommissionPlan(Node):
    name: str = strawberry.field(description="Such as Revenue share 30%.")
    description: str = strawberry.field(description="In the operator's words; may be empty.")
    is_default: bool = strawberry.field(
        description="Whether it is open to every partner of the brand; else to chosen ones."
    )
    state: OfferState = strawberry.field(description="Whether new campaigns can use it.")
    row: strawberry.Private[models.CommissionPlan]

    @strawberry.field(description="Whose deal it is.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @strawberry.field(description="The version in force; null before the first one is.")
    async def current_version(self, info: Info[Any, Any]) -> PlanVersion | None:
        current = (await self._history(info)).current
        return PlanVersion.of(current.row) if current else None

    @strawberry.field(
        description="Versions that are announced and still to come, the next one first."
    )
    async def announced_versions(self, info: Info[Any, Any]) -> list[PlanVersion]:
        announced = (await self._history(info)).announced
        return [PlanVersion.of(one.row) for one in announced[:MOST_VERSIONS]]

    @strawberry.field(
        description="Its published versions, the latest first: at most 50, all of them by `planVersions`."
    )
    async def versions(self, info: Info[Any, Any]) -> list[PlanVersion]:
        published = (await self._history(info)).versions
        return [PlanVersion.of(one.row) for one in published[:MOST_VERSIONS]]

    @strawberry.field(description="Whether the version in force pays for sub-affiliates (A05).")
    async def has_subaffiliate_reward(self, info: Info[Any, Any]) -> bool:
        current = (await self._history(info)).current
        return current is not None and has_subaffiliate_reward(current.row.terms)

    async def _history(self, info: Info[Any, Any]) -> reads.PlanHistory:
        return await context_of(info).loaders.batched(load_histories, self.row.id)

    @classmethod
    def of(cls, row: models.CommissionPlan) -> CommissionPlan:
        """From the model."""
        return cls(
            id=encode_id("CommissionPlan", row.id),
            name=row.name,
            description=row.description,
            is_default=row.is_default,
            state=OfferState(row.state),
            row=row,
        )


@strawberry.input(description="Which commission plans.")
class CommissionPlanFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )
    is_default: bool | None = strawberry.field(
        default=None, description="True: only defaults; false: only those for chosen partners."
    )
    state: OfferState | None = strawberry.field(default=None, description="Only in this state.")

    def to_domain(self) -> reads.PlanFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.PlanFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            self.name_contains,
            self.is_default,
            str(self.state.value) if self.state else None,
        )


@strawberry.input(description="Which versions of plans.")
class PlanVersionFilterInput:
    plan_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this plan.")

    def to_domain(self) -> reads.VersionFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.VersionFilter(decode_optional_id("CommissionPlan", self.plan_id, "planId"))
