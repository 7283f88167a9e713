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
    # GET | POST (A19)
    method = text(4, default="GET", db_default="GET")
    # drop | empty | literal: what becomes of a variable without a value (A15)
    unresolved = text(8, default="drop", db_default="drop")
    # active | disabled | deleted
    state = text(16, default="active")
    # partner | operator | system: who disabled it; what an operator disabled, only an operator enables.
    disabled_by = text(16, null=True)
    state_reason = text(500, null=True)
    created_at = fields.DatetimeField()
    # Since when it has been called as it is now, by the machine's clock; None: since it was created.
    active_since = fields.DatetimeField(null=True)
    # Of the first failed call since the last good one, by the tenant's clock (A19).
    failing_since = fields.DatetimeField(null=True)
    # When it was last told that fewer were sent than expected (X07).
    drift_alarmed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "postbacks"


class PostbackDelivery(TenantModel):
    """One rendered URL to call for one event: unique, so that planning twice sends once."""

    partner_column = "partner_id"
    brand_column = "brand_id"

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
    method = text(4, default="GET", db_default="GET")
    # Whom it calls: limits and fairness are by host.
    host = text(255, default="", db_default="")
    # What the event was about, for the log's filters; no foreign keys, the log outlives what it tells of.
    brand_id = fields.BigIntField(null=True)
    campaign_id = fields.BigIntField(null=True)
    promo_id = fields.BigIntField(null=True)
    # Deliveries of one postback and player keep their order where possible (A19).
    player_id = fields.BigIntField(null=True)
    # pending | delivered | failed | cancelled
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
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    # None: a test (A18).
    delivery = reference("PostbackDelivery", null=True)
    delivery_id: int | None
    partner = reference("Partner")
    partner_id: int
    # Copied from the delivery, so that the log is one table that tells what was sent then.
    postback_id = fields.BigIntField(null=True)
    event_id = fields.BigIntField(null=True)
    brand_id = fields.BigIntField(null=True)
    campaign_id = fields.BigIntField(null=True)
    promo_id = fields.BigIntField(null=True)
    action = text(32, default="", db_default="")
    method = text(4, default="GET", db_default="GET")
    url = text(8000, default="", db_default="")
    is_test = fields.BooleanField(default=False, db_default=False)
    sent_at = fields.DatetimeField()
    duration_ms = fields.IntField()
    # None when no answer came; then `error` says why. With a code, it says why the body is not whole.
    response_code = fields.IntField(null=True)
    response_body = text(1000, null=True)
    error = text(300, null=True)

    class Meta:
        table = "postback_attempts"
        indexes = (
            Index(fields=("delivery_id",), name="postback_attempts_delivery_id"),
            Index(fields=("partner_id", "id"), name="postback_attempts_partner_id"),
        )


class PostbackDuplicate(TenantModel):
    """A postback that would have called the very URL of another one for the same event, and did not (A13)."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    postback = reference("Postback", db_index=True)
    postback_id: int
    event_id = fields.BigIntField()
    # What was sent instead.
    delivery = reference("PostbackDelivery", db_index=True)
    delivery_id: int

    class Meta:
        table = "postback_duplicates"
        unique_together = (("event_id", "postback"),)


class PostbackHorizon(TenantModel):
    """From when on the postbacks log is complete; no row while nothing has left it. A single row."""

    operators_only = True

    id = fields.SmallIntField(primary_key=True, generated=False)
    # By the machine's clock.
    complete_from = fields.DatetimeField()

    class Meta:
        table = "postback_horizons"


class SeenTag(TenantModel):
    """A parameter that a link of the partner has carried at least once: what its postbacks can use (A16)."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    name = text(64)
    first_seen_at = fields.DatetimeField()

    class Meta:
        table = "seen_tags"
        unique_together = (("partner", "name"),)
