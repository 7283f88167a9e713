"""The core words: every table of the first release. Partitioned tables are written in SQL at the end."""

import datetime
from decimal import Decimal

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app.infra.encoding import dumps_text, loads
from app.infra.migrations import CreatePartitionedModel

_FACT_COLUMNS = """
    recording_id bigint NOT NULL,
    superseded_by bigint,
    occurred_at timestamptz NOT NULL,
    business_day date NOT NULL,
    brand_id bigint NOT NULL,
    partner_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    promo_id bigint NOT NULL,
    player_id bigint,
    country varchar(2) NOT NULL,
    currency varchar(8) NOT NULL,
"""


def _fact_table(table: str, columns: str) -> str:
    """A table of facts, partitioned by month of the business day; what fits no month goes to the default."""
    return f"""
CREATE SEQUENCE {table}_id_seq;
CREATE TABLE {table} (
    id bigint NOT NULL DEFAULT nextval('{table}_id_seq'),
    {_FACT_COLUMNS}
    {columns}
    PRIMARY KEY (business_day, id)
) PARTITION BY RANGE (business_day);
ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id;
CREATE INDEX {table}_recording_id ON {table} (recording_id);
CREATE INDEX {table}_superseded_by ON {table} (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX {table}_player_id ON {table} (player_id);
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT;
"""


_METRIC = "numeric(38,18) NOT NULL DEFAULT 0"

_PARTITIONED_TABLES = (
    _fact_table("registrations", "")
    + _fact_table("first_deposits", "first_deposit_sum numeric(38,18) NOT NULL,")
    + _fact_table(
        "activities",
        f"""
    period_from timestamptz NOT NULL,
    period_to timestamptz NOT NULL,
    revision bigint,
    deposits_count {_METRIC},
    deposits_sum {_METRIC},
    cashouts_count {_METRIC},
    cashouts_sum {_METRIC},
    chargebacks_count {_METRIC},
    chargebacks_sum {_METRIC},
    bonus_issues_sum {_METRIC},
    casino_bets_count {_METRIC},
    casino_total_bets_sum {_METRIC},
    casino_total_wins_sum {_METRIC},
    casino_balance_corrections_sum {_METRIC},
    additional_deductions_sum {_METRIC},
    casino_taxes_sum {_METRIC},
    payment_system_fees_sum {_METRIC},
    game_provider_fees_sum {_METRIC},
    jackpot_fees_sum {_METRIC},
    sb_bets_sum {_METRIC},
    sb_settled_bets_sum {_METRIC},
    sb_total_wins_sum {_METRIC},
    sb_total_cancelled_bets_sum {_METRIC},
    sb_bonuses_sum {_METRIC},
    sb_balance_corrections_sum {_METRIC},
    sb_third_party_fees_sum {_METRIC},
    poker_rounds_count {_METRIC},
    poker_bets_sum {_METRIC},
    poker_rake_sum {_METRIC},
    poker_bonuses_sum {_METRIC},
    poker_balance_corrections_sum {_METRIC},
    poker_third_party_fees_sum {_METRIC},
""",
    )
    + _fact_table(
        "conversions",
        """
    kind varchar(8) NOT NULL,
    transaction_id varchar(200) NOT NULL,
    amount numeric(38,18) NOT NULL,
    description varchar(500),
    visit_id bigint,
    attributed_by varchar(16) NOT NULL DEFAULT 'stag',
    losing_candidates jsonb NOT NULL DEFAULT '[]',
""",
    )
    + """
CREATE INDEX conversions_transaction ON conversions (brand_id, kind, transaction_id);

CREATE TABLE visits (
    id bigint PRIMARY KEY,
    recording_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    business_day date NOT NULL,
    promo_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    brand_id bigint NOT NULL,
    partner_id bigint NOT NULL,
    attributable_until timestamptz NOT NULL,
    fingerprint bigint NOT NULL,
    visitor_id bigint,
    country varchar(2) NOT NULL,
    device varchar(16) NOT NULL,
    language varchar(16),
    network varchar(45),
    ad_type varchar(16),
    banner_id bigint,
    uncounted_reason varchar(16),
    referrer varchar(1000),
    user_agent varchar(500),
    destination varchar(8000) NOT NULL,
    tags jsonb NOT NULL,
    corrupted boolean NOT NULL DEFAULT false
) PARTITION BY RANGE (id);
CREATE INDEX visits_recording_id ON visits (recording_id);
CREATE INDEX visits_visitor_id ON visits (visitor_id, id) WHERE visitor_id IS NOT NULL;
CREATE TABLE visits_default PARTITION OF visits DEFAULT;
CREATE SEQUENCE visit_nodes MINVALUE 0 MAXVALUE 1023 CYCLE;

CREATE TABLE fallback_visits (
    id bigint PRIMARY KEY,
    recording_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    code varchar(200) NOT NULL,
    reason varchar(16) NOT NULL,
    promo_id bigint,
    brand_id bigint,
    partner_id bigint,
    country varchar(2) NOT NULL,
    device varchar(16) NOT NULL,
    referrer varchar(1000),
    user_agent varchar(500)
) PARTITION BY RANGE (id);
CREATE INDEX fallback_visits_recording_id ON fallback_visits (recording_id);
CREATE INDEX fallback_visits_promo_id ON fallback_visits (promo_id, id) WHERE promo_id IS NOT NULL;
CREATE TABLE fallback_visits_default PARTITION OF fallback_visits DEFAULT;

CREATE TABLE unique_visits (
    visit_id bigint NOT NULL,
    recording_id bigint NOT NULL,
    business_day date NOT NULL,
    promo_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    brand_id bigint NOT NULL,
    partner_id bigint NOT NULL,
    fingerprint bigint NOT NULL,
    country varchar(2) NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (business_day, promo_id, fingerprint)
) PARTITION BY RANGE (business_day);
CREATE INDEX unique_visits_recording_id ON unique_visits (recording_id);
CREATE TABLE unique_visits_default PARTITION OF unique_visits DEFAULT;

CREATE TABLE duplicate_visits (
    visit_id bigint NOT NULL,
    recording_id bigint NOT NULL,
    business_day date NOT NULL,
    promo_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    brand_id bigint NOT NULL,
    partner_id bigint NOT NULL,
    country varchar(2) NOT NULL,
    PRIMARY KEY (business_day, visit_id)
) PARTITION BY RANGE (business_day);
CREATE INDEX duplicate_visits_recording_id ON duplicate_visits (recording_id);
CREATE TABLE duplicate_visits_default PARTITION OF duplicate_visits DEFAULT;

CREATE TABLE visit_addresses (
    visit_id bigint PRIMARY KEY,
    ip varchar(45) NOT NULL
) PARTITION BY RANGE (visit_id);
CREATE TABLE visit_addresses_default PARTITION OF visit_addresses DEFAULT;
"""
)

_DROP_PARTITIONED_TABLES = """
DROP TABLE registrations, first_deposits, activities, conversions, visits, visit_addresses,
    fallback_visits, unique_visits, duplicate_visits;
DROP SEQUENCE visit_nodes;
"""


class Migration(migrations.Migration):
    initial = True

    operations = [
        CreatePartitionedModel(
            name="Activity",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("superseded_by", fields.BigIntField(null=True)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("business_day", fields.DateField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("promo_id", fields.BigIntField()),
                ("player_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("currency", fields.CharField(max_length=8)),
                ("period_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("period_to", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revision", fields.BigIntField(null=True)),
                (
                    "deposits_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "deposits_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "cashouts_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "cashouts_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "chargebacks_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "chargebacks_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "bonus_issues_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_bets_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_total_bets_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_total_wins_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_balance_corrections_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "additional_deductions_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_taxes_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "payment_system_fees_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "game_provider_fees_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "jackpot_fees_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_bets_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_settled_bets_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_total_wins_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_total_cancelled_bets_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_bonuses_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_balance_corrections_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sb_third_party_fees_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "poker_rounds_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "poker_bets_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "poker_rake_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "poker_bonuses_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "poker_balance_corrections_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "poker_third_party_fees_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
            ],
            options={
                "table": "activities",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "What a player did in an interval, as reported by the brand. Natural key: brand, user, from, to, currency.",
            },
            bases=["Fact"],
        ),
        ops.CreateModel(
            name="AttemptCounter",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("kind", fields.CharField(max_length=32)),
                ("key", fields.CharField(max_length=80)),
                ("window_start", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("count", fields.IntField()),
            ],
            options={
                "table": "attempt_counters",
                "app": "tributary",
                "unique_together": (("kind", "key", "window_start"),),
                "pk_attr": "id",
                "table_description": "Failed attempts of one kind by one key (an address, a link) in one window of time.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Brand",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("slug", fields.CharField(unique=True, max_length=100)),
                ("name", fields.CharField(max_length=200)),
                ("category", fields.CharField(max_length=64)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("main_url", fields.CharField(max_length=2000)),
                ("sort_order", fields.IntField(default=0)),
                ("countries", fields.JSONField(default=list, encoder=dumps_text, decoder=loads)),
                ("domains", fields.JSONField(default=list, encoder=dumps_text, decoder=loads)),
                (
                    "redirect_arguments",
                    fields.JSONField(default=list, encoder=dumps_text, decoder=loads),
                ),
                ("ignored_ips", fields.JSONField(default=list, encoder=dumps_text, decoder=loads)),
                ("time_zone", fields.CharField(max_length=64)),
                ("currency", fields.CharField(max_length=8)),
                ("cookie_days", fields.IntField(default=30)),
                ("stag_parameter", fields.CharField(default="stag", max_length=64)),
                ("server_last_click", fields.BooleanField(default=False)),
                ("coupon_first", fields.BooleanField(default=False)),
                ("approval_days", fields.IntField(default=30)),
                (
                    "default_sale_percent",
                    fields.DecimalField(null=True, max_digits=38, decimal_places=18),
                ),
                (
                    "default_lead_amount",
                    fields.DecimalField(null=True, max_digits=38, decimal_places=18),
                ),
                ("prepaid", fields.BooleanField(default=False)),
                (
                    "funding_balance",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                ("sandbox", fields.BooleanField(default=False)),
                ("clock_offset", fields.TimeDeltaField(default=datetime.timedelta(seconds=0.0))),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "brands",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "What is promoted; the network API calls it a program.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Banner",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("language", fields.CharField(null=True, max_length=16)),
                ("tags", fields.JSONField(default=list, encoder=dumps_text, decoder=loads)),
                ("format", fields.CharField(max_length=8)),
                ("width", fields.IntField()),
                ("height", fields.IntField()),
                ("animated", fields.BooleanField(default=False)),
                ("size", fields.IntField()),
                ("sha256", fields.CharField(max_length=64)),
                ("storage_key", fields.CharField(max_length=200)),
                ("private", fields.BooleanField(default=False)),
                ("sort_order", fields.IntField(default=0)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "banners",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A picture that a promo may use. What is known of it was read from the file itself.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="BrandChange",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("field", fields.CharField(max_length=32)),
                ("before", fields.CharField(null=True, max_length=64)),
                ("after", fields.CharField(null=True, max_length=64)),
                ("announced_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("effective_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("applied_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "cancelled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "brand_changes",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "An announced change of a brand's cookie life, approval time or default rates; it takes effect after a notice.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="BrandFunding",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("currency", fields.CharField(max_length=8)),
                ("balance", fields.DecimalField(max_digits=38, decimal_places=18)),
                ("amount", fields.DecimalField(max_digits=38, decimal_places=18)),
                ("comment", fields.CharField(max_length=500)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "brand_fundings",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "One immutable line of a prepaid brand's balance, in the brand's currency.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="BrandKey",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("key", fields.CharField(unique=True, max_length=64)),
                ("secret", fields.BinaryField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "brand_keys",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "An intake key of a brand; several may be active, so that they can rotate (W3).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="BrandSuspension",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("reason", fields.CharField(max_length=500)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "brand_suspensions",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A time in which a brand was suspended; the last 30 days of them make its downtime.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="CommissionPlan",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("is_default", fields.BooleanField(default=False)),
                ("description", fields.CharField(default="", max_length=2000)),
                ("sort_order", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "commission_plans",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "An executable deal of one brand; report columns call it a strategy.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Contact",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("position", fields.CharField(max_length=200)),
                ("email", fields.CharField(null=True, max_length=254)),
                ("phone", fields.CharField(null=True, max_length=50)),
                ("messenger", fields.CharField(null=True, max_length=200)),
                ("sort_order", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "contacts",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "Whom partners may write to, for a brand or for the whole programme (A69).",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="Conversion",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("superseded_by", fields.BigIntField(null=True)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("business_day", fields.DateField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("promo_id", fields.BigIntField()),
                ("player_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("currency", fields.CharField(max_length=8)),
                ("kind", fields.CharField(max_length=8)),
                ("transaction_id", fields.CharField(max_length=200)),
                ("amount", fields.DecimalField(max_digits=38, decimal_places=18)),
                ("description", fields.CharField(null=True, max_length=500)),
                ("visit_id", fields.BigIntField(null=True)),
                ("attributed_by", fields.CharField(default="stag", max_length=16)),
                (
                    "losing_candidates",
                    fields.JSONField(default=list, encoder=dumps_text, decoder=loads),
                ),
            ],
            options={
                "table": "conversions",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A single sale or lead with its transaction id.",
            },
            bases=["Fact"],
        ),
        ops.CreateModel(
            name="DailyRollup",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("business_day", fields.DateField()),
                ("promo_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("country", fields.CharField(max_length=2)),
                ("currency", fields.CharField(max_length=8)),
                ("campaign_id", fields.BigIntField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                (
                    "visits_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "unique_visits_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "registrations_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "first_deposits_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "first_deposits_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "deposits_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "deposits_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "cashouts_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "cashouts_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "chargebacks_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "chargebacks_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "bonus_issues_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_bets_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_total_bets_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_total_wins_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "casino_balance_corrections_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "additional_deductions_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "casino_taxes_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "payment_system_fees_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "game_provider_fees_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "jackpot_fees_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_bets_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_settled_bets_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_total_wins_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_total_cancelled_bets_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_bonuses_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_balance_corrections_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sb_third_party_fees_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "poker_rounds_count",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "poker_bets_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "poker_rake_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "poker_bonuses_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "poker_balance_corrections_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "poker_third_party_fees_sum",
                    fields.DecimalField(
                        default=Decimal("0"),
                        db_default=Decimal("0"),
                        max_digits=38,
                        decimal_places=18,
                    ),
                ),
                (
                    "sales_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "sales_sum",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
                (
                    "leads_count",
                    fields.DecimalField(default=Decimal("0"), max_digits=38, decimal_places=18),
                ),
            ],
            options={
                "table": "daily_rollups",
                "app": "tributary",
                "unique_together": (
                    ("business_day", "promo_id", "plan_id", "country", "currency"),
                ),
                "pk_attr": "id",
                "table_description": "Additive metrics by day, promo, country and currency.",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="DuplicateVisit",
            fields=[
                (
                    "visit_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("business_day", fields.DateField()),
                ("promo_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("country", fields.CharField(max_length=2)),
            ],
            options={
                "table": "duplicate_visits",
                "app": "tributary",
                "pk_attr": "visit_id",
                "table_description": "A visit that repeats another one of its promo and fingerprint within two seconds; partitioned by month (M04).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="FactChange",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("brand_id", fields.BigIntField()),
                ("fact", fields.CharField(max_length=32)),
                ("before_id", fields.BigIntField()),
                ("after_id", fields.BigIntField(null=True)),
                ("reason", fields.CharField(max_length=200)),
                ("delta", fields.JSONField(encoder=dumps_text, decoder=loads)),
            ],
            options={
                "table": "fact_changes",
                "app": "tributary",
                "indexes": [Index(fields=["recording_id"], name="fact_changes_recording_id")],
                "pk_attr": "id",
                "table_description": "A correction of a fact: who replaced which row, why, and by how much each metric changed.",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="FallbackVisit",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("code", fields.CharField(max_length=200)),
                ("reason", fields.CharField(max_length=16)),
                ("promo_id", fields.BigIntField(null=True)),
                ("brand_id", fields.BigIntField(null=True)),
                ("partner_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("device", fields.CharField(max_length=16)),
                ("referrer", fields.CharField(null=True, max_length=1000)),
                ("user_agent", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "fallback_visits",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A click that was sent to the fallback: an unknown code, or a link that a state stops.",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="FirstDeposit",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("superseded_by", fields.BigIntField(null=True)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("business_day", fields.DateField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("promo_id", fields.BigIntField()),
                ("player_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("currency", fields.CharField(max_length=8)),
                ("first_deposit_sum", fields.DecimalField(max_digits=38, decimal_places=18)),
            ],
            options={
                "table": "first_deposits",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A player's first deposit; a late, earlier one supersedes it (M05).",
            },
            bases=["Fact"],
        ),
        ops.CreateModel(
            name="Landing",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("url", fields.CharField(max_length=2000)),
                ("audience", fields.CharField(default="players", max_length=16)),
                ("countries", fields.JSONField(default=list, encoder=dumps_text, decoder=loads)),
                ("language", fields.CharField(null=True, max_length=16)),
                ("sort_order", fields.IntField(default=0)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "landings",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A page of the brand that a promo can lead to.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="NewsArticle",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("body", fields.TextField(unique=False)),
                (
                    "published_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "news_articles",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A piece of news for the partners of a brand, or of the whole programme (A69).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Partner",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("name", fields.CharField(max_length=200)),
                ("state", fields.CharField(max_length=16)),
                ("currency", fields.CharField(max_length=8)),
                ("time_zone", fields.CharField(default="UTC", max_length=64)),
                ("sandbox", fields.BooleanField(default=False)),
                ("clock_offset", fields.TimeDeltaField(default=datetime.timedelta(seconds=0.0))),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="parent_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("parent_promo_id", fields.BigIntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partners",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "An affiliate account: a company or a person.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Affiliation",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("state", fields.CharField(max_length=16)),
                ("terms_version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "affiliations",
                "app": "tributary",
                "unique_together": (("partner", "brand"),),
                "pk_attr": "id",
                "table_description": "A partner's relation to a brand; the network API calls it an affrequest.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="BannerPartner",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "banner",
                    fields.ForeignKeyField(
                        "tributary.Banner",
                        source_field="banner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "banner_partners",
                "app": "tributary",
                "unique_together": (("banner", "partner"),),
                "pk_attr": "id",
                "table_description": "Gives a private banner to a partner.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Campaign",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "tributary.CommissionPlan",
                        source_field="plan_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("state_reason", fields.CharField(null=True, max_length=500)),
                (
                    "archived_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "campaigns",
                "app": "tributary",
                "indexes": [Index(fields=["partner_id", "id"], name="campaigns_partner_id")],
                "pk_attr": "id",
                "table_description": "A partner's container for one brand and one commission plan.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="CampaignPlanMove",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "campaign",
                    fields.ForeignKeyField(
                        "tributary.Campaign",
                        source_field="campaign_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "from_plan",
                    fields.ForeignKeyField(
                        "tributary.CommissionPlan",
                        source_field="from_plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "to_plan",
                    fields.ForeignKeyField(
                        "tributary.CommissionPlan",
                        source_field="to_plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("effective_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("existing_players", fields.CharField(max_length=8)),
                ("carried", fields.CharField(max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("applied_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "cancelled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "campaign_plan_moves",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A campaign's move to another plan from a moment on, at the start of a business day (O02, M1B).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PlanAssignment",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "tributary.CommissionPlan",
                        source_field="plan_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "plan_assignments",
                "app": "tributary",
                "unique_together": (("partner", "plan"),),
                "pk_attr": "id",
                "table_description": "Makes a plan that is not a default available to one partner.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PlanVersion",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "plan",
                    fields.ForeignKeyField(
                        "tributary.CommissionPlan",
                        source_field="plan_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.IntField()),
                ("currency", fields.CharField(max_length=8)),
                ("terms", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("valid_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "published_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "plan_versions",
                "app": "tributary",
                "unique_together": (("plan", "number"),),
                "pk_attr": "id",
                "table_description": "One version of a plan. A trigger refuses to change it once it is published (decision 3).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Promotion",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("description", fields.CharField(max_length=4000)),
                ("url", fields.CharField(max_length=2000)),
                ("coupon", fields.CharField(null=True, max_length=64)),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("sort_order", fields.IntField(default=0)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "promotions",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A brand's dated offer or coupon, for partners to tell of.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Recording",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("position", fields.BigIntField(null=True, unique=True)),
                ("known_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "recordings",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "One committed transaction that wrote facts or events. The sequencer gives it its place.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "recording",
                    fields.ForeignKeyField(
                        "tributary.Recording",
                        source_field="recording_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("n", fields.IntField()),
                ("type", fields.CharField(max_length=64)),
                ("subject_type", fields.CharField(max_length=32)),
                ("subject_id", fields.BigIntField(null=True)),
                ("actor_type", fields.CharField(max_length=16)),
                ("actor_id", fields.BigIntField(null=True)),
                ("partner_id", fields.BigIntField(null=True)),
                ("brand_id", fields.BigIntField(null=True)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("data", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("request_id", fields.CharField(null=True, max_length=64)),
                ("session_id", fields.BigIntField(null=True)),
                ("ip", fields.CharField(null=True, max_length=45)),
            ],
            options={
                "table": "events",
                "app": "tributary",
                "unique_together": (("recording", "n"),),
                "indexes": [Index(fields=["partner_id", "id"], name="events_partner_id")],
                "pk_attr": "id",
                "table_description": "One line of the log: what happened, who did it, to what (A68).",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="Registration",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("superseded_by", fields.BigIntField(null=True)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("business_day", fields.DateField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("promo_id", fields.BigIntField()),
                ("player_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("currency", fields.CharField(max_length=8)),
            ],
            options={
                "table": "registrations",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A player signed up.",
            },
            bases=["Fact"],
        ),
        ops.CreateModel(
            name="RelayPosition",
            fields=[
                (
                    "reader",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("position", fields.BigIntField()),
            ],
            options={
                "table": "relay_positions",
                "app": "tributary",
                "pk_attr": "reader",
                "table_description": "How far one reader of the log has come.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="RollupPosition",
            fields=[
                (
                    "rollup",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("position", fields.BigIntField()),
            ],
            options={
                "table": "rollup_positions",
                "app": "tributary",
                "pk_attr": "rollup",
                "table_description": "Up to which position of the log a rollup has folded the facts.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="SequenceHead",
            fields=[
                (
                    "id",
                    fields.SmallIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("position", fields.BigIntField()),
                ("known_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sequence_heads",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "The last position given. A single row.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Subject",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("key", fields.BinaryField(null=True)),
                ("data", fields.BinaryField(null=True)),
                ("erased_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "subjects",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A person, for personal data: everything about them is encrypted under their own key (A6A).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="TermsVersion",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("number", fields.IntField()),
                ("body", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "published_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "effective_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "terms_versions",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "One version of the terms of the programme or of a brand; a published one never changes (A69, X04).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="TrafficSource",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("name", fields.CharField(unique=True, max_length=100)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("sort_order", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "traffic_sources",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A way of reaching visitors (SEO, social media, e-mail …) that a promo may state once (A04).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="BrandTrafficSource",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "traffic_source",
                    fields.ForeignKeyField(
                        "tributary.TrafficSource",
                        source_field="traffic_source_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("policy", fields.CharField(max_length=8)),
            ],
            options={
                "table": "brand_traffic_sources",
                "app": "tributary",
                "unique_together": (("brand", "traffic_source"),),
                "pk_attr": "id",
                "table_description": "What a brand thinks of a traffic source: without a row, maybe. `no` refuses the promo.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Promo",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "campaign",
                    fields.ForeignKeyField(
                        "tributary.Campaign",
                        source_field="campaign_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "landing",
                    fields.ForeignKeyField(
                        "tributary.Landing",
                        source_field="landing_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "traffic_source",
                    fields.ForeignKeyField(
                        "tributary.TrafficSource",
                        source_field="traffic_source_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("title", fields.CharField(max_length=200)),
                (
                    "banner",
                    fields.ForeignKeyField(
                        "tributary.Banner",
                        source_field="banner_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("network", fields.BooleanField(default=False, db_default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "promos",
                "app": "tributary",
                "indexes": [Index(fields=["partner_id", "id"], name="promos_partner_id")],
                "pk_attr": "id",
                "table_description": "One tracking link inside a campaign.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Coupon",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "promo",
                    fields.ForeignKeyField(
                        "tributary.Promo",
                        source_field="promo_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code", fields.CharField(max_length=64)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "coupons",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A coupon or bonus code that is bound to a promo: whoever uses it came by that promo (M02).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Player",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "brand",
                    fields.ForeignKeyField(
                        "tributary.Brand",
                        source_field="brand_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("user_id", fields.CharField(max_length=200)),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "campaign",
                    fields.ForeignKeyField(
                        "tributary.Campaign",
                        source_field="campaign_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "promo",
                    fields.ForeignKeyField(
                        "tributary.Promo",
                        source_field="promo_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "subject",
                    fields.ForeignKeyField(
                        "tributary.Subject",
                        source_field="subject_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("visit_id", fields.BigIntField(null=True)),
                (
                    "attributed_by",
                    fields.CharField(default="stag", db_default="stag", max_length=16),
                ),
                (
                    "losing_candidates",
                    fields.JSONField(
                        default=list, db_default=[], encoder=dumps_text, decoder=loads
                    ),
                ),
                ("country", fields.CharField(max_length=2)),
                ("language", fields.CharField(null=True, max_length=16)),
                ("currency", fields.CharField(max_length=8)),
                ("sign_up_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "players",
                "app": "tributary",
                "unique_together": (("brand", "user_id"),),
                "indexes": [Index(fields=["partner_id", "id"], name="players_partner_id")],
                "pk_attr": "id",
                "table_description": "A brand's customer (for shops: the customer), attributed at registration (M03).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Postback",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "campaign",
                    fields.ForeignKeyField(
                        "tributary.Campaign",
                        source_field="campaign_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "promo",
                    fields.ForeignKeyField(
                        "tributary.Promo",
                        source_field="promo_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("action", fields.CharField(max_length=32)),
                ("url", fields.CharField(max_length=4000)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "postbacks",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A callback that a partner configured for an action on the account, a campaign or a promo (A13).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PostbackDelivery",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "postback",
                    fields.ForeignKeyField(
                        "tributary.Postback",
                        source_field="postback_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "event",
                    fields.ForeignKeyField(
                        "tributary.Event",
                        source_field="event_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("action", fields.CharField(max_length=32)),
                ("url", fields.CharField(max_length=8000)),
                ("url_hash", fields.CharField(max_length=64)),
                ("state", fields.CharField(default="pending", max_length=16)),
                ("attempts", fields.IntField(default=0)),
                ("next_attempt_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "claimed_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "postback_deliveries",
                "app": "tributary",
                "unique_together": (("event", "url_hash"),),
                "pk_attr": "id",
                "table_description": "One rendered URL to call for one event: unique, so that planning twice sends once.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PostbackAttempt",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "delivery",
                    fields.ForeignKeyField(
                        "tributary.PostbackDelivery",
                        source_field="delivery_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("sent_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("duration_ms", fields.IntField()),
                ("response_code", fields.IntField(null=True)),
                ("response_body", fields.CharField(null=True, max_length=1000)),
                ("error", fields.CharField(null=True, max_length=300)),
            ],
            options={
                "table": "postback_attempts",
                "app": "tributary",
                "indexes": [
                    Index(fields=["delivery_id"], name="postback_attempts_delivery_id"),
                    Index(fields=["partner_id", "id"], name="postback_attempts_partner_id"),
                ],
                "pk_attr": "id",
                "table_description": "One call of a delivery and what came back (A20).",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="UniqueVisit",
            fields=[
                (
                    "visit_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("business_day", fields.DateField()),
                ("promo_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("fingerprint", fields.BigIntField()),
                ("country", fields.CharField(max_length=2)),
                ("last_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "unique_visits",
                "app": "tributary",
                "pk_attr": "visit_id",
                "table_description": "The first counted visit of a promo, fingerprint and business day; partitioned by month (M04).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("audience", fields.CharField(max_length=16)),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "subject",
                    fields.ForeignKeyField(
                        "tributary.Subject",
                        source_field="subject_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("email_digest", fields.CharField(unique=True, max_length=64)),
                (
                    "email_confirmed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("role", fields.CharField(max_length=24)),
                ("brand_ids", fields.JSONField(null=True, encoder=dumps_text, decoder=loads)),
                ("password_hash", fields.CharField(null=True, max_length=200)),
                ("totp_secret", fields.BinaryField(null=True)),
                ("totp_pending", fields.BinaryField(null=True)),
                ("totp_last_step", fields.BigIntField(null=True)),
                ("state", fields.CharField(default="active", max_length=16)),
                ("failed_attempts", fields.IntField(default=0)),
                ("locked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("language", fields.CharField(default="en", max_length=8)),
                ("time_zone", fields.CharField(default="UTC", max_length=64)),
                ("report_currency", fields.CharField(null=True, max_length=8)),
                (
                    "mail_preferences",
                    fields.JSONField(default=dict, encoder=dumps_text, decoder=loads),
                ),
                ("statistic_token", fields.BinaryField(null=True)),
                ("statistic_token_hash", fields.CharField(null=True, unique=True, max_length=64)),
                (
                    "last_sign_in_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "users",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "Somebody who signs in: a team member of a partner, or an operator. One identity for every door.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AccountLink",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("purpose", fields.CharField(max_length=24)),
                ("nonce", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "account_links",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A mailed link. Its token is derived from this row and the server's key, so nothing secret is stored.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=100)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("permissions", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "last_used_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "api_tokens",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A token of an integrator's script, with a part of its user's permissions.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "uploaded_by",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="uploaded_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("content_type", fields.CharField(max_length=100)),
                ("size", fields.IntField()),
                ("sha256", fields.CharField(max_length=64)),
                ("storage_key", fields.CharField(unique=True, max_length=200)),
                ("state", fields.CharField(default="pending", max_length=16)),
                ("reason", fields.CharField(null=True, max_length=500)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "reviewed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "bytes_deleted_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "documents",
                "app": "tributary",
                "indexes": [Index(fields=["partner_id", "id"], name="documents_partner_id")],
                "pk_attr": "id",
                "table_description": "A file that a partner uploaded for review (A67). The bytes are in object storage.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ExchangeRate",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("day", fields.DateField()),
                ("base", fields.CharField(max_length=8)),
                ("currency", fields.CharField(max_length=8)),
                ("rate", fields.DecimalField(max_digits=38, decimal_places=18)),
                ("source", fields.CharField(max_length=16)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="created_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "superseded_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "exchange_rates",
                "app": "tributary",
                "indexes": [Index(fields=["base", "currency", "day"], name="exchange_rates_pair")],
                "pk_attr": "id",
                "table_description": "The rate of one day. Never edited: a correction supersedes it, and what was converted keeps what it used.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Mail",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "event",
                    fields.ForeignKeyField(
                        "tributary.Event",
                        source_field="event_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("template", fields.CharField(max_length=64)),
                (
                    "link",
                    fields.ForeignKeyField(
                        "tributary.AccountLink",
                        source_field="link_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("state", fields.CharField(default="pending", max_length=16)),
                ("attempts", fields.IntField(default=0)),
                ("next_attempt_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "claimed_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("error", fields.CharField(null=True, max_length=300)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mails",
                "app": "tributary",
                "unique_together": (("event", "user", "template"),),
                "pk_attr": "id",
                "table_description": "A mail to be sent: unique per event, user and template, so that planning twice sends once (decision 6).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="NewsReading",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "article",
                    fields.ForeignKeyField(
                        "tributary.NewsArticle",
                        source_field="article_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("read_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "news_readings",
                "app": "tributary",
                "unique_together": (("user", "article"),),
                "pk_attr": "id",
                "table_description": "That a user has read an article.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PartnerNote",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "author",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="author_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("text", fields.CharField(max_length=4000)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partner_notes",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "What operators write down about a partner; partners never see it.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PartnerProfile",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "manager",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="manager_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("tags", fields.JSONField(default=list, encoder=dumps_text, decoder=loads)),
                ("terms_version", fields.IntField(null=True)),
                ("state_reason", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "partner_profiles",
                "app": "tributary",
                "unique_together": (("partner",),),
                "pk_attr": "id",
                "table_description": "What operators keep about a partner besides the account itself.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("code_hash", fields.CharField(max_length=64)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "recovery_codes",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A code that replaces the authenticator app once.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("token_hash", fields.CharField(null=True, unique=True, max_length=64)),
                ("client", fields.CharField(null=True, unique=True, max_length=32)),
                ("generation", fields.IntField(default=0)),
                (
                    "generation_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("ip", fields.CharField(null=True, max_length=45)),
                ("user_agent", fields.CharField(null=True, max_length=500)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "terminated_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "sessions",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "One sign-in. Tokens are never stored: a hash of a random one, or the generation of a derived one (N03).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="TermsAcceptance",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "tributary.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "terms",
                    fields.ForeignKeyField(
                        "tributary.TermsVersion",
                        source_field="terms_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "tributary.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("accepted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "terms_acceptances",
                "app": "tributary",
                "unique_together": (("partner", "terms"),),
                "indexes": [
                    Index(fields=["partner_id", "id"], name="terms_acceptances_partner_id")
                ],
                "pk_attr": "id",
                "table_description": "That a partner accepted a version of terms.",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="Visit",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("business_day", fields.DateField()),
                ("promo_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("attributable_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("fingerprint", fields.BigIntField()),
                ("visitor_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("device", fields.CharField(max_length=16)),
                ("language", fields.CharField(null=True, max_length=16)),
                ("network", fields.CharField(null=True, max_length=45)),
                ("ad_type", fields.CharField(null=True, max_length=16)),
                ("banner_id", fields.BigIntField(null=True)),
                ("uncounted_reason", fields.CharField(null=True, max_length=16)),
                ("referrer", fields.CharField(null=True, max_length=1000)),
                ("user_agent", fields.CharField(null=True, max_length=500)),
                ("destination", fields.CharField(max_length=8000)),
                ("tags", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("corrupted", fields.BooleanField(default=False)),
            ],
            options={
                "table": "visits",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "One recorded click. Append-only; no foreign keys, so that recording it takes no locks.",
            },
            bases=["TenantModel"],
        ),
        CreatePartitionedModel(
            name="VisitAddress",
            fields=[
                (
                    "visit_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("ip", fields.CharField(max_length=45)),
            ],
            options={
                "table": "visit_addresses",
                "app": "tributary",
                "pk_attr": "visit_id",
                "table_description": "The client address of a visit, in daily partitions that are dropped after the retention time (M04).",
            },
            bases=["TenantModel"],
        ),
        ops.RunSQL(_PARTITIONED_TABLES, _DROP_PARTITIONED_TABLES),
    ]
