"""Rollups: sums of facts up to a position of the log. Reports add what came later (decision 8)."""

from __future__ import annotations

from decimal import Decimal

from tortoise import fields

from app.models.base import TenantModel, amount, text


class DailyRollup(TenantModel):
    """Additive metrics by day, promo, country and currency."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    business_day = fields.DateField()
    promo_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    country = text(2)
    currency = text(8)
    campaign_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    visits_count = amount(default=Decimal(0))
    unique_visits_count = amount(default=Decimal(0))
    registrations_count = amount(default=Decimal(0))
    first_deposits_count = amount(default=Decimal(0))
    first_deposits_sum = amount(default=Decimal(0))
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
    casino_balance_corrections_sum = amount(default=Decimal(0), db_default=Decimal(0))
    additional_deductions_sum = amount(default=Decimal(0), db_default=Decimal(0))
    casino_taxes_sum = amount(default=Decimal(0), db_default=Decimal(0))
    payment_system_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    game_provider_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    jackpot_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_settled_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_total_wins_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_total_cancelled_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_bonuses_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_balance_corrections_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_third_party_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_rounds_count = amount(default=Decimal(0), db_default=Decimal(0))
    poker_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_rake_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_bonuses_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_balance_corrections_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_third_party_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sales_count = amount(default=Decimal(0))
    sales_sum = amount(default=Decimal(0))
    leads_count = amount(default=Decimal(0))
    refunds_count = amount(default=Decimal(0), db_default=Decimal(0))
    refunds_sum = amount(default=Decimal(0), db_default=Decimal(0))
    duplicated_players_count = amount(default=Decimal(0), db_default=Decimal(0))
    self_excluded_players_count = amount(default=Decimal(0), db_default=Decimal(0))
    disabled_players_count = amount(default=Decimal(0), db_default=Decimal(0))

    class Meta:
        table = "daily_rollups"
        unique_together = (("business_day", "promo_id", "plan_id", "country", "currency"),)


class _FineRollup(TenantModel):
    """What the rollups that tell more apart than the daily one share; partitioned by month of the business day."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    business_day = fields.DateField()
    promo_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    country = text(2)
    currency = text(8)
    campaign_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    visits_count = amount(default=Decimal(0), db_default=Decimal(0))
    unique_visits_count = amount(default=Decimal(0), db_default=Decimal(0))
    registrations_count = amount(default=Decimal(0), db_default=Decimal(0))
    first_deposits_count = amount(default=Decimal(0), db_default=Decimal(0))
    first_deposits_sum = amount(default=Decimal(0), db_default=Decimal(0))
    deposits_count = amount(default=Decimal(0), db_default=Decimal(0))
    deposits_sum = amount(default=Decimal(0), db_default=Decimal(0))
    cashouts_count = amount(default=Decimal(0), db_default=Decimal(0))
    cashouts_sum = amount(default=Decimal(0), db_default=Decimal(0))
    chargebacks_count = amount(default=Decimal(0), db_default=Decimal(0))
    chargebacks_sum = amount(default=Decimal(0), db_default=Decimal(0))
    bonus_issues_sum = amount(default=Decimal(0), db_default=Decimal(0))
    casino_bets_count = amount(default=Decimal(0), db_default=Decimal(0))
    casino_total_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    casino_total_wins_sum = amount(default=Decimal(0), db_default=Decimal(0))
    casino_balance_corrections_sum = amount(default=Decimal(0), db_default=Decimal(0))
    additional_deductions_sum = amount(default=Decimal(0), db_default=Decimal(0))
    casino_taxes_sum = amount(default=Decimal(0), db_default=Decimal(0))
    payment_system_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    game_provider_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    jackpot_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_settled_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_total_wins_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_total_cancelled_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_bonuses_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_balance_corrections_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sb_third_party_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_rounds_count = amount(default=Decimal(0), db_default=Decimal(0))
    poker_bets_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_rake_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_bonuses_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_balance_corrections_sum = amount(default=Decimal(0), db_default=Decimal(0))
    poker_third_party_fees_sum = amount(default=Decimal(0), db_default=Decimal(0))
    sales_count = amount(default=Decimal(0), db_default=Decimal(0))
    sales_sum = amount(default=Decimal(0), db_default=Decimal(0))
    leads_count = amount(default=Decimal(0), db_default=Decimal(0))
    refunds_count = amount(default=Decimal(0), db_default=Decimal(0))
    refunds_sum = amount(default=Decimal(0), db_default=Decimal(0))
    duplicated_players_count = amount(default=Decimal(0), db_default=Decimal(0))
    self_excluded_players_count = amount(default=Decimal(0), db_default=Decimal(0))
    disabled_players_count = amount(default=Decimal(0), db_default=Decimal(0))

    class Meta:
        abstract = True


class HourlyRollup(_FineRollup):
    """Additive metrics by hour in the brand's zone and device, beside the keys of the daily rollup."""

    # The beginning of the hour.
    hour = fields.DatetimeField()
    # desktop | mobile | tablet | bot | unknown
    device = text(16)

    class Meta:
        table = "hourly_rollups"


class PlayerRollup(_FineRollup):
    """Additive metrics by player, beside the keys of the daily rollup."""

    # 0: what has no player, such as visits.
    player_id = fields.BigIntField()

    class Meta:
        table = "player_rollups"


class RollupPosition(TenantModel):
    """Up to which position of the log a rollup has folded the facts."""

    operators_only = True

    rollup = text(64, primary_key=True)
    position = fields.BigIntField()

    class Meta:
        table = "rollup_positions"
