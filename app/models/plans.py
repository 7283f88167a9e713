"""Commission plans, their immutable versions, and who may use them."""

from __future__ import annotations

from tortoise import fields

from app.models.base import TenantModel, json_object, reference, text


class CommissionPlan(TenantModel):
    """An executable deal of one brand; report columns call it a strategy."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    name = text(200)
    # active | disabled
    state = text(16, default="active")
    # A default plan is available to every partner of the brand.
    is_default = fields.BooleanField(default=False)
    description = text(2000, default="")
    sort_order = fields.IntField(default=0)
    created_at = fields.DatetimeField()

    class Meta:
        table = "commission_plans"


class PlanVersion(TenantModel):
    """One version of a plan. A trigger refuses to change it once it is published (decision 3)."""

    id = fields.BigIntField(primary_key=True)
    plan = reference("CommissionPlan")
    plan_id: int
    number = fields.IntField()
    currency = text(8)
    # Rewards, conditions, tiers, schedule, caps (M10, M11).
    terms = json_object()
    valid_from = fields.DatetimeField()
    published_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "plan_versions"
        unique_together = (("plan", "number"),)


class PlanAssignment(TenantModel):
    """Makes a plan that is not a default available to one partner."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    plan = reference("CommissionPlan", db_index=True)
    plan_id: int
    created_at = fields.DatetimeField()

    class Meta:
        table = "plan_assignments"
        unique_together = (("partner", "plan"),)
