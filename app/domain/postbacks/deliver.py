"""Claiming due deliveries and keeping what came of each attempt (A19, A20). The calls themselves are made by tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.permissions import Permission, requires
from app.domain.postbacks import queries
from app.domain.scope import Scope
from app.infra.database import fetch, transaction

# Waiting times after the first attempts; together about 24 hours, then the delivery has failed.
RETRY_AFTER = tuple(
    timedelta(seconds=seconds)
    for seconds in (10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
)
_RETRIED = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may attempt now."""

    id: int
    partner_id: int
    event_id: int
    url: str
    attempts: int
    # Of the request that caused the event.
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt brought: a response code, or the reason why there is none."""

    sent_at: datetime
    duration: timedelta
    response_code: int | None
    response_body: str | None
    error: str | None


@requires(Permission.OPERATE)
async def claim_due(scope: Scope, limit: int, lease: timedelta) -> list[Claimed]:
    """Claim deliveries that are due by their partner's clock. An unfinished claim frees itself after `lease`."""
    now = scope.now()
    rows = await fetch(queries.CLAIM, now, now + lease, limit)
    return [
        Claimed(
            row["id"],
            row["partner_id"],
            row["event_id"],
            row["url"],
            row["attempts"],
            row["request_id"],
        )
        for row in rows
    ]


@requires(Permission.OPERATE)
async def any_due(scope: Scope) -> bool:
    """True when a delivery waits for a worker."""
    rows = await fetch(queries.COUNT_DUE, scope.now())
    return bool(rows[0]["due"])


@requires(Permission.OPERATE)
async def finish_attempt(scope: Scope, claimed: Claimed, outcome: Outcome) -> str:
    """Keep an attempt and say what follows: delivered, pending (it will be repeated) or failed."""
    state, pause = next_step(claimed.attempts, outcome)
    async with transaction() as tx:
        await tx.fetch(
            queries.INSERT_ATTEMPT,
            claimed.id,
            claimed.partner_id,
            outcome.sent_at,
            round(outcome.duration.total_seconds() * 1000),
            outcome.response_code,
            outcome.response_body,
            outcome.error,
        )
        await tx.fetch(queries.FINISH_ATTEMPT, claimed.id, state, pause, scope.now())
    return state


def next_step(earlier_attempts: int, outcome: Outcome) -> tuple[str, timedelta]:
    """The state after an attempt, and the pause before the next one."""
    code = outcome.response_code
    if code is not None and 200 <= code < 300:
        return "delivered", timedelta(0)
    repeat = code is None or code in _RETRIED or code >= 500
    if not repeat or earlier_attempts >= len(RETRY_AFTER):
        return "failed", timedelta(0)
    return "pending", RETRY_AFTER[earlier_attempts]
