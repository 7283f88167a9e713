"""Counting failed attempts by address and by link: in PostgreSQL, so that no process forgets (decision 11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from app.domain.accounts import queries
from app.domain.errors import DomainError
from app.domain.scope import Scope
from app.infra.database import fetch, transaction


class TooManyAttempts(DomainError):
    """Too many failures from here: wait until the window is over."""

    code = "TOO_MANY_ATTEMPTS"


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """At most so many failures in one window."""

    kind: str
    most: int
    window: timedelta


SIGN_IN_BY_ADDRESS = AttemptLimit("sign_in_by_address", 50, timedelta(minutes=15))
LINK_BY_ADDRESS = AttemptLimit("link_by_address", 30, timedelta(minutes=15))
MAIL_BY_ADDRESS = AttemptLimit("mail_by_address", 20, timedelta(hours=1))
CODE_BY_USER = AttemptLimit("code_by_user", 10, timedelta(minutes=15))


def _window_start(limit: AttemptLimit, now: datetime) -> datetime:
    seconds = limit.window.total_seconds()
    return now - timedelta(seconds=now.timestamp() % seconds)


def address_key(ip: str | None) -> str:
    """What failures from an address count by: of IPv6 the /64, because whoever has one has all of it."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return ip or "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), 64), strict=False))
    return str(address)


async def check_attempts(scope: Scope, limit: AttemptLimit, key: str) -> None:
    """Raise TooManyAttempts when the window's failures are used up."""
    start = _window_start(limit, scope.machine_now())
    rows = await fetch(queries.READ_ATTEMPTS, limit.kind, key[:80], start)
    if rows and rows[0]["count"] >= limit.most:
        raise _too_many(limit, scope.machine_now())


async def take_attempt(scope: Scope, limit: AttemptLimit, key: str) -> None:
    """Count an attempt before it is made; raises TooManyAttempts when it is one too many.

    Of many at once, no more are made than there may be failures: none of them waits for the others' outcome. Give
    back what succeeded.
    """
    if await count_attempt(scope, limit, key) > limit.most:
        raise _too_many(limit, scope.machine_now())


async def give_back_attempt(scope: Scope, limit: AttemptLimit, key: str) -> None:
    """The attempt was a success, and does not count."""
    start = _window_start(limit, scope.machine_now())
    await fetch(queries.GIVE_BACK_ATTEMPT, limit.kind, key[:80], start)


async def count_attempt(scope: Scope, limit: AttemptLimit, key: str) -> int:
    """Count a failure and return how many there are.

    In a transaction of its own: a request that is rolled back does not forget it.
    """
    async with transaction() as tx:
        start = _window_start(limit, scope.machine_now())
        rows = await tx.fetch(queries.COUNT_ATTEMPT, limit.kind, key[:80], start)
    return int(rows[0]["count"])


def _too_many(limit: AttemptLimit, now: datetime) -> TooManyAttempts:
    end = _window_start(limit, now) + limit.window
    seconds = max(1, round((end - now).total_seconds()))
    return TooManyAttempts(
        f"too many attempts: try again in {seconds} seconds", retry_after_seconds=seconds
    )


async def forget_old_attempts(scope: Scope) -> None:
    """Drop counters of windows long past."""
    await fetch(queries.DROP_OLD_ATTEMPTS, scope.machine_now() - timedelta(days=2))
