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
    # None: a sale or lead of a customer that the brand did not name.
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

    class Meta:
        table = "first_deposits"


class Activity(Fact):
    """What a player did in an interval, as reported by the brand. Natural key: brand, user, from, to, currency."""

    period_from = fields.DatetimeField()
    period_to = fields.DatetimeField()
    # The brand's own revision of this interval; the highest wins.
    revision = fields.BigIntField(null=True)
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
    """A single sale or lead with its transaction id."""

    # sale | lead
    kind = text(8)
    # Unique within the brand and kind.
    transaction_id = text(200)
    amount = amount()
    description = text(500, null=True)
    # The visit that it came from; None when a coupon decided.
    visit_id = fields.BigIntField(null=True)
    # Which rule chose the promo: stag | coupon | last_click; and what else it could have been (M02).
    attributed_by = text(16, default="stag")
    losing_candidates = json_object(default=list)

    class Meta:
        table = "conversions"


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
