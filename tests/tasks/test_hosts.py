"""What a host may be called is shared by all workers (A19)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from dramatiq.brokers.redis import RedisBroker

from app.infra.redis import HEARTBEAT_SECONDS, RedisClient, RedisUnavailable
from app.settings import Settings
from app.tasks.hosts import FIRST, Hosts
from app.tasks.postbacks import DELIVER
from app.tasks.worker import send_wake_up
from tests.tasks.conftest import MakeSender, Programme
from tests.tasks.test_worker import StartWorker, arrives, clock, start_worker
from tests.tasks.tracker import AtOnce, answering, slowly

# The fixtures of the workers' own tests.
__all__ = ["clock", "start_worker"]

GROUP = "test_group"
_COUNT = "return {redis.call('ZCARD', KEYS[1])}"


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[RedisClient]:
    """A connection to this test's Redis database."""
    client = RedisClient(settings)
    yield client
    await client.close()


# The parts


async def test_a19_a_worker_that_knows_of_no_other_has_the_limits_alone() -> None:
    hosts = Hosts(concurrency=20, rate=100)
    for _ in range(3):
        hosts.begin("host")
        hosts.end("host", answered=True)
    assert hosts.first == FIRST
    assert hosts.rooms() == {"host": FIRST + 3}


@pytest.mark.parametrize(("workers", "room"), [(1, 20), (2, 10), (3, 6), (20, 1), (50, 1), (0, 20)])
async def test_a19_workers_have_equal_parts_of_the_calls_at_once_and_one_at_least(
    workers: int, room: int
) -> None:
    hosts = Hosts(concurrency=20, rate=100_000)
    for _ in range(20):
        hosts.begin("host")
        hosts.end("host", answered=True)
    assert hosts.rooms() == {"host": 20}
    hosts.share(workers)
    assert hosts.rooms() == {"host": room}


async def test_a19_a_part_of_less_than_a_call_a_second_is_still_called() -> None:
    hosts = Hosts(concurrency=20, rate=1)
    hosts.share(10)
    assert hosts.first == 1
    hosts.begin("host")
    hosts.end("host", answered=True)
    assert hosts.rooms() == {"host": 0}
    assert hosts.opens_in() == pytest.approx(10, abs=0.5)
    hosts.share(1)
    assert hosts.opens_in() == pytest.approx(1, abs=0.5)


async def test_a19_two_senders_together_call_a_host_no_more_at_once_than_one_may(
    programme: Programme, make_sender: MakeSender
) -> None:
    senders = [make_sender(postback_host_concurrency=4) for _ in range(2)]
    at_once = AtOnce()
    programme.tracker.answer = at_once.counted(slowly(0.02, answering(200)))
    await programme.add_postback()
    await programme.owe(40)
    for sender in senders:
        sender.share(2)

    attempts = await asyncio.gather(*(sender.deliver("wake-up") for sender in senders))

    assert sum(attempts) == 40
    assert at_once.most <= 4


# Who is there


async def test_members_are_counted_once_each_until_they_leave(redis: RedisClient) -> None:
    assert await redis.join(GROUP, "first") == 1
    assert await redis.join(GROUP, "second") == 2
    assert await redis.join(GROUP, "first") == 2
    await redis.leave(GROUP, "second")
    assert await redis.join(GROUP, "first") == 1


async def test_a_member_that_does_not_come_back_is_forgotten(
    redis: RedisClient, settings: Settings
) -> None:
    await redis.join(GROUP, "dead")
    # As if it had come for the last time long ago.
    await redis.run_script(
        "return {redis.call('ZADD', KEYS[1], 1, ARGV[1])}", f"tributary:group:{GROUP}", "dead"
    )
    assert await redis.join(GROUP, "alive") == 1


async def test_without_redis_nobody_is_counted(settings: Settings) -> None:
    away = RedisClient(settings.model_copy(update={"redis_url": "unix:///nowhere/valkey.sock"}))
    for call in (away.join, away.leave):
        with pytest.raises(RedisUnavailable):
            await call(GROUP, "me")
    await away.close()


async def test_a19_two_workers_together_call_a_host_no_faster_than_one_may(
    programme: Programme, broker: RedisBroker, start_worker: StartWorker, redis: RedisClient
) -> None:
    await programme.add_postback()
    await programme.owe(80)
    for _ in range(2):
        start_worker(TRIBUTARY_POSTBACK_HOST_RATE="20")
    for _ in range(600):
        if await redis.run_script(_COUNT, "tributary:group:postback_senders") == [2]:
            break
        await asyncio.sleep(0.1)
    # The first one hears of the second at its next heartbeat.
    await asyncio.sleep(HEARTBEAT_SECONDS + 1)
    began = time.monotonic()
    while len(programme.tracker.received) < 80 and time.monotonic() < began + 60:
        send_wake_up(broker, DELIVER)
        await asyncio.sleep(0.2)

    assert await arrives(programme.tracker, 80)
    # Twenty at once, and then twenty a second: two that did not share would need one second.
    assert time.monotonic() - began >= 2.5
