"""The Dramatiq broker. A message is only a wake-up: rows in PostgreSQL are the queue of record (decision 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, Retries, ShutdownNotifications

from app.infra.redis import require_redis_url

if TYPE_CHECKING:
    from app.settings import Settings

# How long a worker thread waits for a message before it looks again, in milliseconds: this is the idle latency.
IDLE_MILLISECONDS = 50


def configure_broker(settings: Settings) -> RedisBroker:
    """Make the broker of this process and the actors known to it."""
    broker: RedisBroker = RedisBroker(  # type: ignore[no-untyped-call]
        url=require_redis_url(settings),
        middleware=[ShutdownNotifications(), Retries(max_retries=3), AsyncIO()],
        # A dead worker's messages come back within seconds instead of by a rare roll of the dice.
        maintenance_chance=1_000_000,
    )
    dramatiq.set_broker(broker)
    return broker
