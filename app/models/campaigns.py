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
    created_at = fields.DatetimeField()

    class Meta:
        table = "promos"
        indexes = (Index(fields=("partner_id", "id"), name="promos_partner_id"),)
