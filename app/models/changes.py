"""Changes to past figures, found in the log."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, json_object, text


class FigureChange(TenantModel):
    """What a recording changed about figures that were known before, or about a day long past (X03).

    Made from facts in the order of the log: losing all of them and making them again gives the same.
    """

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    # Of the recording, with the place among its changes: the feed's order.
    position = fields.BigIntField()
    n = fields.IntField()
    known_at = fields.DatetimeField()
    # The table of the facts.
    fact = text(32)
    # corrected | added_late
    kind = text(16)
    business_day = fields.DateField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    campaign_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    promo_id = fields.BigIntField()
    player_id = fields.BigIntField(null=True)
    country = text(2)
    # ISO 4217 `XXX` for facts without money.
    currency = text(8)
    # By metric: [before, after], as decimal texts; and the names alone, to look for.
    figures = json_object()
    metrics = json_object()
    # Why, where a fact was replaced; None: it came late.
    reason = text(200, null=True)
    actor_type = text(16)
    actor_id = fields.BigIntField(null=True)
    request_id = text(64, null=True)

    class Meta:
        table = "figure_changes"
        unique_together = (("position", "n"),)
        indexes = (
            Index(fields=("partner_id", "position", "n"), name="figure_changes_partner_id"),
            Index(fields=("brand_id", "position", "n"), name="figure_changes_brand_id"),
        )
