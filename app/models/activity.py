"""The brand's reports: registrations, activity, first deposits, conversions; and what changed about them.

All are append-only facts, partitioned by month of their business day. A correction marks the earlier row superseded
by a recording and leaves a FactChange. Each fact carries the dimensions that reports group by, as they were then.
"""

from __future__ import annotations

from decimal import Decimal

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, amount, json_object, text


class Fact(TenantModel):
    """What every fact has. The primary key of the tables is (business_day, id); id alone is unique too."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    recording_id = fields.BigIntField()
    # The recording whose correction replaced this row; None: it still holds.
    superseded_by = fields.BigIntField(null=True)
    occurred_at = fields.DatetimeField()
    business_day = fields.DateField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    campaign_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    promo_id = fields.BigIntField()
    # None: a sale or lead of a customer that the brand did not name, or of another partner's player.
    player_id = fields.BigIntField(null=True)
    country = text(2)
    # ISO 4217 `XXX` for facts without money.
    currency = text(8)

    class Meta:
        abstract = True


class Registration(Fact):
    """A player signed up."""

    class Meta:
        table = "registrations"


class FirstDeposit(Fact):
    """A player's first deposit; a late, earlier one supersedes it (M05)."""

    first_deposit_sum = amount()
    # Where it was told: the brand's event, or the claim of an interval's report.
    event_id = fields.BigIntField(null=True)
    claim_id = fields.BigIntField(null=True)

    class Meta:
        table = "first_deposits"


class Activity(Fact):
    """What a player did in an interval, as reported by the brand. Natural key: brand, user, from, to, currency."""

    period_from = fields.DatetimeField()
    period_to = fields.DatetimeField()
    # The brand's own revision of this interval; the highest wins.
    revision = fields.BigIntField(null=True)
    # The brand's single event that this is; None: a report of an interval.
    event_id = fields.BigIntField(null=True)
    # What the report told of metrics for which the brand's events count: kept, never counted (W3).
    uncounted = json_object(default=dict, db_default={})
    deposits_count = amount(default=Decimal(0))
    deposits_sum = amount(default=Decimal(0))
    cashouts_count = amount(default=Decimal(0))
    cashouts_sum = amount(default=Decimal(0))
    chargebacks_count = amount(default=Decimal(0))
    chargebacks_sum = amount(default=Decimal(0))
    bonus_issues_sum = amount(default=Decimal(0))
    casino_bets_count = amount(default=Decimal(0))
    casino_total_bets_sum = amount(default=Decimal(0))
    casino_total_wins_sum = amount(default=Decimal(0))
    casino_balance_corrections_sum = amount(default=Decimal(0))
    additional_deductions_sum = amount(default=Decimal(0))
    casino_taxes_sum = amount(default=Decimal(0))
    payment_system_fees_sum = amount(default=Decimal(0))
    game_provider_fees_sum = amount(default=Decimal(0))
    jackpot_fees_sum = amount(default=Decimal(0))
    sb_bets_sum = amount(default=Decimal(0))
    sb_settled_bets_sum = amount(default=Decimal(0))
    sb_total_wins_sum = amount(default=Decimal(0))
    sb_total_cancelled_bets_sum = amount(default=Decimal(0))
    sb_bonuses_sum = amount(default=Decimal(0))
    sb_balance_corrections_sum = amount(default=Decimal(0))
    sb_third_party_fees_sum = amount(default=Decimal(0))
    poker_rounds_count = amount(default=Decimal(0))
    poker_bets_sum = amount(default=Decimal(0))
    poker_rake_sum = amount(default=Decimal(0))
    poker_bonuses_sum = amount(default=Decimal(0))
    poker_balance_corrections_sum = amount(default=Decimal(0))
    poker_third_party_fees_sum = amount(default=Decimal(0))

    class Meta:
        table = "activities"


class Conversion(Fact):
    """A single sale or lead with its transaction id; or money given back of a sale."""

    # sale | lead | refund
    kind = text(8)
    # Unique within the brand and kind; a refund has that of its sale.
    transaction_id = text(200)
    amount = amount()
    description = text(500, null=True)
    # The visit that it came from; None when a coupon decided.
    visit_id = fields.BigIntField(null=True)
    # Which rule chose the promo: stag | coupon | last_click; and what else it could have been (M02).
    attributed_by = text(16, default="stag")
    losing_candidates = json_object(default=list)
    # The brand's event that it is, and of a refund the event of the sale.
    event_id = fields.BigIntField(null=True)
    refund_of = fields.BigIntField(null=True)

    class Meta:
        table = "conversions"


class FirstDepositClaim(TenantModel):
    """What the present report of an interval says of a player's first deposit: a candidate, not a fact (M05)."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand_id = fields.BigIntField()
    player_id = fields.BigIntField()
    # The natural key of the report, with the player.
    period_from = fields.DatetimeField()
    period_to = fields.DatetimeField()
    currency = text(8)
    occurred_at = fields.DatetimeField()
    first_deposit_sum = amount()
    # The recording that told it last: of two for one moment the newer holds.
    recording_id = fields.BigIntField()
    # To whom it belonged then (M03).
    promo_id = fields.BigIntField()

    class Meta:
        table = "first_deposit_claims"
        unique_together = (("player_id", "period_from", "period_to", "currency"),)


class FactChange(TenantModel):
    """A correction of a fact: who replaced which row, why, and by how much each metric changed."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    recording_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    # The table of the fact.
    fact = text(32)
    before_id = fields.BigIntField()
    after_id = fields.BigIntField(null=True)
    reason = text(200)
    delta = json_object()

    class Meta:
        table = "fact_changes"
        indexes = (Index(fields=("recording_id",), name="fact_changes_recording_id"),)
