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
    brand = reference("Brand", db_index=True)
    plan = reference("CommissionPlan", db_index=True)
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
    # Copied from the campaign, which never changes them: the click path reads one row.
    partner = reference("Partner")
    brand = reference("Brand", db_index=True)
    landing = reference("Landing")
    traffic_source = reference("TrafficSource", null=True)
    # The path of the tracking link.
    code = text(32, unique=True)
    title = text(200)
    created_at = fields.DatetimeField()

    class Meta:
        table = "promos"
        indexes = (Index(fields=("partner_id", "id"), name="promos_partner_id"),)
