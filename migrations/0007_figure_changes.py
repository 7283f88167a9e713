"""The change feed: every change to past figures (X03)."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from app.infra.encoding import dumps_text, loads


class Migration(migrations.Migration):
    dependencies = [("tributary", "0006_postback_indexes")]

    operations = [
        ops.CreateModel(
            name="FigureChange",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("position", fields.BigIntField()),
                ("n", fields.IntField()),
                ("known_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("fact", fields.CharField(max_length=32)),
                ("kind", fields.CharField(max_length=16)),
                ("business_day", fields.DateField()),
                ("brand_id", fields.BigIntField()),
                ("partner_id", fields.BigIntField()),
                ("campaign_id", fields.BigIntField()),
                ("plan_id", fields.BigIntField()),
                ("promo_id", fields.BigIntField()),
                ("player_id", fields.BigIntField(null=True)),
                ("country", fields.CharField(max_length=2)),
                ("currency", fields.CharField(max_length=8)),
                ("figures", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("metrics", fields.JSONField(encoder=dumps_text, decoder=loads)),
                ("reason", fields.CharField(null=True, max_length=200)),
                ("actor_type", fields.CharField(max_length=16)),
                ("actor_id", fields.BigIntField(null=True)),
                ("request_id", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "figure_changes",
                "app": "tributary",
                "unique_together": (("position", "n"),),
                "indexes": [
                    Index(fields=["partner_id", "position", "n"], name="figure_changes_partner_id"),
                    Index(fields=["brand_id", "position", "n"], name="figure_changes_brand_id"),
                ],
                "pk_attr": "id",
                "table_description": "What a recording changed about figures that were known before, or about a day long past (X03).",
            },
            bases=["TenantModel"],
        ),
    ]
