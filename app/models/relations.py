"""Affiliations: a partner's relation to a brand."""

from __future__ import annotations

from tortoise import fields

from app.models.base import TenantModel, reference, text


class Affiliation(TenantModel):
    """A partner's relation to a brand; the network API calls it an affrequest."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    brand = reference("Brand", db_index=True)
    brand_id: int
    # pending | accepted | rejected | suspended | deleted
    state = text(16)
    # The version of the terms that the partner signed.
    terms_version = fields.IntField(default=1)
    created_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "affiliations"
        unique_together = (("partner", "brand"),)
