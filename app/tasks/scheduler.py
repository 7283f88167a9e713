"""The scheduler process: what happens by the clock. Every tick is safe to run twice, and in several processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.accounts.attempts import forget_old_attempts
from app.domain.activity.compaction import compact_running_totals
from app.domain.brands.changes import apply_due_changes
from app.domain.brands.keys import forget_old_signatures
from app.domain.campaigns.plan_moves import apply_due_moves
from app.domain.held.resolve import resolve_held
from app.domain.mails.queue import any_mail_due
from app.domain.players.moves import apply_due_player_moves
from app.domain.postbacks.deliver import any_due, disable_hopeless
from app.domain.postbacks.drift import alarm_of_drift
from app.domain.postbacks.prune import prune_log
from app.domain.scope import Scope
from app.infra import database
from app.infra.clock import Clock, SystemClock
from app.infra.crypto import SecretBox
from app.infra.partitions import drop_old_addresses, ensure_partitions
from app.infra.redis import HEARTBEAT_SECONDS, RedisClient, RedisUnavailable
from app.infra.storage import Storage
from app.infra.telemetry import logged_as, logger, new_request_id
from app.tasks.banners import remove_abandoned_files
from app.tasks.broker import configure_broker
from app.tasks.documents import remove_files
from app.tasks.exchange_rates import fetch_ecb_rates
from app.tasks.mails import SEND
from app.tasks.postbacks import DELIVER
from app.tasks.worker import declare_actors, send_wake_up

if TYPE_CHECKING:
    from dramatiq import Broker

    from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is done every so many seconds."""

    name: str
    every: float
    run: Callable[[Scope], Awaitable[None]]


def ticks(settings: Settings, broker: Broker, redis: RedisClient, identity: str) -> list[Tick]:
    """The schedule."""

    async def partitions(scope: Scope) -> None:
        for name in await ensure_partitions(scope.now()):
            logger().info("partition.made", name=name)
        for name in await drop_old_addresses(scope.now(), settings.address_retention_days):
            logger().info("partition.dropped", name=name)

    async def due_postbacks(scope: Scope) -> None:
        # Retries that have come due, and deliveries whose wake-up was lost.
        if await any_due(scope):
            await asyncio.to_thread(send_wake_up, broker, DELIVER, scope.request_id)

    async def due_mails(scope: Scope) -> None:
        if await any_mail_due(scope):
            await asyncio.to_thread(send_wake_up, broker, SEND, scope.request_id)

    async def old_attempts(scope: Scope) -> None:
        await forget_old_attempts(scope)

    async def old_signatures(scope: Scope) -> None:
        await forget_old_signatures(scope)

    async def heartbeat(_scope: Scope) -> None:
        await redis.beat("scheduler", identity)

    return [
        Tick("partitions", 600, partitions),
        Tick("due_postbacks", 2, due_postbacks),
        Tick("due_mails", 5, due_mails),
        *_postback_ticks(settings),
        _leftover_tick(settings),
        _held_tick(settings),
        *_announced_ticks(),
        _compaction_tick(),
        *_rate_ticks(settings),
        Tick("old_attempts", 3_600, old_attempts),
        Tick("old_signatures", 300, old_signatures),
        Tick("heartbeat", HEARTBEAT_SECONDS, heartbeat),
    ]


def _postback_ticks(settings: Settings) -> list[Tick]:
    """Postbacks that have failed for days or send less than they should, and the end of the log (A19, A20, X07)."""

    async def hopeless_postbacks(scope: Scope) -> None:
        if count := await disable_hopeless(scope):
            logger().warning("postbacks.disabled", count=count)

    async def postback_drift(scope: Scope) -> None:
        for drift in await alarm_of_drift(scope):
            logger().error(
                "postback.drifted",
                postback_id=drift.postback_id,
                expected=drift.expected,
                sent=drift.sent,
            )

    async def old_postbacks(scope: Scope) -> None:
        pruned = 0
        while count := await prune_log(scope, timedelta(days=settings.postback_retention_days)):
            pruned += count
        if pruned:
            logger().info("postbacks.pruned", count=pruned)

    return [
        Tick("old_postbacks", 600, old_postbacks),
        Tick("hopeless_postbacks", 600, hopeless_postbacks),
        Tick("postback_drift", 300, postback_drift),
    ]


def _leftover_tick(settings: Settings) -> Tick:
    """Files that nothing needs any more leave the storage (A67, O01)."""

    async def leftover_files(scope: Scope) -> None:
        storage = Storage(settings)
        if removed := await remove_files(scope, storage):
            logger().info("document.files_removed", count=removed)
        if removed := await remove_abandoned_files(scope, storage):
            logger().info("banner.files_removed", count=removed)

    return Tick("leftover_files", 300, leftover_files)


def _held_tick(settings: Settings) -> Tick:
    """Items of brands whose visit has come are taken in (W3)."""
    box = SecretBox(settings.secret_keys)

    async def held_items(scope: Scope) -> None:
        if count := await resolve_held(scope, box=box):
            logger().info("held_items.resolved", count=count)

    return Tick("held_items", 2, held_items)


def _compaction_tick() -> Tick:
    """Running totals of open days keep one revision per hour (decision 2)."""

    async def running_totals(scope: Scope) -> None:
        dropped = 0
        while count := await compact_running_totals(scope):
            dropped += count
        if dropped:
            logger().info("running_totals.compacted", count=dropped)

    return Tick("running_totals", 900, running_totals)


def _announced_ticks() -> list[Tick]:
    """What was announced takes effect: changes of brands, moves of campaigns and of players (O01, O02, M03)."""

    async def brand_changes(scope: Scope) -> None:
        if count := await apply_due_changes(scope):
            logger().info("brand_changes.applied", count=count)

    async def plan_moves(scope: Scope) -> None:
        if count := await apply_due_moves(scope):
            logger().info("plan_moves.applied", count=count)

    async def player_moves(scope: Scope) -> None:
        if count := await apply_due_player_moves(scope):
            logger().info("player_moves.applied", count=count)

    return [
        Tick("brand_changes", 15, brand_changes),
        Tick("plan_moves", 15, plan_moves),
        Tick("player_moves", 15, player_moves),
    ]


def _rate_ticks(settings: Settings) -> list[Tick]:
    """The European Central Bank's rates, where the settings ask for them: new ones come once a working day (M40)."""

    async def ecb_rates(scope: Scope) -> None:
        await fetch_ecb_rates(scope, settings)

    return [Tick("ecb_rates", 1_800, ecb_rates)] if settings.ecb_rates else []


async def repeat(tick: Tick, clock: Clock) -> None:
    """Run a tick for ever; one that fails is logged and comes again at its next time."""
    while True:
        request_id = new_request_id()
        with logged_as(request_id=request_id, tick=tick.name):
            try:
                await tick.run(Scope.system(clock, request_id))
            except (database.DatabaseError, RedisUnavailable) as error:
                logger().warning("tick.postponed", error=str(error))
            except Exception:
                logger().exception("tick.failed")
        await asyncio.sleep(tick.every)


async def _run(settings: Settings, clock: Clock) -> None:
    broker = configure_broker(settings)
    declare_actors(broker)
    await database.connect(settings)
    redis = RedisClient(settings)
    identity = f"{os.getpid()}-{new_request_id()[:8]}"
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    running = [
        asyncio.create_task(repeat(tick, clock), name=tick.name)
        for tick in ticks(settings, broker, redis, identity)
    ]
    logger().info("scheduler.started")
    await stopping.wait()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    with contextlib.suppress(RedisUnavailable):
        await redis.stop_beating("scheduler", identity)
    await redis.close()
    await database.disconnect()
    broker.close()
    logger().info("scheduler.stopped")


def run(settings: Settings, clock: Clock | None = None) -> None:
    """Run the schedule until SIGTERM or SIGINT."""
    asyncio.run(_run(settings, clock or SystemClock()))
