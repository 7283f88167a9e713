"""A worker that is killed in the middle of ten thousand deliveries (A19, decision 6)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from dramatiq.brokers.redis import RedisBroker

from app.models import Postback, PostbackDelivery
from app.tasks.postbacks import DELIVER
from app.tasks.worker import send_wake_up
from tests.tasks.conftest import Programme
from tests.tasks.test_worker import StartWorker, arrives, clock, start_worker

# The fixtures of the workers' own tests.
__all__ = ["clock", "start_worker"]

DELIVERIES = 10_000
CONCURRENCY = 40
FAST: dict[str, Any] = {
    "TRIBUTARY_POSTBACK_CONCURRENCY": str(CONCURRENCY),
    "TRIBUTARY_POSTBACK_HOST_CONCURRENCY": str(CONCURRENCY),
    "TRIBUTARY_POSTBACK_HOST_RATE": "100000",
    # A killed worker's claims end soon.
    "TRIBUTARY_POSTBACK_TIMEOUT": "1",
    "TRIBUTARY_LOG_LEVEL": "INFO",
}


async def test_a19_a_killed_worker_loses_nothing_and_repeats_only_what_was_in_flight(
    programme: Programme,
    broker: RedisBroker,
    start_worker: StartWorker,
) -> None:
    await programme.add_postback()
    for _ in range(DELIVERIES // 1_000):
        await programme.register(1_000)
        await programme.plan()
    assert await PostbackDelivery.filter(state="pending").count() == DELIVERIES
    worker = start_worker(**FAST)
    send_wake_up(broker, DELIVER)
    assert await arrives(programme.tracker, DELIVERIES // 3)
    worker.process.kill()
    worker.process.wait()

    start_worker(**FAST)
    async with asyncio.timeout(300):
        while await PostbackDelivery.filter(state="pending").exists():
            # As the scheduler does every two seconds.
            send_wake_up(broker, DELIVER)
            await asyncio.sleep(1)

    calls = Counter(call.query["event"] for call in programme.tracker.received)
    assert len(calls) == DELIVERIES
    assert await PostbackDelivery.filter(state="delivered").count() == DELIVERIES
    # In flight, and answered but not yet kept: no more than twice what a worker calls at once.
    repeated = [event for event, count in calls.items() if count > 1]
    assert len(repeated) <= 2 * CONCURRENCY
    assert max(calls.values()) <= 2
    assert await Postback.filter(failing_since__isnull=False).count() == 0
