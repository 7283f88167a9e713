"""The clock is a value that is passed in: business time never comes from `datetime.now()` or SQL `now()`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Clock(Protocol):
    """Tells the time in UTC, always with a zone."""

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OffsetClock:
    """A tenant's own clock: another clock moved by a fixed offset (sandbox programmes, X08)."""

    base: Clock
    offset: timedelta

    def now(self) -> datetime:
        return self.base.now() + self.offset


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is moved."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


def clock_at_offset(base: Clock, offset: timedelta) -> Clock:
    """The clock of a tenant whose time runs `offset` ahead of `base`."""
    return OffsetClock(base, offset) if offset else base


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; raises ValueError naming it when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone, such as Europe/Bucharest") from None


def business_day(occurred_at: datetime, time_zone: str) -> date:
    """The day of `occurred_at` in a brand's time zone (M42)."""
    return occurred_at.astimezone(zone(time_zone)).date()


def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """The first instant of a business day and the first instant after it, in UTC (M42)."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone(time_zone))
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone(time_zone))
    return start.astimezone(UTC), end.astimezone(UTC)
