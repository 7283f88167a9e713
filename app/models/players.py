"""Players: a brand's customers, attributed once."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, json_object, reference, text


class Player(TenantModel):
    """A brand's customer (for shops: the customer), attributed at registration (M03)."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand")
    brand_id: int
    # The brand's own id of the customer; never shown to partners.
    user_id = text(200)
    partner = reference("Partner")
    partner_id: int
    campaign = reference("Campaign")
    campaign_id: int
    promo = reference("Promo", db_index=True)
    promo_id: int
    # The person, when the brand told us anything personal; partners see the player's id only (A6A).
    subject = reference("Subject", null=True)
    subject_id: int | None
    # Visits are partitioned and may be dropped one day: no foreign key. It never changes once the player has facts:
    # rollups find the device of a fact through it.
    visit_id = fields.BigIntField(null=True)
    # Which rule chose the promo: stag | coupon | last_click (M02).
    attributed_by = text(16, default="stag", db_default="stag")
    # What else the player could have been attributed to: rule, promo and visit of each.
    losing_candidates = json_object(default=list, db_default=[])
    country = text(2)
    language = text(16, null=True)
    currency = text(8)
    sign_up_at = fields.DatetimeField()
    # The brand has not told of the sign-up: it was taken from what the player did.
    sign_up_inferred = fields.BooleanField(default=False, db_default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "players"
        unique_together = (("brand", "user_id"),)
        indexes = (Index(fields=("partner_id", "id"), name="players_partner_id"),)
