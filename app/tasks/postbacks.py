"""Sending postbacks: one pump claims what is due and drives many requests at once on the worker's event loop."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.postbacks.deliver import Claimed, Outcome, Room, claim_due, finish_attempts
from app.domain.scope import Scope
from app.infra.database import DatabaseError
from app.infra.outgoing import OutgoingClient
from app.infra.telemetry import logger
from app.tasks.hosts import Hosts

if TYPE_CHECKING:
    from datetime import datetime

    from app.infra.clock import Clock
    from app.settings import Settings

DELIVER = "postbacks.deliver"
USER_AGENT = "Tributary-Postback/1"
# Slow calls give their places to others and go on beside them, until so many times the concurrency are under way.
_SLOW_FACTOR = 4
# Under load the pump looks for more so often, in seconds, and takes many at once.
_BREATH = 0.02


class PostbackSender:
    """Attempts what is due, until nothing is; never more at once than there is room for."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._concurrency = settings.postback_concurrency
        self._hosts = Hosts(settings.postback_host_concurrency, settings.postback_host_rate)
        self._under_way: set[asyncio.Task[None]] = set()
        self._slow = 0
        self._pumping = False
        self._changed = asyncio.Event()
        self._stopping = False
        self._ended: list[tuple[Claimed, Outcome]] = []
        self._keeping: asyncio.Task[None] | None = None
        # Long enough for the slowest answer; a worker that died holds its claims no longer than this.
        self._lease = timedelta(seconds=settings.postback_timeout * 2 + 10)
        self._client = OutgoingClient(
            timeout=settings.postback_timeout,
            connections=settings.postback_concurrency * _SLOW_FACTOR,
            allow_private=settings.allow_private_targets,
        )

    async def deliver(self, request_id: str) -> int:
        """Attempt every delivery that is due now; returns how many attempts were made.

        While one call is at work, another one only tells it to look again, and returns 0.
        """
        self._changed.set()
        if self._pumping:
            return 0
        self._pumping = True
        try:
            return await self._pump(Scope.system(self._clock, request_id))
        finally:
            self._pumping = False

    async def _pump(self, scope: Scope) -> int:
        attempts = 0
        while True:
            self._changed.clear()
            # Asked before the claim: a host that opens while it runs was closed to it.
            opens_in = self._hosts.opens_in()
            claimed = await self._claim(scope)
            attempts += len(claimed)
            for item in claimed:
                patience = self._hosts.begin(item.host)
                task = asyncio.create_task(self._attempt(scope, item, patience))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            if claimed:
                # What frees its place within a breath is replaced by one claim.
                await asyncio.sleep(_BREATH if self._free() < self._concurrency // 2 else 0)
            elif self._under_way or self._keeping is not None:
                await self._wait_for_change(opens_in)
            elif opens_in is not None and not self._stopping:
                await asyncio.sleep(opens_in)
            else:
                return attempts

    async def _wait_for_change(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        await asyncio.sleep(_BREATH if len(self._under_way) > 1 else 0)

    def _free(self) -> int:
        """How many calls may begin now."""
        under_way = len(self._under_way)
        beside = self._concurrency * _SLOW_FACTOR - under_way
        unkept = max(0, len(self._ended) - self._concurrency)
        return max(0, min(self._concurrency - (under_way - self._slow), beside) - unkept)

    async def _claim(self, scope: Scope) -> list[Claimed]:
        """Claim what can be sent at once. What is claimed and waits for a connection would look unanswered."""
        free = self._free()
        if self._stopping or free == 0:
            return []
        room = Room(free, self._hosts.first, self._hosts.rooms())
        return await claim_due(scope, room, self._lease)

    async def _attempt(self, scope: Scope, claimed: Claimed, patience: float) -> None:
        is_slow = False

        def become_slow() -> None:
            nonlocal is_slow
            is_slow = True
            self._slow += 1
            self._hosts.is_slow(claimed.host)
            self._changed.set()

        timer = asyncio.get_running_loop().call_later(patience, become_slow)
        outcome = None
        sent_at = scope.at_offset(claimed.clock_offset).now()
        try:
            outcome = await self._send(claimed, sent_at)
        except Exception as error:
            # A mistake of ours is an attempt like any other: without one, the delivery would be claimed for ever.
            reason = f"the call failed on our side: {type(error).__name__}"
            logger().exception("postback.attempt_broken", delivery_id=claimed.id)
            outcome = Outcome(sent_at, timedelta(0), None, None, reason)
        finally:
            timer.cancel()
            self._slow -= is_slow
            self._end(scope, claimed, outcome)

    async def _send(self, claimed: Claimed, sent_at: datetime) -> Outcome:
        answer = await self._client.call(claimed.method, claimed.url, {"User-Agent": USER_AGENT})
        return Outcome(
            sent_at, answer.duration, answer.code, answer.body, answer.error, answer.retry_after
        )

    def _end(self, scope: Scope, claimed: Claimed, outcome: Outcome | None) -> None:
        pause = outcome.retry_after if outcome else None
        self._hosts.end(
            claimed.host,
            answered=outcome is not None and outcome.response_code is not None,
            pause=pause.total_seconds() if pause else None,
        )
        if outcome is not None:
            self._ended.append((claimed, outcome))
            if self._keeping is None:
                self._keeping = asyncio.create_task(self._keep(scope))
        self._changed.set()

    async def _keep(self, scope: Scope) -> None:
        """Keep what has ended, all that has come together meanwhile in one transaction."""
        try:
            while self._ended:
                batch, self._ended = self._ended, []
                try:
                    states = await finish_attempts(scope, batch)
                except DatabaseError as error:
                    # The claims run out and the deliveries are attempted again.
                    logger().error("postback.attempts_not_kept", count=len(batch), error=str(error))
                    continue
                for (claimed, outcome), state in zip(batch, states, strict=True):
                    _log(claimed, outcome, state)
        finally:
            self._keeping = None
            self._changed.set()

    def share(self, workers: int) -> None:
        """So many workers are there: this one takes its part of what each host may be called."""
        self._hosts.share(workers)

    def stop(self) -> None:
        """Claim nothing more: what is under way is finished, the rest waits for the next worker."""
        self._stopping = True

    async def close(self) -> None:
        """Close the connections to trackers."""
        await self._client.close()


def _log(claimed: Claimed, outcome: Outcome, state: str) -> None:
    with structlog.contextvars.bound_contextvars(request_id=claimed.request_id):
        logger().info(
            "postback.attempted",
            delivery_id=claimed.id,
            event_id=claimed.event_id,
            state=state,
            response_code=outcome.response_code,
            error=outcome.error,
        )
