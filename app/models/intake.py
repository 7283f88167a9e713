"""What brands send, as they sent it: single events, items that wait for a visit, and which source counts (W3)."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.activity import Fact
from app.models.base import TenantModel, amount, json_object, text


class BrandEvent(TenantModel):
    """A single event of a brand, taken once by its id; what counts of it is a fact (W3)."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    recording_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    # The brand's own id of the event.
    event_id = text(200)
    # registration | deposit | cashout | bet | win | bonus | fee | chargeback | sale | lead | refund | flag | void |
    # amend
    type = text(16)
    # As it was sent, in one form of writing: what a repeat is compared with.
    content = json_object()
    player_id = fields.BigIntField(null=True)
    # Of void, amend and refund: the event that it is about.
    ref_id = fields.BigIntField(null=True)
    # What holds of it at present, after amendments.
    occurred_at = fields.DatetimeField()
    amount = amount(null=True)
    currency = text(8, null=True)
    # The number of the amendment that holds; the highest wins. None: not numbered.
    revision = fields.BigIntField(null=True)
    voided = fields.BooleanField(default=False)
    # The fact that counts it, with its day, in the table of its type; None: nothing counts.
    fact_id = fields.BigIntField(null=True)
    fact_day = fields.DateField(null=True)
    # To whom it belonged when the brand said what holds of it (M03); None: it is about another event, or a flag.
    promo_id = fields.BigIntField(null=True)

    class Meta:
        table = "brand_events"
        unique_together = (("brand_id", "event_id"),)
        indexes = (
            Index(fields=("ref_id",), name="brand_events_ref_id"),
            Index(fields=("brand_id", "occurred_at"), name="brand_events_occurred_at"),
        )


class MetricSource(TenantModel):
    """From which business day on a brand's metric counts what activity or what events say."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand_id = fields.BigIntField()
    metric = text(64)
    # activity | events
    source = text(16)
    from_day = fields.DateField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "metric_sources"
        unique_together = (("brand_id", "metric", "from_day"),)


class MetricReport(TenantModel):
    """That a brand reports a metric in one of the two ways, whether it counts or not; and when it last did."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand_id = fields.BigIntField()
    metric = text(64)
    # activity | events
    source = text(16)
    # The server's time, within the hour.
    reported_at = fields.DatetimeField()

    class Meta:
        table = "metric_reports"
        unique_together = (("brand_id", "metric", "source"),)


class HeldItem(TenantModel):
    """An item of a brand that waits for a visit which a click journal still has, or for such an item (W3)."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand_id = fields.BigIntField()
    # players | activity | events
    door = text(16)
    # Items of one user are taken in their order.
    user_id = text(200, null=True)
    # The visit that it waits for; None: it stands behind another item of its user.
    visit_id = fields.BigIntField(null=True)
    # Two items with the same key are about the same thing.
    natural_key = text(500)
    content = json_object()
    # What the item tells of a person, encrypted.
    person = fields.BinaryField(null=True)
    period_from = fields.DatetimeField(null=True)
    period_to = fields.DatetimeField(null=True)
    received_at = fields.DatetimeField()
    # When it is refused if the visit has not come.
    held_until = fields.DatetimeField()
    # held | taken | rejected
    state = text(16, default="held")
    resolved_at = fields.DatetimeField(null=True)
    error = text(32, null=True)
    message = text(500, null=True)

    class Meta:
        table = "held_items"
        indexes = (Index(fields=("brand_id", "id"), name="held_items_brand_id"),)


class PlayerFlag(Fact):
    """A flag of a player that was raised or taken back, from a moment on (M06)."""

    # fraud | duplicate | self_excluded | disabled
    flag = text(16)
    raised = fields.BooleanField()
    # By how much the number of flagged players changes: 1, -1, or 0 where it says what held already.
    step = fields.IntField()
    # The brand's event that said it; None: an item of players.
    event_id = fields.BigIntField(null=True)

    class Meta:
        table = "player_flags"
        indexes = (Index(fields=("player_id", "flag"), name="player_flags_player_id"),)


class PlayerMove(TenantModel):
    """An operator's decision that a player belongs to another promo from a business day on (M03)."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand_id = fields.BigIntField()
    player_id = fields.BigIntField()
    from_promo_id = fields.BigIntField()
    to_promo_id = fields.BigIntField()
    effective_day = fields.DateField()
    reason = text(500)
    created_at = fields.DatetimeField()
    # When the player's row followed; what happens before the day stays with the earlier promo.
    applied_at = fields.DatetimeField(null=True)
    # When it was taken back before its day.
    cancelled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "player_moves"
        # A player may be moved twice on one day: then the later one holds.
        indexes = (Index(fields=("player_id", "effective_day"), name="player_moves_player_id"),)
