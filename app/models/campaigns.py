"""Campaigns and promos: what a partner makes of a brand's offer."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, reference, text


class Campaign(TenantModel):
    """A partner's container for one brand and one commission plan."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    brand = reference("Brand", db_index=True)
    brand_id: int
    plan = reference("CommissionPlan", db_index=True)
    plan_id: int
    name = text(200)
    # active | archived | disabled
    state = text(16, default="active")
    # Why an operator disabled it.
    state_reason = text(500, null=True)
    archived_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "campaigns"
        indexes = (Index(fields=("partner_id", "id"), name="campaigns_partner_id"),)


class Promo(TenantModel):
    """One tracking link inside a campaign."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    campaign = reference("Campaign", db_index=True)
    campaign_id: int
    # Copied from the campaign, which never changes them: the click path reads one row.
    partner = reference("Partner")
    partner_id: int
    brand = reference("Brand", db_index=True)
    brand_id: int
    landing = reference("Landing")
    landing_id: int
    traffic_source = reference("TrafficSource", null=True)
    traffic_source_id: int | None
    # The path of the tracking link.
    code = text(32, unique=True)
    title = text(200)
    # None: a direct link.
    banner = reference("Banner", null=True)
    banner_id: int | None
    # The one promo of a partner and brand that network click URLs are recorded under (W4).
    network = fields.BooleanField(default=False, db_default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "promos"
        indexes = (Index(fields=("partner_id", "id"), name="promos_partner_id"),)


class CampaignPlanMove(TenantModel):
    """A campaign's move to another plan from a moment on, at the start of a business day (O02, M1B)."""

    partner_column = "campaign__partner_id"
    brand_column = "campaign__brand_id"

    id = fields.BigIntField(primary_key=True)
    campaign = reference("Campaign", db_index=True)
    campaign_id: int
    from_plan = reference("CommissionPlan")
    from_plan_id: int
    to_plan = reference("CommissionPlan")
    to_plan_id: int
    effective_at = fields.DatetimeField()
    # move | stay: what becomes of the players that are there already.
    existing_players = text(8)
    # carry | write_off: what becomes of carried negatives.
    carried = text(16)
    created_at = fields.DatetimeField()
    applied_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "campaign_plan_moves"
