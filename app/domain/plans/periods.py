"""Billing periods: which business days belong together under a schedule (M10)."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.plans.terms import Every, Schedule


@dataclass(frozen=True, slots=True)
class Period:
    """Business days of the brand, both included."""

    first: date
    last: date


def period_of(schedule: Schedule, day: date) -> Period:
    """The period that holds a business day. Every day lies in exactly one."""
    if schedule.every is Every.DAY:
        return Period(day, day)
    if schedule.every is Every.WEEK:
        first = day - timedelta(days=(day.isoweekday() - (schedule.weekday or 1)) % 7)
        return Period(first, first + timedelta(days=6))
    start = schedule.day or 1
    here = _start_in(day.year, day.month, start)
    if day < here:
        return Period(_start_in(*_month_after(day, -1), start), here - timedelta(days=1))
    return Period(here, _start_in(*_month_after(day, 1), start) - timedelta(days=1))


def _start_in(year: int, month: int, day: int) -> date:
    """The day of a month on which a period begins: the last one when the month is shorter."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def _month_after(day: date, months: int) -> tuple[int, int]:
    count = day.year * 12 + day.month - 1 + months
    return count // 12, count % 12 + 1
