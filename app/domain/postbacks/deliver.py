"""Claiming due deliveries and keeping what came of each attempt (A19, A20). The calls themselves are made by tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.permissions import Permission, requires
from app.domain.postbacks import attempt_queries as queries
from app.domain.postbacks.configure import switch_off
from app.domain.postbacks.queries import LOCK_POSTBACK
from app.domain.scope import Scope
from app.infra.database import fetch, transaction

# Waiting times after the first attempts; together about 24 hours, then the delivery has failed.
RETRY_AFTER = tuple(
    timedelta(seconds=seconds)
    for seconds in (10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
)
# A tracker may ask for a longer pause, but not for more than a day.
LONGEST_PAUSE = timedelta(hours=24)
# A postback without one good answer for so long, and at least so many failed calls, is disabled (A19).
HOPELESS_AFTER = timedelta(days=3)
HOPELESS_ATTEMPTS = 10
_RETRIED = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may attempt now."""

    id: int
    postback_id: int
    partner_id: int
    event_id: int
    method: str
    url: str
    host: str
    attempts: int
    # The partner's clock, for the time of the attempt.
    clock_offset: timedelta
    # Of the request that caused the event.
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt brought: a response code, or the reason why there is none."""

    # By the partner's clock.
    sent_at: datetime
    duration: timedelta
    response_code: int | None
    response_body: str | None
    error: str | None
    # How long the tracker asked to be left alone.
    retry_after: timedelta | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the tracker took it."""
        return self.response_code is not None and 200 <= self.response_code < 300


@dataclass(frozen=True, slots=True)
class Room:
    """How many deliveries this process can take: in all, for a host that it does not know yet, and for each it does."""

    total: int
    per_host: int
    of_hosts: Mapping[str, int]


@requires(Permission.OPERATE)
async def claim_due(scope: Scope, room: Room, lease: timedelta) -> list[Claimed]:
    """Claim deliveries that are due by their partner's clock. An unfinished claim frees itself after `lease`."""
    now = scope.now()
    hosts, rooms = list(room.of_hosts), list(room.of_hosts.values())
    values = (now, now + lease, room.total, room.per_host, hosts, rooms)
    rows = await fetch(queries.CLAIM, *values)
    claimed = [
        Claimed(
            row["id"],
            row["postback_id"],
            row["partner_id"],
            row["event_id"],
            row["method"],
            row["url"],
            row["host"],
            row["attempts"],
            timedelta(microseconds=row["clock_offset"]),
            row["request_id"],
        )
        for row in rows
    ]
    return sorted(claimed, key=lambda item: item.id)


@requires(Permission.OPERATE)
async def any_due(scope: Scope) -> bool:
    """True when a delivery waits for a worker."""
    rows = await fetch(queries.COUNT_DUE, scope.now())
    return bool(rows[0]["due"])


@requires(Permission.OPERATE)
async def finish_attempts(scope: Scope, finished: Sequence[tuple[Claimed, Outcome]]) -> list[str]:
    """Keep attempts and say what follows each: delivered, pending (it will be repeated) or failed."""
    steps = [next_step(claimed.attempts, outcome) for claimed, outcome in finished]
    ids = [claimed.id for claimed, _ in finished]
    outcomes = [outcome for _, outcome in finished]
    good = {claimed.postback_id for claimed, outcome in finished if outcome.succeeded}
    bad = {claimed.postback_id for claimed, _ in finished} - good
    async with transaction() as tx:
        await tx.fetch(
            queries.INSERT_ATTEMPTS,
            ids,
            [outcome.sent_at for outcome in outcomes],
            [round(outcome.duration.total_seconds() * 1000) for outcome in outcomes],
            [outcome.response_code for outcome in outcomes],
            [outcome.response_body for outcome in outcomes],
            [outcome.error for outcome in outcomes],
        )
        states, pauses = [state for state, _ in steps], [pause for _, pause in steps]
        await tx.fetch(queries.FINISH_ATTEMPTS, ids, states, pauses, scope.now())
        await tx.fetch(queries.MARK_ATTEMPTED, sorted(good), sorted(bad), scope.now())
    return states


def next_step(earlier_attempts: int, outcome: Outcome) -> tuple[str, timedelta]:
    """The state after an attempt, and the pause before the next one."""
    code = outcome.response_code
    if outcome.succeeded:
        return "delivered", timedelta(0)
    repeat = code is None or code in _RETRIED or code >= 500
    if not repeat or earlier_attempts >= len(RETRY_AFTER):
        return "failed", timedelta(0)
    asked = min(outcome.retry_after or timedelta(0), LONGEST_PAUSE)
    return "pending", max(RETRY_AFTER[earlier_attempts], asked)


@requires(Permission.OPERATE)
async def disable_hopeless(scope: Scope) -> int:
    """Disable postbacks whose trackers have failed for HOPELESS_AFTER, with an event each (A19); returns how many.

    Safe to run twice: each is looked at again while its row is held.
    """
    values = (scope.now(), HOPELESS_AFTER, HOPELESS_ATTEMPTS)
    disabled = 0
    for found in await fetch(queries.FIND_HOPELESS, *values):
        tenant = scope.at_offset(timedelta(microseconds=found["clock_offset"]))
        async with transaction() as tx:
            row = (await tx.fetch(LOCK_POSTBACK, found["id"]))[0]
            if row["state"] != "active" or row["failing_since"] != found["failing_since"]:
                continue
            since = found["failing_since"].date()
            reason = f"the tracker has not answered well since {since:%d.%m.%Y}"
            await switch_off(tenant, tx, row, "system", reason)
            disabled += 1
    return disabled
