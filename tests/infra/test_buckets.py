"""G11: token buckets are atomic in Redis, come back with time, and work per process while Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import inf

import pytest
import redis.asyncio

from app.infra.buckets import Bucket, Buckets, Taken
from app.infra.database import OutgoingCallInTransaction, transaction
from app.infra.redis import RedisClient
from app.settings import Settings, load_settings

# Comes back so slowly that a test does not see it.
STILL = Bucket(capacity=100, restore_rate=0.001)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[RedisClient]:
    """A process's connection to Valkey."""
    made = RedisClient(load_settings(redis_url=redis_url))
    yield made
    await made.close()


@pytest.fixture
async def away() -> AsyncIterator[RedisClient]:
    """A connection to where no Redis is."""
    made = RedisClient(load_settings(redis_url="redis://127.0.0.1:1/0"))
    yield made
    await made.close()


async def test_g11_a_bucket_is_full_at_first(client: RedisClient) -> None:
    taken = await Buckets(client, "test", STILL).take("a", 30)
    assert taken.granted
    assert taken.available == pytest.approx(70, abs=0.1)


async def test_g11_what_does_not_fit_takes_nothing(client: RedisClient) -> None:
    buckets = Buckets(client, "test", STILL)
    await buckets.take("a", 80)
    refused = await buckets.take("a", 30)
    assert (refused.granted, round(refused.available)) == (False, 20)
    assert (await buckets.take("a", 20)).granted


async def test_g11_fifty_at_once_take_no_more_than_there_is(client: RedisClient) -> None:
    buckets = Buckets(client, "test", STILL)
    taken = await asyncio.gather(*(buckets.take("a", 7) for _ in range(50)))
    assert sum(item.granted for item in taken) == 100 // 7


async def test_g11_processes_share_a_bucket(redis_url: str) -> None:
    settings = load_settings(redis_url=redis_url)
    clients = [RedisClient(settings) for _ in range(3)]
    buckets = [Buckets(client, "test", STILL) for client in clients]
    for item in buckets:
        await item.take("another", 0)
    taken = await asyncio.gather(*(buckets[i % 3].take("a", 7) for i in range(30)))
    for client in clients:
        await client.close()
    assert sum(item.granted for item in taken) == 100 // 7


async def test_g11_callers_and_kinds_have_buckets_of_their_own(client: RedisClient) -> None:
    buckets = Buckets(client, "test", STILL)
    await buckets.take("a", 100)
    assert (await buckets.take("b", 100)).granted
    assert (await Buckets(client, "other", STILL).take("a", 100)).granted


async def test_g11_a_bucket_comes_back_with_time_and_never_overflows(client: RedisClient) -> None:
    buckets = Buckets(client, "test", Bucket(capacity=100, restore_rate=500))
    await buckets.take("a", 100)
    await asyncio.sleep(0.05)
    after = await buckets.take("a", 0)
    assert 25 <= after.available < 100
    await asyncio.sleep(0.25)
    assert (await buckets.take("a", 0)).available == 100


@pytest.mark.parametrize(
    ("cost", "available", "seconds"), [(50, 20, 3.0), (50, 60, 0.0), (101, 100, inf)]
)
def test_g11_the_time_to_wait_is_what_the_rate_needs(
    cost: float, available: float, seconds: float
) -> None:
    assert Taken(False, available).wait_seconds(cost, Bucket(100, 10)) == seconds


async def test_g11_after_the_time_to_wait_it_is_granted(client: RedisClient) -> None:
    bucket = Bucket(capacity=100, restore_rate=200)
    buckets = Buckets(client, "test", bucket)
    await buckets.take("a", 95)
    refused = await buckets.take("a", 30)
    assert not refused.granted
    await asyncio.sleep(refused.wait_seconds(30, bucket) + 0.01)
    assert (await buckets.take("a", 30)).granted


async def test_g11_what_is_given_back_counts_with_the_next_take(client: RedisClient) -> None:
    buckets = Buckets(client, "test", STILL)
    await buckets.take("a", 90)
    buckets.give_back("a", 60)
    taken = await buckets.take("a", 65)
    assert taken.granted
    assert taken.available == pytest.approx(5, abs=0.1)


async def test_g11_what_is_given_back_is_kept_when_the_next_take_is_refused(
    client: RedisClient,
) -> None:
    buckets = Buckets(client, "test", STILL)
    await buckets.take("a", 90)
    buckets.give_back("a", 20)
    assert not (await buckets.take("a", 50)).granted
    assert (await buckets.take("a", 30)).granted


async def test_g11_giving_back_never_makes_more_than_a_full_bucket(client: RedisClient) -> None:
    buckets = Buckets(client, "test", STILL)
    buckets.give_back("a", 1_000)
    taken = await buckets.take("a", 10)
    assert taken.available <= 100
    assert not (await buckets.take("a", 101)).granted


async def test_g11_without_redis_each_process_counts_for_itself(away: RedisClient) -> None:
    buckets = Buckets(away, "test", STILL)
    granted = [(await buckets.take("a", 40)).granted for _ in range(3)]
    assert granted == [True, True, False]
    assert (await Buckets(away, "test", STILL).take("a", 40)).granted


async def test_g11_without_redis_a_bucket_comes_back_with_time(away: RedisClient) -> None:
    buckets = Buckets(away, "test", Bucket(capacity=100, restore_rate=500))
    await buckets.take("a", 100)
    await asyncio.sleep(0.05)
    after = await buckets.take("a", 0)
    assert 25 <= after.available <= 100


async def test_g11_a_redis_that_hangs_holds_no_request_for_long() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    silent = RedisClient(load_settings(redis_url=f"redis://127.0.0.1:{port}/0"))
    buckets = Buckets(silent, "test", STILL)
    async with asyncio.timeout(3):
        granted = [(await buckets.take("a", 20)).granted for _ in range(20)]
    await silent.close()
    server.close()
    assert granted == [True] * 5 + [False] * 15


async def test_g11_redis_is_asked_again_after_it_was_away(
    client: RedisClient, redis_url: str
) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as raw:
        # A value that the script cannot read as a bucket: the call fails like any other.
        await raw.set("tributary:bucket:test:a", "x")
        buckets = Buckets(client, "test", STILL)
        assert (await buckets.take("a", 100)).granted
        await raw.delete("tributary:bucket:test:a")
        await asyncio.sleep(2.1)
        assert (await buckets.take("a", 100)).granted
        assert await raw.exists("tributary:bucket:test:a")


async def test_g11_a_bucket_that_is_full_again_leaves_no_key(
    client: RedisClient, redis_url: str
) -> None:
    bucket = Bucket(capacity=100, restore_rate=50)
    await Buckets(client, "test", bucket).take("a", 1)
    async with redis.asyncio.Redis.from_url(redis_url) as raw:
        seconds = await raw.ttl("tributary:bucket:test:a")
    assert 0 < seconds <= 100 / 50 + 60


async def test_g11_no_bucket_is_asked_inside_a_transaction(
    database: Settings, client: RedisClient
) -> None:
    with pytest.raises(OutgoingCallInTransaction):
        async with transaction():
            await Buckets(client, "test", STILL).take("a", 1)
