"""The worker process: Dramatiq's threads for actors, and the relay on its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq import Worker
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.errors import DramatiqError
from dramatiq.middleware import Middleware, MiddlewareError
from redis.exceptions import RedisError

from app.domain.changes import derive
from app.domain.mails import plan as mail_plan
from app.domain.postbacks import plan as postback_plan
from app.domain.postbacks import tags as postback_tags
from app.domain.visits import judge
from app.infra import database
from app.infra.clock import Clock, SystemClock
from app.infra.crypto import SecretBox
from app.infra.redis import HEARTBEAT_SECONDS, RedisClient, RedisUnavailable
from app.infra.telemetry import logger, new_request_id
from app.tasks.broker import IDLE_MILLISECONDS, configure_broker
from app.tasks.mails import SEND, MailSender
from app.tasks.postbacks import DELIVER, PostbackSender
from app.tasks.relay import (
    Planner,
    Relay,
    plan_changes,
    plan_mails,
    plan_postbacks,
    plan_tags,
    plan_verdicts,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from app.settings import Settings


# The workers that call trackers, who share what a host may be called.
_SENDERS = "postback_senders"


class WorkerResources(Middleware):
    """What the actors of this process share, living on Dramatiq's event loop. Comes after AsyncIO."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._background: list[asyncio.Task[None]] = []
        self.sender: PostbackSender | None = None
        self.mails: MailSender | None = None

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        try:
            _on_loop(self._start(broker))
        except Exception as error:
            # Dramatiq swallows everything else, and the worker would run without a database.
            raise MiddlewareError(str(error)) from error

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        _on_loop(self._stop_background())

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        _on_loop(self._stop())

    async def _start(self, broker: Any) -> None:
        await database.connect(self._settings)
        self.sender = PostbackSender(self._settings, self._clock)
        self.mails = MailSender(self._settings, self._clock, SecretBox(self._settings.secret_keys))
        self._redis = RedisClient(self._settings)
        self._identity = f"{os.getpid()}-{new_request_id()[:8]}"

        def wake(actor: str) -> Callable[[], Awaitable[None]]:
            return lambda: asyncio.to_thread(send_wake_up, broker, actor)

        planners = (
            Planner(postback_plan.READER, plan_postbacks, wake(DELIVER)),
            Planner(mail_plan.READER, plan_mails, wake(SEND)),
            Planner(judge.READER, plan_verdicts, _nobody),
            Planner(postback_tags.READER, plan_tags, _nobody),
            Planner(derive.READER, plan_changes, _nobody),
        )
        relay = Relay(self._clock, planners)
        self._background = [
            asyncio.create_task(relay.run(), name="relay"),
            asyncio.create_task(self._beat(), name="heartbeat"),
        ]
        for task in self._background:
            task.add_done_callback(_end_process_on_failure)

    async def _beat(self) -> None:
        while True:
            try:
                await self._redis.beat("worker", self._identity)
                if self.sender is not None:
                    self.sender.share(await self._redis.join(_SENDERS, self._identity))
            except RedisUnavailable as error:
                logger().warning("worker.redis_unavailable", error=str(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _stop_background(self) -> None:
        if self.sender is not None:
            self.sender.stop()
        if self.mails is not None:
            self.mails.stop()
        logger().info("worker.stopping")
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _stop(self) -> None:
        if self.sender is not None:
            await self.sender.close()
        with contextlib.suppress(RedisUnavailable):
            await self._redis.stop_beating("worker", self._identity)
            await self._redis.leave(_SENDERS, self._identity)
        await self._redis.close()
        await database.disconnect()


async def _nobody() -> None:
    """Whom a planner wakes whose work is done when it is planned."""


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    """A relay that ended by a mistake of ours must not leave a worker that looks alive: the supervisor restarts it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger().error("worker.background_failed", task=task.get_name(), exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)


def _on_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    thread = get_event_loop_thread()
    if thread is None:
        raise RuntimeError("the AsyncIO middleware comes first")
    thread.run_coroutine(coroutine)


def send_wake_up(broker: dramatiq.Broker, actor: str, request_id: str | None = None) -> None:
    """Tell a worker that an actor has work. A lost message is made good by the scheduler."""
    database.refuse_in_transaction("a queue message")
    try:
        broker.get_actor(actor).send(request_id or new_request_id())
    except (DramatiqError, RedisError, OSError) as error:
        logger().warning("wake_up.lost", actor=actor, error=str(error))


def declare_actors(broker: dramatiq.Broker, resources: WorkerResources | None = None) -> None:
    """Make the actors known to a broker. Without resources the process only sends messages."""

    async def deliver(request_id: str) -> None:
        sender = resources.sender if resources else None
        await _work("postbacks", sender.deliver if sender else None, request_id)

    async def send(request_id: str) -> None:
        mails = resources.mails if resources else None
        await _work("mails", mails.send if mails else None, request_id)

    for name, queue, actor in ((DELIVER, "postbacks", deliver), (SEND, "mails", send)):
        declare = dramatiq.actor(broker=broker, actor_name=name, queue_name=queue, max_retries=0)
        declare(actor)


async def _work(what: str, work: Callable[[str], Awaitable[int]] | None, request_id: str) -> None:
    if work is None:
        raise RuntimeError("this process sends messages only")
    try:
        await work(request_id)
    except database.DatabaseError as error:
        # The work waits in its rows: the scheduler wakes a worker again.
        logger().warning("worker.waiting_for_database", work=what, error=str(error))


def run(settings: Settings, clock: Clock | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT; what was begun is finished, what was claimed frees itself."""
    broker = configure_broker(settings)
    resources = WorkerResources(settings, clock or SystemClock())
    broker.add_middleware(resources)
    declare_actors(broker, resources)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    worker = Worker(
        broker, worker_threads=settings.worker_threads, worker_timeout=IDLE_MILLISECONDS
    )
    worker.start()
    logger().info("worker.started")
    stopping.wait()
    worker.stop(timeout=settings.shutdown_timeout * 1000)
    broker.close()
    logger().info("worker.stopped")
