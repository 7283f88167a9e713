"""Sending postbacks: one actor claims batches and drives many requests at once on the worker's event loop."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.postbacks.deliver import Claimed, Outcome, claim_due, finish_attempt
from app.domain.scope import Scope
from app.infra.outgoing import OutgoingClient
from app.infra.telemetry import logger

if TYPE_CHECKING:
    from app.infra.clock import Clock
    from app.settings import Settings

DELIVER = "postbacks.deliver"
USER_AGENT = "Tributary-Postback/1"


class PostbackSender:
    """Attempts what is due, until nothing is; never more at once than there are connections for."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._free = settings.postback_concurrency
        self._claiming = asyncio.Lock()
        self._stopping = False
        # Long enough for the slowest answer; a worker that died holds its claims no longer than this.
        self._lease = timedelta(seconds=settings.postback_timeout * 2 + 10)
        self._client = OutgoingClient(
            timeout=settings.postback_timeout,
            connections=settings.postback_concurrency,
            allow_private=settings.allow_private_targets,
        )

    async def deliver(self, request_id: str) -> int:
        """Attempt every delivery that is due now; returns how many attempts were made."""
        scope = Scope.system(self._clock, request_id)
        attempts = 0
        while claimed := await self._claim(scope):
            results = await asyncio.gather(
                *(self._attempt(scope, item) for item in claimed), return_exceptions=True
            )
            for error in results:
                if isinstance(error, BaseException):
                    # The claim runs out and the delivery is attempted again.
                    logger().error("postback.attempt_not_kept", error=str(error))
            attempts += len(claimed)
        return attempts

    async def _claim(self, scope: Scope) -> list[Claimed]:
        """Claim what can be sent at once. What is claimed and waits for a connection would look unanswered."""
        async with self._claiming:
            if self._stopping or self._free == 0:
                return []
            claimed = await claim_due(scope, self._free, self._lease)
            self._free -= len(claimed)
            return claimed

    async def _attempt(self, scope: Scope, claimed: Claimed) -> None:
        try:
            await self._send(scope, claimed)
        finally:
            self._free += 1

    async def _send(self, scope: Scope, claimed: Claimed) -> None:
        with structlog.contextvars.bound_contextvars(request_id=claimed.request_id):
            sent_at = scope.now()
            answer = await self._client.get(claimed.url, {"User-Agent": USER_AGENT})
            outcome = Outcome(sent_at, answer.duration, answer.code, answer.body, answer.error)
            state = await finish_attempt(scope, claimed, outcome)
            logger().info(
                "postback.attempted",
                delivery_id=claimed.id,
                event_id=claimed.event_id,
                state=state,
                response_code=answer.code,
                error=answer.error,
            )

    def stop(self) -> None:
        """Claim nothing more: what is under way is finished, the rest waits for the next worker."""
        self._stopping = True

    async def close(self) -> None:
        """Close the connections to trackers."""
        await self._client.close()
