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
    """Attempts what is due, until nothing is."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._concurrency = settings.postback_concurrency
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
        while claimed := await claim_due(scope, self._concurrency, self._lease):
            results = await asyncio.gather(
                *(self._attempt(scope, item) for item in claimed), return_exceptions=True
            )
            for error in results:
                if isinstance(error, BaseException):
                    # The claim runs out and the delivery is attempted again.
                    logger().error("postback.attempt_not_kept", error=str(error))
            attempts += len(claimed)
        return attempts

    async def _attempt(self, scope: Scope, claimed: Claimed) -> None:
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

    async def close(self) -> None:
        """Close the connections to trackers."""
        await self._client.close()
