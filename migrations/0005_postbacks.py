from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from app.infra.migrations import AddColumn

_FORWARD = """
ALTER TABLE postbacks
    ADD COLUMN active_since timestamptz,
    ADD COLUMN disabled_by varchar(16),
    ADD COLUMN drift_alarmed_at timestamptz,
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN method varchar(4) NOT NULL DEFAULT 'GET',
    ADD COLUMN state_reason varchar(500),
    ADD COLUMN unresolved varchar(8) NOT NULL DEFAULT 'drop';
ALTER TABLE postback_deliveries
    ADD COLUMN brand_id bigint,
    ADD COLUMN campaign_id bigint,
    ADD COLUMN host varchar(255) NOT NULL DEFAULT '',
    ADD COLUMN method varchar(4) NOT NULL DEFAULT 'GET',
    ADD COLUMN player_id bigint,
    ADD COLUMN promo_id bigint;
ALTER TABLE postback_attempts
    ADD COLUMN action varchar(32) NOT NULL DEFAULT '',
    ADD COLUMN brand_id bigint,
    ADD COLUMN campaign_id bigint,
    ADD COLUMN event_id bigint,
    ADD COLUMN is_test boolean NOT NULL DEFAULT false,
    ADD COLUMN method varchar(4) NOT NULL DEFAULT 'GET',
    ADD COLUMN postback_id bigint,
    ADD COLUMN promo_id bigint,
    ADD COLUMN url varchar(8000) NOT NULL DEFAULT '';
-- The log tells what was sent without asking the deliveries, for what was sent before as well.
UPDATE postback_attempts a SET postback_id = d.postback_id, event_id = d.event_id, action = d.action, url = d.url
FROM postback_deliveries d WHERE d.id = a.delivery_id AND a.postback_id IS NULL;
"""

_BACKWARD = """
ALTER TABLE postbacks
    DROP COLUMN active_since,
    DROP COLUMN disabled_by,
    DROP COLUMN drift_alarmed_at,
    DROP COLUMN failing_since,
    DROP COLUMN method,
    DROP COLUMN state_reason,
    DROP COLUMN unresolved;
ALTER TABLE postback_deliveries
    DROP COLUMN brand_id,
    DROP COLUMN campaign_id,
    DROP COLUMN host,
    DROP COLUMN method,
    DROP COLUMN player_id,
    DROP COLUMN promo_id;
ALTER TABLE postback_attempts
    DROP COLUMN action,
    DROP COLUMN brand_id,
    DROP COLUMN campaign_id,
    DROP COLUMN event_id,
    DROP COLUMN is_test,
    DROP COLUMN method,
    DROP COLUMN postback_id,
    DROP COLUMN promo_id,
    DROP COLUMN url;
"""


class Migration(migrations.Migration):
    dependencies = [("tributary", "0004_fine_rollups")]

    initial = False

    operations = [
        AddColumn(
            model_name="Postback",
            name="active_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        AddColumn(
            model_name="Postback",
            name="disabled_by",
            field=fields.CharField(null=True, max_length=16),
        ),
        AddColumn(
            model_name="Postback",
            name="drift_alarmed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        AddColumn(
            model_name="Postback",
            name="failing_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        AddColumn(
            model_name="Postback",
            name="method",
            field=fields.CharField(default="GET", db_default="GET", max_length=4),
        ),
        AddColumn(
            model_name="Postback",
            name="state_reason",
            field=fields.CharField(null=True, max_length=500),
        ),
        AddColumn(
            model_name="Postback",
            name="unresolved",
            field=fields.CharField(default="drop", db_default="drop", max_length=8),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="action",
            field=fields.CharField(default="", db_default="", max_length=32),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="brand_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="campaign_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="event_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="is_test",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="method",
            field=fields.CharField(default="GET", db_default="GET", max_length=4),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="postback_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="promo_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackAttempt",
            name="url",
            field=fields.CharField(default="", db_default="", max_length=8000),
        ),
        AddColumn(
            model_name="PostbackDelivery",
            name="brand_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackDelivery",
            name="campaign_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackDelivery",
            name="host",
            field=fields.CharField(default="", db_default="", max_length=255),
        ),
        AddColumn(
            model_name="PostbackDelivery",
            name="method",
            field=fields.CharField(default="GET", db_default="GET", max_length=4),
        ),
        AddColumn(
            model_name="PostbackDelivery",
            name="player_id",
            field=fields.BigIntField(null=True),
        ),
        AddColumn(
            model_name="PostbackDelivery",
            name="promo_id",
            field=fields.BigIntField(null=True),
        ),
        ops.CreateModel(
            name="PostbackDuplicate",
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
                ("event_id", fields.BigIntField()),
                (
                    "delivery",
                    fields.ForeignKeyField(
                        "tributary.PostbackDelivery",
                        source_field="delivery_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
            ],
            options={
                "table": "postback_duplicates",
                "app": "tributary",
                "unique_together": (("event_id", "postback"),),
                "pk_attr": "id",
                "table_description": "A postback that would have called the very URL of another one for the same event, and did not (A13).",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="SeenTag",
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
                ("name", fields.CharField(max_length=64)),
                ("first_seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "seen_tags",
                "app": "tributary",
                "unique_together": (("partner", "name"),),
                "pk_attr": "id",
                "table_description": "A parameter that a link of the partner has carried at least once: what its postbacks can use (A16).",
            },
            bases=["TenantModel"],
        ),
        ops.AlterField(
            model_name="PostbackAttempt",
            name="delivery",
            field=fields.ForeignKeyField(
                "tributary.PostbackDelivery",
                source_field="delivery_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.RunSQL(_FORWARD, _BACKWARD),
    ]
