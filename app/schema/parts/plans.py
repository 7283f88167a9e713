"""Commission plans at the roots: what both schemas read, and what operators do (A09, O01)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info
from strawberry.utils.str_converters import to_camel_case

from app import models
from app.domain.brands.offers import OfferOrder
from app.domain.plans import commands, reads
from app.domain.plans import versions as version_commands
from app.domain.plans.reading import InvalidTerms
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.errors import UserError
from app.schema.fields import mutation, permission_of, query
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.partner import Partner
from app.schema.types.plan import (
    CommissionPlan,
    CommissionPlanFilterInput,
    PlanVersion,
    PlanVersionFilterInput,
)
from app.schema.types.plan_terms_input import PlanTermsInput, document_of
from app.schema.types.users import DonePayload


def _errors() -> Any:
    return strawberry.field(default_factory=list, description="Empty on success.")


@strawberry.type(description="A plan that was opened to a partner.")
class PlanAssignment(Node):
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.PlanAssignment]

    @strawberry.field(description="The plan.")
    async def plan(self, info: Info[Any, Any]) -> CommissionPlan | None:
        row = await context_of(info).loaders.one(models.CommissionPlan, self.row.plan_id)
        return CommissionPlan.of(row) if row else None

    @strawberry.field(description="Who may use it.")
    async def partner(self, info: Info[Any, Any]) -> Partner | None:
        row = await context_of(info).loaders.one(models.Partner, self.row.partner_id)
        return Partner.of(row) if row else None

    @classmethod
    def of(cls, row: models.PlanAssignment) -> PlanAssignment:
        """From the model."""
        return cls(id=encode_id("PlanAssignment", row.id), created_at=row.created_at, row=row)


@strawberry.input(description="Which assignments of plans.")
class PlanAssignmentFilterInput:
    plan_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this plan.")
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only to this partner."
    )

    def to_domain(self) -> reads.AssignmentFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.AssignmentFilter(
            decode_optional_id("CommissionPlan", self.plan_id, "planId"),
            decode_optional_id("Partner", self.partner_id, "partnerId"),
        )


@strawberry.type(description="One difference between the terms of two versions.")
class PlanChange:
    path: str = strawberry.field(
        description="Where, such as rewards.revenue_share.percent; rewards are named by their keys."
    )
    before: str | None = strawberry.field(
        description="The value before, larger ones as JSON; null: it was not there."
    )
    after: str | None = strawberry.field(
        description="The value after, larger ones as JSON; null: it is not there."
    )


@strawberry.type(description="What differs between the terms of two versions.")
class PlanDifference:
    changes: list[PlanChange] = strawberry.field(
        description="In the order of the terms; empty: nothing."
    )


@strawberry.input(description="Two versions, of one plan or of two.")
class PlanDifferenceInput:
    before_id: strawberry.ID = strawberry.field(description="A version.")
    after_id: strawberry.ID = strawberry.field(description="Another version.")


@strawberry.type(description="The plan, or why there is none.")
class CommissionPlanPayload:
    plan: CommissionPlan | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="The version, or every mistake in its terms.")
class PlanVersionPayload:
    version: PlanVersion | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A plan.")
class CommissionPlanInput:
    plan_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="A new plan, without terms yet.")
class CreateCommissionPlanInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    name: str = strawberry.field(description="At most 200 characters, such as Revenue share 30%.")
    description: str = strawberry.field(default="", description="At most 2,000 characters.")


@strawberry.input(description="What to change of a plan; what is left out stays.")
class EditCommissionPlanInput:
    plan_id: strawberry.ID = strawberry.field(description="Within your limits.")
    name: str | None = strawberry.field(default=None, description="At most 200 characters.")
    description: str | None = strawberry.field(
        default=None, description="At most 2,000 characters."
    )


@strawberry.input(description="A plan and partners.")
class PlanPartnersInput:
    plan_id: strawberry.ID = strawberry.field(description="Within your limits.")
    partner_ids: list[strawberry.ID] = strawberry.field(description="1 to 500, within your limits.")


@strawberry.input(description="The order of a brand's plans.")
class SortCommissionPlansInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    plan_ids: list[strawberry.ID] = strawberry.field(
        description="At most 1,000, each once: they come first, the others keep their order."
    )


@strawberry.input(description="A new version of a plan.")
class DraftPlanVersionInput:
    plan_id: strawberry.ID = strawberry.field(description="A plan without a draft.")
    terms: PlanTermsInput = strawberry.field(description="The whole deal.")


@strawberry.input(description="New terms of a draft.")
class EditPlanDraftInput:
    version_id: strawberry.ID = strawberry.field(description="A draft.")
    revision: str = strawberry.field(description="That of the draft as you have read it.")
    terms: PlanTermsInput = strawberry.field(description="The whole deal: it replaces the old one.")


@strawberry.input(description="A draft to be published for ever.")
class PublishPlanVersionInput:
    version_id: strawberry.ID = strawberry.field(description="A draft.")
    revision: str = strawberry.field(description="That of the draft as you have read it.")
    valid_from: datetime | None = strawberry.field(
        default=None,
        description="Never past, and after that of the version before it; none: at once.",
    )


@strawberry.input(description="A version of a plan.")
class PlanVersionInput:
    version_id: strawberry.ID = strawberry.field(description="A draft.")


@strawberry.type
class PlanQueries:
    commission_plans = connection(
        CommissionPlan,
        reads.plans,
        OfferOrder,
        CommissionPlanFilterInput,
        "Commission plans. For partners: those that are open to them (A02, A09).",
    )
    plan_versions = connection(
        PlanVersion,
        reads.versions,
        reads.VersionOrder,
        PlanVersionFilterInput,
        "Versions of the plans above. For partners: published ones (A09).",
    )


@strawberry.type
class StaffPlanQueries(PlanQueries):
    plan_assignments = connection(
        PlanAssignment,
        reads.assignments,
        reads.VersionOrder,
        PlanAssignmentFilterInput,
        "Which plans were opened to which partners (O01).",
    )

    @query(
        permission_of(reads.version_changes),
        "What differs between the terms of two versions (O01).",
    )
    async def plan_difference(
        self, info: Info[Any, Any], input: PlanDifferenceInput
    ) -> PlanDifference:
        before = decode_id("PlanVersion", input.before_id, "beforeId")
        after = decode_id("PlanVersion", input.after_id, "afterId")
        changes = await reads.version_changes(scope_of(info), before, after)
        return PlanDifference(
            changes=[PlanChange(path=c.path, before=c.before, after=c.after) for c in changes]
        )


@strawberry.type
class PlanMutations:
    @mutation(
        permission_of(commands.create_plan),
        "Make a plan. It is closed until it has a published version and is enabled (O01).",
    )
    async def create_commission_plan(
        self, info: Info[Any, Any], input: CreateCommissionPlanInput
    ) -> CommissionPlanPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        new = commands.NewPlan(brand_id, input.name, input.description)
        row = await commands.create_plan(scope_of(info), new)
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(permission_of(commands.edit_plan), "Rename or describe a plan (O01).")
    async def edit_commission_plan(
        self, info: Info[Any, Any], input: EditCommissionPlanInput
    ) -> CommissionPlanPayload:
        edit = commands.PlanEdit(input.name, input.description)
        row = await commands.edit_plan(scope_of(info), _plan(input.plan_id), edit)
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(permission_of(commands.set_plan_enabled), "Open a plan to new campaigns (O01).")
    async def enable_commission_plan(
        self, info: Info[Any, Any], input: CommissionPlanInput
    ) -> CommissionPlanPayload:
        row = await commands.set_plan_enabled(scope_of(info), _plan(input.plan_id), enabled=True)
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(
        permission_of(commands.set_plan_enabled),
        "Close a plan to new campaigns; those that are on it keep earning by it (O01).",
    )
    async def disable_commission_plan(
        self, info: Info[Any, Any], input: CommissionPlanInput
    ) -> CommissionPlanPayload:
        row = await commands.set_plan_enabled(scope_of(info), _plan(input.plan_id), enabled=False)
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(
        permission_of(commands.set_plan_default), "Open a plan to every partner of its brand (O01)."
    )
    async def make_commission_plan_default(
        self, info: Info[Any, Any], input: CommissionPlanInput
    ) -> CommissionPlanPayload:
        row = await commands.set_plan_default(scope_of(info), _plan(input.plan_id), default=True)
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(
        permission_of(commands.set_plan_default),
        "Open a plan only to those to whom it is assigned (O01).",
    )
    async def make_commission_plan_individual(
        self, info: Info[Any, Any], input: CommissionPlanInput
    ) -> CommissionPlanPayload:
        row = await commands.set_plan_default(scope_of(info), _plan(input.plan_id), default=False)
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(permission_of(commands.assign_plan), "Open a plan to partners (O01).")
    async def assign_commission_plan(
        self, info: Info[Any, Any], input: PlanPartnersInput
    ) -> CommissionPlanPayload:
        row = await commands.assign_plan(scope_of(info), _plan(input.plan_id), _partners(input))
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(
        permission_of(commands.unassign_plan),
        "Close a plan to new campaigns of partners; those that are on it keep earning (O01).",
    )
    async def unassign_commission_plan(
        self, info: Info[Any, Any], input: PlanPartnersInput
    ) -> CommissionPlanPayload:
        row = await commands.unassign_plan(scope_of(info), _plan(input.plan_id), _partners(input))
        return CommissionPlanPayload(plan=CommissionPlan.of(row))

    @mutation(permission_of(commands.sort_plans), "Put plans of a brand first (O01).")
    async def sort_commission_plans(
        self, info: Info[Any, Any], input: SortCommissionPlansInput
    ) -> DonePayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        wanted = [decode_id("CommissionPlan", value, "planIds") for value in input.plan_ids]
        await commands.sort_plans(scope_of(info), brand_id, wanted)
        return DonePayload(done=True)


@strawberry.type
class PlanVersionMutations:
    @mutation(
        permission_of(version_commands.draft_version),
        "Begin a new version of a plan; only operators see it until it is published (O01, M10).",
    )
    async def draft_plan_version(
        self, info: Info[Any, Any], input: DraftPlanVersionInput
    ) -> PlanVersionPayload:
        plan_id, terms = _plan(input.plan_id), document_of(input.terms)
        try:
            row = await version_commands.draft_version(scope_of(info), plan_id, terms)
        except InvalidTerms as refusal:
            return PlanVersionPayload(user_errors=_mistakes(refusal))
        return PlanVersionPayload(version=PlanVersion.of(row))

    @mutation(permission_of(version_commands.edit_draft), "Replace the terms of a draft (O01).")
    async def edit_plan_draft(
        self, info: Info[Any, Any], input: EditPlanDraftInput
    ) -> PlanVersionPayload:
        version_id, terms = _version(input.version_id), document_of(input.terms)
        try:
            row = await version_commands.edit_draft(
                scope_of(info), version_id, terms, input.revision
            )
        except InvalidTerms as refusal:
            return PlanVersionPayload(user_errors=_mistakes(refusal))
        return PlanVersionPayload(version=PlanVersion.of(row))

    @mutation(
        permission_of(version_commands.publish_version),
        "Publish a draft for ever: from then on it never changes (O01, M10).",
    )
    async def publish_plan_version(
        self, info: Info[Any, Any], input: PublishPlanVersionInput
    ) -> PlanVersionPayload:
        version_id = _version(input.version_id)
        row = await version_commands.publish_version(
            scope_of(info), version_id, input.revision, input.valid_from
        )
        return PlanVersionPayload(version=PlanVersion.of(row))

    @mutation(permission_of(version_commands.discard_draft), "Throw a draft away (O01).")
    async def discard_plan_draft(
        self, info: Info[Any, Any], input: PlanVersionInput
    ) -> CommissionPlanPayload:
        row = await version_commands.discard_draft(scope_of(info), _version(input.version_id))
        return CommissionPlanPayload(plan=CommissionPlan.of(row))


def _mistakes(refusal: InvalidTerms) -> list[UserError]:
    """Every mistake, with its path in the input's names."""
    return [
        UserError(
            code=refusal.code,
            message=message,
            field=["terms", *(to_camel_case(name) for name in path)],
        )
        for path, message in refusal.mistakes
    ]


def _plan(value: strawberry.ID) -> int:
    return decode_id("CommissionPlan", value, "planId")


def _version(value: strawberry.ID) -> int:
    return decode_id("PlanVersion", value, "versionId")


def _partners(input: PlanPartnersInput) -> list[int]:
    return [decode_id("Partner", value, "partnerIds") for value in input.partner_ids]
