"""Clocks of tenants, and business days in a brand's time zone (M42, decision 12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.clock import (
    ManualClock,
    OffsetClock,
    SystemClock,
    business_day,
    clock_at_offset,
    day_bounds,
    zone,
)

# Half-hour and quarter-hour offsets, both hemispheres, changes of the clock at midnight (Havana, Beirut, Azores),
# and both ends of the day line.
zones = st.sampled_from(
    [
        "UTC",
        "Europe/Bucharest",
        "Europe/Malta",
        "America/New_York",
        "America/Havana",
        "Asia/Beirut",
        "Africa/Cairo",
        "Atlantic/Azores",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
    ]
)
days = st.dates(date(2015, 1, 1), date(2035, 12, 31))


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    first = clock.now()

    clock.advance(timedelta(hours=1))

    assert clock.now() - first == timedelta(hours=1)


def test_a_tenants_clock_follows_the_machines_at_its_offset_x08() -> None:
    base = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    tenant = clock_at_offset(base, timedelta(days=40))

    base.advance(timedelta(hours=1))

    assert tenant.now() == datetime(2026, 4, 10, 1, tzinfo=UTC)


def test_without_an_offset_the_clock_is_the_machines_own() -> None:
    base = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))

    assert clock_at_offset(base, timedelta(0)) is base
    assert isinstance(clock_at_offset(base, timedelta(1)), OffsetClock)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "\x00", "/etc", "Europe"])
def test_a_bad_time_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        zone(name)


@pytest.mark.parametrize(
    ("occurred_at", "time_zone", "day"),
    [
        ("2026-03-10T21:59:59Z", "Europe/Bucharest", "2026-03-10"),
        ("2026-03-10T22:00:00Z", "Europe/Bucharest", "2026-03-11"),
        # The clock changes in the night from 28 to 29 March 2026, and from 24 to 25 October.
        ("2026-03-28T22:00:00Z", "Europe/Bucharest", "2026-03-29"),
        ("2026-03-29T20:59:59Z", "Europe/Bucharest", "2026-03-29"),
        ("2026-03-29T21:00:00Z", "Europe/Bucharest", "2026-03-30"),
        ("2026-10-25T21:59:59Z", "Europe/Bucharest", "2026-10-25"),
        ("2026-10-25T22:00:00Z", "Europe/Bucharest", "2026-10-26"),
        ("2026-03-10T00:00:00Z", "America/New_York", "2026-03-09"),
        ("2026-03-10T00:00:00+14:00", "Pacific/Kiritimati", "2026-03-10"),
    ],
)
def test_the_business_day_is_the_day_in_the_brands_zone_m42(
    occurred_at: str, time_zone: str, day: str
) -> None:
    assert business_day(datetime.fromisoformat(occurred_at), time_zone).isoformat() == day


@pytest.mark.parametrize(
    ("day", "time_zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Bucharest", 23),
        (date(2026, 10, 25), "Europe/Bucharest", 25),
        (date(2026, 3, 10), "Europe/Bucharest", 24),
        # Midnight itself does not exist on this day.
        (date(2026, 3, 8), "America/Havana", 23),
        (date(2026, 10, 4), "Australia/Lord_Howe", 23.5),
    ],
)
def test_a_day_is_as_long_as_the_zone_makes_it_m42(day: date, time_zone: str, hours: float) -> None:
    start, end = day_bounds(day, time_zone)

    assert (end - start) / timedelta(hours=1) == hours


@given(days, zones)
def test_a_day_holds_exactly_the_instants_between_its_bounds_m42(day: date, time_zone: str) -> None:
    start, end = day_bounds(day, time_zone)
    step = timedelta(microseconds=1)

    assert business_day(start, time_zone) == day
    assert business_day(end - step, time_zone) == day
    assert business_day(start - step, time_zone) == day - timedelta(days=1)
    assert business_day(end, time_zone) == day + timedelta(days=1)


@given(days, zones)
def test_days_follow_each_other_without_gap_or_overlap_m42(day: date, time_zone: str) -> None:
    _, end = day_bounds(day, time_zone)
    following, _ = day_bounds(day + timedelta(days=1), time_zone)

    assert end == following
