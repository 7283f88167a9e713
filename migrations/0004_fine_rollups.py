"""Sums by hour and device, and by player: rollups for the groupings that the daily one cannot tell apart (A31)."""

from decimal import Decimal
from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from app.infra.migrations import CreatePartitionedModel

_METRICS = (
    "visits_count",
    "unique_visits_count",
    "registrations_count",
    "first_deposits_count",
    "first_deposits_sum",
    "deposits_count",
    "deposits_sum",
    "cashouts_count",
    "cashouts_sum",
    "chargebacks_count",
    "chargebacks_sum",
    "bonus_issues_sum",
    "casino_bets_count",
    "casino_total_bets_sum",
    "casino_total_wins_sum",
    "casino_balance_corrections_sum",
    "additional_deductions_sum",
    "casino_taxes_sum",
    "payment_system_fees_sum",
    "game_provider_fees_sum",
    "jackpot_fees_sum",
    "sb_bets_sum",
    "sb_settled_bets_sum",
    "sb_total_wins_sum",
    "sb_total_cancelled_bets_sum",
    "sb_bonuses_sum",
    "sb_balance_corrections_sum",
    "sb_third_party_fees_sum",
    "poker_rounds_count",
    "poker_bets_sum",
    "poker_rake_sum",
    "poker_bonuses_sum",
    "poker_balance_corrections_sum",
    "poker_third_party_fees_sum",
    "sales_count",
    "sales_sum",
    "leads_count",
)


def _table(table: str, columns: str, key: str) -> str:
    """Partitioned by month of the business day; what fits no month goes to the default."""
    metrics = "".join(f"    {name} numeric(38,18) NOT NULL DEFAULT 0,\n" for name in _METRICS)
    return f"""
CREATE SEQUENCE {table}_id_seq;
CREATE TABLE {table} (
    id bigint NOT NULL DEFAULT nextval('{table}_id_seq'),
    business_day date NOT NULL,
    promo_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    country varchar(2) NOT NULL,
    currency varchar(8) NOT NULL,
    campaign_id bigint NOT NULL,
    brand_id bigint NOT NULL,
    partner_id bigint NOT NULL,
{metrics}    {columns}
    PRIMARY KEY (business_day, promo_id, plan_id, country, currency, {key})
) PARTITION BY RANGE (business_day);
ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id;
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT;
"""


_FORWARD = _table(
    "hourly_rollups", "hour timestamptz NOT NULL,\n    device varchar(16) NOT NULL,", "hour, device"
) + _table("player_rollups", "player_id bigint NOT NULL,", "player_id")


def _amount() -> Any:
    return fields.DecimalField(
        default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
    )


def _fields(*added: tuple[str, Any]) -> list[tuple[str, Any]]:
    return [
        (
            "id",
            fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True),
        ),
        ("business_day", fields.DateField()),
        ("promo_id", fields.BigIntField()),
        ("plan_id", fields.BigIntField()),
        ("country", fields.CharField(max_length=2)),
        ("currency", fields.CharField(max_length=8)),
        ("campaign_id", fields.BigIntField()),
        ("brand_id", fields.BigIntField()),
        ("partner_id", fields.BigIntField()),
        *((name, _amount()) for name in _METRICS),
        *added,
    ]


class Migration(migrations.Migration):
    dependencies = [("tributary", "0003_intake_signatures")]

    operations = [
        CreatePartitionedModel(
            name="HourlyRollup",
            fields=_fields(
                ("hour", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("device", fields.CharField(max_length=16)),
            ),
            options={
                "table": "hourly_rollups",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "Additive metrics by hour in the brand's zone and device, beside the keys of the daily rollup.",
            },
            bases=["_FineRollup"],
        ),
        CreatePartitionedModel(
            name="PlayerRollup",
            fields=_fields(("player_id", fields.BigIntField())),
            options={
                "table": "player_rollups",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "Additive metrics by player, beside the keys of the daily rollup.",
            },
            bases=["_FineRollup"],
        ),
        ops.RunSQL(_FORWARD, "DROP TABLE hourly_rollups, player_rollups"),
    ]
