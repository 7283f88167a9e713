"""The worker as a process of its own, woken by real messages."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from dramatiq.brokers.redis import RedisBroker

from app.domain.events import Subject, record
from app.domain.scope import Scope
from app.infra import processes
from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.infra.database import transaction
from app.models import Mail, PostbackDelivery
from app.settings import Settings
from app.tasks.mails import SEND
from app.tasks.postbacks import DELIVER, PostbackSender
from app.tasks.worker import send_wake_up
from tests.domain.accounts.people import make_owner, plan_what_was_asked_for
from tests.domain.mails.post import post_office
from tests.factories import make_brand_key, make_world, post_signed
from tests.processes.instance import PROJECT, clean_environment, events_in
from tests.tasks.conftest import Programme
from tests.tasks.tracker import Tracker, answering

_PATIENCE = 60


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at the machine's time, which the worker's follows."""
    return ManualClock(datetime.now(UTC))


class WorkerProcess:
    """A running `tributary worker`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def wait_for_log(self, event: str, enough: Callable[[dict[str, object]], bool]) -> bool:
        """Wait until it has logged such an event."""
        return processes.wait_until(
            lambda: any(enough(line) for line in events_in(self._log, event)), _PATIENCE
        )


StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker on this test's database and queue, with more settings; it has started when the call returns."""
    started: list[WorkerProcess] = []
    environment = clean_environment() | {
        "TRIBUTARY_DATABASE_URL": str(settings.database_url),
        "TRIBUTARY_REDIS_URL": str(settings.redis_url),
        "TRIBUTARY_SECRET_KEYS": settings.secret_keys[0],
        "TRIBUTARY_ALLOW_PRIVATE_TARGETS": "true",
    }

    def start(**more: str) -> WorkerProcess:
        log = tmp_path / "worker.log"
        parent = os.getpid()
        with log.open("a") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "worker"],
                cwd=PROJECT,
                env=environment | more,
                stdout=output,
                stderr=output,
                # A test run that is killed leaves nothing running.
                preexec_fn=lambda: processes.die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509
            )
        worker = WorkerProcess(process, log)
        started.append(worker)
        assert worker.wait_for_log("worker.started", lambda _line: True), log.read_text()
        return worker

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()


@contextmanager
def holding(tracker: Tracker) -> Iterator[None]:
    """Inside, the tracker takes requests and does not answer them."""
    open_up = threading.Event()

    def hold(request: BaseHTTPRequestHandler) -> None:
        open_up.wait(_PATIENCE)
        answering(200)(request)

    tracker.answer = hold
    try:
        yield
    finally:
        tracker.answer = answering(200)
        open_up.set()


async def arrives(tracker: Tracker, count: int = 1) -> bool:
    """Whether that many requests arrive."""
    return await asyncio.to_thread(tracker.wait_for, lambda calls: len(calls) >= count, _PATIENCE)


async def test_the_id_of_a_request_follows_it_into_the_log_of_the_worker(
    client: httpx.AsyncClient,
    clock: ManualClock,
    box: SecretBox,
    listener: Tracker,
    start_worker: StartWorker,
) -> None:
    programme = Programme(await make_world(clock), clock, listener)
    await programme.add_postback()
    key = await make_brand_key(programme.world.brand, box, clock)
    worker = start_worker()

    client.headers["X-Request-Id"] = "asked-by-the-brand"
    players = {"players": [programme.world.player("player-1")]}
    assert (await post_signed(client, "/api/v1/players", key, players)).status_code == 200

    assert await arrives(listener)
    assert await asyncio.to_thread(
        worker.wait_for_log,
        "postback.attempted",
        lambda line: line["request_id"] == "asked-by-the-brand",
    )


async def test_a_message_wakes_a_worker_that_knew_of_nothing_decision_6(
    programme: Programme, broker: RedisBroker, start_worker: StartWorker
) -> None:
    await programme.add_postback()
    await programme.owe()
    start_worker()
    assert programme.tracker.received == []

    send_wake_up(broker, DELIVER)

    assert await arrives(programme.tracker)


async def test_messages_that_come_twice_send_a_delivery_once_decision_6(
    programme: Programme, broker: RedisBroker, start_worker: StartWorker
) -> None:
    await programme.add_postback()
    await programme.owe(20)
    for _ in range(10):
        send_wake_up(broker, DELIVER)

    start_worker()

    assert await arrives(programme.tracker, 20)
    broker.join("postbacks", timeout=_PATIENCE * 1_000)
    events = [call.query["event"] for call in programme.tracker.received]
    assert len(events) == len(set(events)) == 20


async def test_what_a_killed_worker_had_begun_is_taken_over_after_its_lease(
    programme: Programme,
    broker: RedisBroker,
    start_worker: StartWorker,
    sender: PostbackSender,
    clock: ManualClock,
) -> None:
    await programme.add_postback()
    await programme.owe()
    worker = start_worker()
    with holding(programme.tracker):
        send_wake_up(broker, DELIVER)
        assert await arrives(programme.tracker)
        worker.process.kill()
        worker.process.wait()

    assert await sender.deliver("within the lease") == 0
    clock.advance(timedelta(minutes=5))
    assert await sender.deliver("after the lease") == 1

    first, second = programme.tracker.received
    assert first.query == second.query


async def test_a_worker_that_is_stopped_finishes_what_it_had_begun(
    programme: Programme, broker: RedisBroker, start_worker: StartWorker
) -> None:
    await programme.add_postback()
    await programme.owe()
    worker = start_worker()
    with holding(programme.tracker):
        send_wake_up(broker, DELIVER)
        assert await arrives(programme.tracker)
        worker.process.terminate()

    assert await asyncio.to_thread(worker.process.wait, _PATIENCE) == 0
    assert await PostbackDelivery.filter(state="delivered").count() == 1


async def test_a_worker_that_is_stopped_finishes_its_mails_and_claims_no_more(
    database: Settings,
    clock: ManualClock,
    system: Scope,
    broker: RedisBroker,
    start_worker: StartWorker,
) -> None:
    partner, owner, _ = await make_owner(clock)
    async with transaction() as tx:
        for _ in range(45):
            subject = Subject("user", owner.id)
            await record(system, tx, "user.password_changed", subject, partner_id=partner.id)
    await plan_what_was_asked_for(clock)
    async with post_office() as post:
        post.answering.clear()
        enough = asyncio.Event()

        def arrived() -> None:
            if post.arrived == 20:
                enough.set()

        post.on_message = arrived
        worker = start_worker(TRIBUTARY_SMTP_URL=post.url)
        send_wake_up(broker, SEND)
        await asyncio.wait_for(enough.wait(), _PATIENCE)
        worker.process.terminate()
        assert await asyncio.to_thread(worker.wait_for_log, "worker.stopping", lambda _line: True)
        post.answering.set()
        assert await asyncio.to_thread(worker.process.wait, _PATIENCE) == 0

    assert await Mail.filter(state="sent").count() == len(post.taken) == 20
    assert await Mail.filter(state="pending", claimed_until=None, attempts=0).count() == 25
