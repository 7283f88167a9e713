"""Postbacks: outgoing server-to-server callbacks to partners' trackers. The rows are the queue (decision 6)."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, reference, text


class Postback(TenantModel):
    """A callback that a partner configured for an action on the account, a campaign or a promo (A13)."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner", db_index=True)
    partner_id: int
    # account: both None; campaign: the campaign; promo: the promo.
    campaign = reference("Campaign", null=True, db_index=True)
    campaign_id: int | None
    promo = reference("Promo", null=True, db_index=True)
    promo_id: int | None
    # registration | first_deposit | deposit | … | any
    action = text(32)
    url = text(4000)
    # active | disabled | deleted
    state = text(16, default="active")
    created_at = fields.DatetimeField()

    class Meta:
        table = "postbacks"


class PostbackDelivery(TenantModel):
    """One rendered URL to call for one event: unique, so that planning twice sends once."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    postback = reference("Postback", db_index=True)
    postback_id: int
    partner = reference("Partner", db_index=True)
    partner_id: int
    event = reference("Event")
    event_id: int
    action = text(32)
    url = text(8000)
    # SHA-256 of the URL, in hex: identical URLs for one event fire once (A13).
    url_hash = text(64)
    # pending | delivered | failed
    state = text(16, default="pending")
    attempts = fields.IntField(default=0)
    # By the tenant's clock.
    next_attempt_at = fields.DatetimeField()
    # A worker that claimed it and died is taken over after this time, by the machine's clock.
    claimed_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "postback_deliveries"
        unique_together = (("event", "url_hash"),)


class PostbackAttempt(TenantModel):
    """One call of a delivery and what came back (A20)."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    delivery = reference("PostbackDelivery")
    delivery_id: int
    partner = reference("Partner")
    partner_id: int
    sent_at = fields.DatetimeField()
    duration_ms = fields.IntField()
    # None when no answer came; then `error` says why.
    response_code = fields.IntField(null=True)
    response_body = text(1000, null=True)
    error = text(300, null=True)

    class Meta:
        table = "postback_attempts"
        indexes = (
            Index(fields=("delivery_id",), name="postback_attempts_delivery_id"),
            Index(fields=("partner_id", "id"), name="postback_attempts_partner_id"),
        )
