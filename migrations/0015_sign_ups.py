"""Players whose sign-up the brand has not told yet, and held items found by what they are about (W3)."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_INDEX = "held_items_key ON held_items (brand_id, natural_key) WHERE state = 'held'"
_DROP = "DROP INDEX CONCURRENTLY IF EXISTS held_items_key"


class Migration(migrations.Migration):
    dependencies = [("tributary", "0014_rollups_by_partner")]

    initial = False

    atomic = False

    operations = [
        # What an interrupted run left behind: begin anew.
        ops.RunSQL(_DROP, "SELECT 1"),
        ops.RunSQL("ALTER TABLE players DROP COLUMN IF EXISTS sign_up_inferred", "SELECT 1"),
        ops.RunSQL(f"CREATE INDEX CONCURRENTLY {_INDEX}", _DROP),
        ops.AddField(
            model_name="Player",
            name="sign_up_inferred",
            field=fields.BooleanField(default=False, db_default=False),
        ),
    ]
