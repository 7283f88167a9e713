from decimal import Decimal

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app.infra.encoding import dumps_text, loads
from app.infra.migrations import AddColumn

_FORWARD = """
ALTER TABLE activities
    ADD COLUMN event_id bigint,
    ADD COLUMN uncounted jsonb NOT NULL DEFAULT '{}';
ALTER TABLE brands
    ADD COLUMN complete_through timestamptz;
ALTER TABLE conversions
    ADD COLUMN event_id bigint,
    ADD COLUMN refund_of bigint;
ALTER TABLE hourly_rollups
    ADD COLUMN refunds_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN refunds_sum numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN duplicated_players_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN self_excluded_players_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN disabled_players_count numeric(38,18) NOT NULL DEFAULT 0;
ALTER TABLE player_rollups
    ADD COLUMN refunds_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN refunds_sum numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN duplicated_players_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN self_excluded_players_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN disabled_players_count numeric(38,18) NOT NULL DEFAULT 0;
ALTER TABLE daily_rollups
    ADD COLUMN disabled_players_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN duplicated_players_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN refunds_count numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN refunds_sum numeric(38,18) NOT NULL DEFAULT 0,
    ADD COLUMN self_excluded_players_count numeric(38,18) NOT NULL DEFAULT 0;
ALTER TABLE first_deposits
    ADD COLUMN event_id bigint,
    ADD COLUMN claim_id bigint;
CREATE INDEX player_flags_recording_id ON player_flags (recording_id);
CREATE INDEX player_flags_superseded_by ON player_flags (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX brand_events_deposits ON brand_events (player_id, occurred_at) WHERE type = 'deposit' AND NOT voided;
CREATE INDEX held_items_held ON held_items (brand_id, user_id, id) WHERE state = 'held';

CREATE TRIGGER player_flags_no_rewrite BEFORE UPDATE ON player_flags
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_fact();
CREATE TRIGGER player_flags_no_delete BEFORE DELETE ON player_flags
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a brand said stays as it said it; only what holds of it at present moves.
CREATE FUNCTION refuse_rewriting_brand_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.recording_id, NEW.brand_id, NEW.event_id, NEW.type, NEW.content, NEW.player_id, NEW.ref_id)
        IS DISTINCT FROM (OLD.id, OLD.recording_id, OLD.brand_id, OLD.event_id, OLD.type, OLD.content,
                          OLD.player_id, OLD.ref_id)
        OR (OLD.voided AND NOT NEW.voided)
    THEN
        RAISE EXCEPTION 'brand_events is append-only: what the brand sent never changes';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER brand_events_no_rewrite BEFORE UPDATE ON brand_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_brand_event();
CREATE TRIGGER brand_events_no_delete BEFORE DELETE ON brand_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""

_BACKWARD = """
ALTER TABLE activities
    DROP COLUMN event_id,
    DROP COLUMN uncounted;
ALTER TABLE brands
    DROP COLUMN complete_through;
ALTER TABLE conversions
    DROP COLUMN event_id,
    DROP COLUMN refund_of;
ALTER TABLE hourly_rollups
    DROP COLUMN refunds_count,
    DROP COLUMN refunds_sum,
    DROP COLUMN duplicated_players_count,
    DROP COLUMN self_excluded_players_count,
    DROP COLUMN disabled_players_count;
ALTER TABLE player_rollups
    DROP COLUMN refunds_count,
    DROP COLUMN refunds_sum,
    DROP COLUMN duplicated_players_count,
    DROP COLUMN self_excluded_players_count,
    DROP COLUMN disabled_players_count;
ALTER TABLE daily_rollups
    DROP COLUMN disabled_players_count,
    DROP COLUMN duplicated_players_count,
    DROP COLUMN refunds_count,
    DROP COLUMN refunds_sum,
    DROP COLUMN self_excluded_players_count;
ALTER TABLE first_deposits
    DROP COLUMN event_id,
    DROP COLUMN claim_id;
DROP TRIGGER brand_events_no_delete ON brand_events;
DROP TRIGGER brand_events_no_rewrite ON brand_events;
DROP FUNCTION refuse_rewriting_brand_event;
DROP TRIGGER player_flags_no_delete ON player_flags;
DROP TRIGGER player_flags_no_rewrite ON player_flags;
"""


class Migration(migrations.Migration):
    dependencies = [("tributary", "0007_figure_changes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BrandEvent",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("recording_id", fields.BigIntField()),
                ("brand_id", fields.BigIntField()),
                ("event_id", fields.CharField(max_length=200)),
                ("type", fields.CharField(max_length=16)),
                ("content", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("player_id", fields.BigIntField(null=True)),
                ("ref_id", fields.BigIntField(null=True)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("amount", fields.DecimalField(null=True, max_digits=38, decimal_places=18)),
                ("currency", fields.CharField(null=True, max_length=8)),
                ("revision", fields.BigIntField(null=True)),
                ("voided", fields.BooleanField(default=False)),
                ("fact_id", fields.BigIntField(null=True)),
                ("fact_day", fields.DateField(null=True)),
                ("promo_id", fields.BigIntField(null=True)),
            ],
            options={
                "table": "brand_events",
                "app": "tributary",
                "unique_together": (("brand_id", "event_id"),),
                "indexes": [Index(fields=["ref_id"], name="brand_events_ref_id")],
                "pk_attr": "id",
                "table_description": "A single event of a brand, taken once by its id; what counts of it is a fact (W3).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="FirstDepositClaim",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("brand_id", fields.BigIntField()),
                ("player_id", fields.BigIntField()),
                ("period_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("period_to", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("currency", fields.CharField(max_length=8)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("first_deposit_sum", fields.DecimalField(max_digits=38, decimal_places=18)),
                ("recording_id", fields.BigIntField()),
                ("promo_id", fields.BigIntField()),
            ],
            options={
                "table": "first_deposit_claims",
                "app": "tributary",
                "unique_together": (("player_id", "period_from", "period_to", "currency"),),
                "pk_attr": "id",
                "table_description": "What the present report of an interval says of a player's first deposit: a candidate, not a fact (M05).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="HeldItem",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("brand_id", fields.BigIntField()),
                ("door", fields.CharField(max_length=16)),
                ("user_id", fields.CharField(null=True, max_length=200)),
                ("visit_id", fields.BigIntField(null=True)),
                ("natural_key", fields.CharField(max_length=500)),
                ("content", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("person", fields.BinaryField(null=True)),
                (
                    "period_from",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("period_to", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("received_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("held_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("state", fields.CharField(default="held", max_length=16)),
                (
                    "resolved_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("error", fields.CharField(null=True, max_length=32)),
                ("message", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "held_items",
                "app": "tributary",
                "indexes": [Index(fields=["brand_id", "id"], name="held_items_brand_id")],
                "pk_attr": "id",
                "table_description": "An item of a brand that waits for a visit which a click journal still has, or for such an item (W3).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="MetricSource",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("brand_id", fields.BigIntField()),
                ("metric", fields.CharField(max_length=64)),
                ("source", fields.CharField(max_length=16)),
                ("from_day", fields.DateField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "metric_sources",
                "app": "tributary",
                "unique_together": (("brand_id", "metric", "from_day"),),
                "pk_attr": "id",
                "table_description": "From which business day on a brand's metric counts what activity or what events say.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PlayerFlag",
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
                ("flag", fields.CharField(max_length=16)),
                ("raised", fields.BooleanField()),
                ("step", fields.IntField()),
                ("event_id", fields.BigIntField(null=True)),
            ],
            options={
                "table": "player_flags",
                "app": "tributary",
                "indexes": [Index(fields=["player_id", "flag"], name="player_flags_player_id")],
                "pk_attr": "id",
                "table_description": "A flag of a player that was raised or taken back, from a moment on (M06).",
            },
            bases=["Fact"],
        ),
        ops.CreateModel(
            name="PlayerMove",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("brand_id", fields.BigIntField()),
                ("player_id", fields.BigIntField()),
                ("from_promo_id", fields.BigIntField()),
                ("to_promo_id", fields.BigIntField()),
                ("effective_day", fields.DateField()),
                ("reason", fields.CharField(max_length=500)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("applied_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "player_moves",
                "app": "tributary",
                "unique_together": (("player_id", "effective_day"),),
                "pk_attr": "id",
                "table_description": "An operator's decision that a player belongs to another promo from a business day on (M03).",
            },
            bases=["TenantModel"],
        ),
        AddColumn(
            model_name="Activity",
            name="event_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="Activity",
            name="uncounted",
            field=fields.JSONField(default=dict, db_default={}, encoder=dumps_text, decoder=loads),
        ),
        AddColumn(
            model_name="Brand",
            name="complete_through",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AlterModelOptions(
            name="Conversion",
            options={
                "table": "conversions",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "A single sale or lead with its transaction id; or money given back of a sale.",
            },
        ),
        AddColumn(
            model_name="Conversion",
            name="event_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="Conversion",
            name="refund_of",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="HourlyRollup",
            name="refunds_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="HourlyRollup",
            name="refunds_sum",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="HourlyRollup",
            name="duplicated_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="HourlyRollup",
            name="self_excluded_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="HourlyRollup",
            name="disabled_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="PlayerRollup",
            name="refunds_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="PlayerRollup",
            name="refunds_sum",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="PlayerRollup",
            name="duplicated_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="PlayerRollup",
            name="self_excluded_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="PlayerRollup",
            name="disabled_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="DailyRollup",
            name="disabled_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="DailyRollup",
            name="duplicated_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="DailyRollup",
            name="refunds_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="DailyRollup",
            name="refunds_sum",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="DailyRollup",
            name="self_excluded_players_count",
            field=fields.DecimalField(
                default=Decimal("0"), db_default=Decimal("0"), max_digits=38, decimal_places=18
            ),
        ),
        AddColumn(
            model_name="FirstDeposit",
            name="event_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="FirstDeposit",
            name="claim_id",
            field=fields.BigIntField(null=True),
        ),
        ops.RunSQL(_FORWARD, _BACKWARD),
    ]
