"""The index by which a delivery finds earlier ones about its player: of all deliveries, so that no other one fits."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_OLD = (
    "postback_deliveries_order ON postback_deliveries (postback_id, player_id, id)"
    " WHERE state = 'pending' AND player_id IS NOT NULL"
)
_NEW = (
    "postback_deliveries_player ON postback_deliveries (postback_id, player_id, id)"
    " WHERE player_id IS NOT NULL"
)
_DROP_OLD = "DROP INDEX CONCURRENTLY IF EXISTS postback_deliveries_order"
_DROP_NEW = "DROP INDEX CONCURRENTLY IF EXISTS postback_deliveries_player"


class Migration(migrations.Migration):
    dependencies = [("tributary", "0010_reconcile_events")]

    initial = False

    atomic = False

    operations = [
        # What an interrupted run left behind is not valid: begin anew.
        ops.RunSQL(_DROP_NEW, "SELECT 1"),
        ops.RunSQL(f"CREATE INDEX CONCURRENTLY {_NEW}", _DROP_NEW),
        ops.RunSQL(_DROP_OLD, f"CREATE INDEX CONCURRENTLY {_OLD}"),
    ]
