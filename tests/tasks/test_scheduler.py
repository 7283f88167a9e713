"""The scheduler's ticks: each is safe to run twice, and makes good what was lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from app.domain.postbacks.deliver import RETRY_AFTER
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.infra.redis import RedisClient
from app.infra.storage import Storage
from app.models import Document, PostbackAttempt, PostbackDelivery
from app.settings import Settings
from app.tasks.postbacks import PostbackSender
from app.tasks.scheduler import Tick, repeat, ticks
from tests.domain.accounts.people import make_owner
from tests.tasks.conftest import QUEUE, Programme
from tests.tasks.tracker import answering


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[RedisClient]:
    """A connection to this test's Redis database."""
    client = RedisClient(settings)
    yield client
    await client.close()


@pytest.fixture
def schedule(database: Settings, broker: RedisBroker, redis: RedisClient) -> dict[str, Tick]:
    """The schedule, by the names of its ticks."""
    return {tick.name: tick for tick in ticks(database, broker, redis, "test")}


def queued(broker: RedisBroker) -> list[Message[None]]:
    """Take the messages that wait in the queue."""
    consumer = broker.consume(QUEUE, prefetch=10, timeout=1)
    found = []
    while (proxy := next(consumer)) is not None:
        found.append(proxy._message)
        consumer.ack(proxy)
    consumer.close()
    return found


async def test_a_delivery_whose_wake_up_was_lost_is_woken_again(
    programme: Programme, schedule: dict[str, Tick], broker: RedisBroker, system: Scope
) -> None:
    await programme.add_postback()
    await programme.owe()
    assert broker.do_qsize(QUEUE) == 0

    await schedule["due_postbacks"].run(system)

    assert broker.do_qsize(QUEUE) == 1


async def test_a_wake_up_carries_the_request_id_of_its_tick(
    programme: Programme, schedule: dict[str, Tick], broker: RedisBroker, system: Scope
) -> None:
    await programme.add_postback()
    await programme.owe()

    await schedule["due_postbacks"].run(system)

    assert [message.args for message in queued(broker)] == [("test-request",)]


async def test_nothing_due_wakes_nobody(
    programme: Programme, schedule: dict[str, Tick], broker: RedisBroker, system: Scope
) -> None:
    await schedule["due_postbacks"].run(system)

    assert broker.do_qsize(QUEUE) == 0


async def test_a_retry_is_woken_when_it_comes_due_and_not_before_a19(
    programme: Programme,
    schedule: dict[str, Tick],
    broker: RedisBroker,
    system: Scope,
    sender: PostbackSender,
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503)
    await sender.deliver("wake-up")

    await schedule["due_postbacks"].run(system)
    assert broker.do_qsize(QUEUE) == 0
    programme.clock.advance(RETRY_AFTER[0])
    await schedule["due_postbacks"].run(system)
    assert broker.do_qsize(QUEUE) == 1


async def test_a_retry_of_a_sandbox_is_woken_by_the_partners_clock_x08(
    programme: Programme,
    schedule: dict[str, Tick],
    broker: RedisBroker,
    system: Scope,
    sender: PostbackSender,
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503)
    await sender.deliver("wake-up")

    await programme.move_partners_clock(RETRY_AFTER[0])
    await schedule["due_postbacks"].run(system)

    assert broker.do_qsize(QUEUE) == 1


async def test_the_heartbeat_says_that_a_scheduler_is_alive(
    schedule: dict[str, Tick], redis: RedisClient, system: Scope
) -> None:
    assert not await redis.is_beating("scheduler")

    await schedule["heartbeat"].run(system)

    assert await redis.is_beating("scheduler")


async def test_next_months_partitions_exist_before_their_month(
    schedule: dict[str, Tick], clock: ManualClock, system: Scope
) -> None:
    clock.advance(timedelta(days=365))
    following = (clock.now() + timedelta(days=62)).strftime("%Y_%m")

    await schedule["partitions"].run(system)
    # A second scheduler does the same.
    await schedule["partitions"].run(system)

    rows = await fetch("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    names = {row["relname"] for row in rows}
    tables = {"visits", "registrations", "first_deposits", "activities", "conversions"}
    assert {f"{table}_{following}" for table in tables} <= names


async def test_addresses_past_their_retention_are_dropped_m04(
    schedule: dict[str, Tick], clock: ManualClock, database: Settings, system: Scope
) -> None:
    today = f"visit_addresses_{clock.now():%Y_%m_%d}"
    present = "SELECT 1 FROM pg_class WHERE relispartition AND relname = $1"
    assert await fetch(present, today)

    clock.advance(timedelta(days=database.address_retention_days + 1))
    await schedule["partitions"].run(system)

    assert not await fetch(present, today)


async def test_finished_postbacks_past_their_retention_leave_the_log_a20(
    programme: Programme, schedule: dict[str, Tick], sender: PostbackSender, system: Scope
) -> None:
    await programme.add_postback()
    await programme.owe(3)
    await sender.deliver("wake-up")
    await schedule["old_postbacks"].run(system)
    assert await PostbackAttempt.all().count() == 3

    programme.clock.advance(timedelta(days=94))
    await schedule["old_postbacks"].run(system)

    assert await PostbackAttempt.all().count() == 0
    assert await PostbackDelivery.all().count() == 0


async def test_the_schedule_removes_files_of_deleted_documents_a67(
    database: Settings,
    broker: RedisBroker,
    redis: RedisClient,
    clock: ManualClock,
    system: Scope,
    tmp_path: Path,
) -> None:
    own = database.model_copy(update={"data_dir": tmp_path})
    partner, owner, _ = await make_owner(clock)
    key = f"documents/{partner.id}/passport.pdf"
    await Storage(own).put(key, b"passport")
    document = await Document.create(
        partner_id=partner.id,
        uploaded_by_id=owner.id,
        name="passport.pdf",
        content_type="application/pdf",
        size=8,
        sha256="0" * 64,
        storage_key=key,
        state="deleted",
        created_at=clock.now(),
    )
    schedule = {tick.name: tick for tick in ticks(own, broker, redis, "test")}

    await schedule["leftover_files"].run(system)
    # A second scheduler does the same.
    await schedule["leftover_files"].run(system)

    await document.refresh_from_db()
    assert document.bytes_deleted_at == clock.now()
    assert not (tmp_path / "files" / key).exists()


async def test_a_tick_that_failed_comes_again(clock: ManualClock) -> None:
    calls = 0
    again = asyncio.Event()

    async def fail_once(_scope: Scope) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("the first time fails")
        again.set()

    repeating = asyncio.create_task(repeat(Tick("unlucky", 0.01, fail_once), clock))

    await asyncio.wait_for(again.wait(), 30)
    repeating.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await repeating
