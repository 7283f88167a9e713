"""Indexes of the postbacks' queue, of their log, and of the events that a diagnosis looks for; made beside the traffic."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_FACTS = "subject_type IN ('player', 'conversion', 'commission')"
_INDEXES = {
    # Due deliveries are taken host by host, so that the backlog of one is not read for the others.
    "postback_deliveries_queue": "postback_deliveries (host, next_attempt_at, id) WHERE state = 'pending'",
    "postback_deliveries_order": (
        "postback_deliveries (postback_id, player_id, id) WHERE state = 'pending' AND player_id IS NOT NULL"
    ),
    "postback_attempts_sent": "postback_attempts (partner_id, sent_at, id)",
    "postback_attempts_sent_at": "postback_attempts (sent_at, id)",
    "events_of_facts": f"events (subject_id, subject_type) WHERE {_FACTS}",
    "events_of_visits": f"events ((data ->> 'visit_id')) WHERE {_FACTS}",
    # Sandbox partners, few of them.
    "partners_moved_clocks": "partners (clock_offset) WHERE clock_offset > 0",
}


def _made(name: str, on: str) -> list[ops.RunSQL]:
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    # What an interrupted run left behind is not valid: begin anew.
    return [
        ops.RunSQL(drop, "SELECT 1"),
        ops.RunSQL(f"CREATE INDEX CONCURRENTLY {name} ON {on}", drop),
    ]


class Migration(migrations.Migration):
    dependencies = [("tributary", "0005_postbacks")]

    initial = False

    atomic = False

    operations = [operation for name, on in _INDEXES.items() for operation in _made(name, on)]
