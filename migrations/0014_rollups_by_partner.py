"""The index by which a partner's own part of the daily rollup is read, whatever the size of the programme."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_INDEX = "daily_rollups_partner ON daily_rollups (partner_id, business_day)"
_DROP = "DROP INDEX CONCURRENTLY IF EXISTS daily_rollups_partner"


class Migration(migrations.Migration):
    dependencies = [("tributary", "0013_postback_retention")]

    initial = False

    atomic = False

    operations = [
        # What an interrupted run left behind is not valid: begin anew.
        ops.RunSQL(_DROP, "SELECT 1"),
        ops.RunSQL(f"CREATE INDEX CONCURRENTLY {_INDEX}", _DROP),
    ]
