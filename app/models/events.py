"""The append-only event log, and the recordings that give facts and events their order (decision 2)."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, json_object, reference, text


class Recording(TenantModel):
    """One committed transaction that wrote facts or events. The sequencer gives it its place."""

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    # Consecutive from 1 in the order in which the sequencer found it committed; None until then.
    position = fields.BigIntField(null=True, unique=True)
    # Never decreases with position: what "as known at" compares with.
    known_at = fields.DatetimeField(null=True)

    class Meta:
        table = "recordings"


class SequenceHead(TenantModel):
    """The last position given. A single row."""

    operators_only = True

    id = fields.SmallIntField(primary_key=True, generated=False)
    position = fields.BigIntField()
    known_at = fields.DatetimeField(null=True)

    class Meta:
        table = "sequence_heads"


class RelayPosition(TenantModel):
    """How far one reader of the log has come."""

    operators_only = True

    reader = text(64, primary_key=True)
    position = fields.BigIntField()

    class Meta:
        table = "relay_positions"


class Event(TenantModel):
    """One line of the log: what happened, who did it, to what (A68)."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    recording = reference("Recording")
    recording_id: int
    # The place within its recording, from 1: the log is ordered by (position, n).
    n = fields.IntField()
    # `concept.verb`, such as `campaign.created`.
    type = text(64)
    subject_type = text(32)
    subject_id = fields.BigIntField(null=True)
    # partner_user | operator_user | brand | visitor | system
    actor_type = text(16)
    actor_id = fields.BigIntField(null=True)
    # Whose event it is, where it concerns one. No foreign keys: the log outlives what it tells of.
    partner_id = fields.BigIntField(null=True)
    brand_id = fields.BigIntField(null=True)
    # Business time, by the tenant's clock.
    occurred_at = fields.DatetimeField()
    data = json_object()
    request_id = text(64, null=True)
    # From where: users through their session, which an erasure empties (A6A); brands by address.
    session_id = fields.BigIntField(null=True)
    ip = text(45, null=True)

    class Meta:
        table = "events"
        unique_together = (("recording", "n"),)
        indexes = (Index(fields=("partner_id", "id"), name="events_partner_id"),)
