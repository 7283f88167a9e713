"""From when on the postbacks log is complete, and the index by which finished deliveries leave it."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_INDEX = (
    "postback_deliveries_finished ON postback_deliveries (next_attempt_at) WHERE state <> 'pending'"
)
_DROP = "DROP INDEX CONCURRENTLY IF EXISTS postback_deliveries_finished"


class Migration(migrations.Migration):
    dependencies = [("tributary", "0012_operators_intake")]

    initial = False

    atomic = False

    operations = [
        # What an interrupted run left behind: begin anew.
        ops.RunSQL(_DROP, "SELECT 1"),
        ops.RunSQL("DROP TABLE IF EXISTS postback_horizons", "SELECT 1"),
        ops.RunSQL(f"CREATE INDEX CONCURRENTLY {_INDEX}", _DROP),
        ops.CreateModel(
            name="PostbackHorizon",
            fields=[
                (
                    "id",
                    fields.SmallIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "complete_from",
                    fields.DatetimeField(auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "postback_horizons",
                "app": "tributary",
                "pk_attr": "id",
                "table_description": "From when on the postbacks log is complete; no row while nothing has left it. A single row.",
            },
            bases=["TenantModel"],
        ),
    ]
