"""Time partitions: made ahead of time, in nobody's way, and dropped when their retention is over (M04)."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.infra.clock import ManualClock
from app.infra.database import TransactionAborted, credentials, fetch, require_url, transaction
from app.infra.partitions import (
    DAYS_AHEAD,
    FACT_TABLES,
    MONTHS_AHEAD,
    drop_old_addresses,
    ensure_partitions,
    months,
    wanted,
)
from app.infra.visit_ids import first_visit_id
from app.models import Visit, VisitAddress
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import World, make_visits, make_world

# Far from what the template brings.
LATER = datetime(2031, 5, 17, 23, 30, tzinfo=UTC)


async def partitions(table: str) -> set[str]:
    rows = await fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = $1::regclass::oid",
        table,
    )
    return {row["relname"] for row in rows}


async def holding(table: str, column: str = "id") -> dict[str, int]:
    """How many rows each partition of the table holds, without the empty ones."""
    rows = await fetch(
        f"SELECT tableoid::regclass::text AS name, count({column}) AS count FROM {table} GROUP BY 1"
    )
    return {row["name"]: row["count"] for row in rows}


async def address_ids() -> set[int]:
    return {address.visit_id for address in await VisitAddress.all()}


async def add_fact(table: str, day: date) -> None:
    extra: dict[str, dict[str, Any]] = {
        "first_deposits": {"first_deposit_sum": 5},
        "activities": {"period_from": NOW, "period_to": NOW},
        "conversions": {"kind": "sale", "transaction_id": f"{day}", "amount": 5},
    }
    values: dict[str, Any] = {
        "recording_id": 1,
        "occurred_at": NOW,
        "business_day": day,
        **dict.fromkeys(("brand_id", "partner_id", "campaign_id", "plan_id", "promo_id"), 1),
        "country": "RO",
        "currency": "EUR",
        **extra.get(table, {}),
    }
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await fetch(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values())


def test_months_are_counted_over_the_end_of_a_year() -> None:
    assert months(date(2026, 11, 30), date(2027, 1, 1)) == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
    ]


async def test_every_partitioned_table_has_its_next_months(database: Settings) -> None:
    await ensure_partitions(LATER)

    for table in (*FACT_TABLES, "visits"):
        expected = {f"{table}_{month}" for month in ("2031_05", "2031_06", "2031_07", "2031_08")}
        assert expected <= await partitions(table)
    assert MONTHS_AHEAD == 3


async def test_addresses_have_their_next_days(database: Settings) -> None:
    await ensure_partitions(LATER)

    expected = {
        f"visit_addresses_{LATER + timedelta(days=n):%Y_%m_%d}" for n in range(DAYS_AHEAD + 1)
    }
    assert expected <= await partitions("visit_addresses")


async def test_every_table_that_is_partitioned_is_looked_after(database: Settings) -> None:
    rows = await fetch("SELECT relname FROM pg_class WHERE relkind = 'p'")

    assert {row["relname"] for row in rows} == {part.table for part in wanted(LATER)}


async def test_partitions_before_an_import_are_made_when_asked_for(database: Settings) -> None:
    await ensure_partitions(LATER, history_days=60)

    assert "activities_2031_03" in await partitions("activities")
    assert "visit_addresses_2031_03_18" in await partitions("visit_addresses")


async def test_making_partitions_twice_makes_them_once(database: Settings) -> None:
    first = await ensure_partitions(LATER)

    assert first
    assert await ensure_partitions(LATER) == []


async def test_several_schedulers_may_make_partitions_at_once(database: Settings) -> None:
    made = await asyncio.gather(*(ensure_partitions(LATER) for _ in range(6)))

    assert {part.name for part in wanted(LATER)} == set().union(*made)
    assert await ensure_partitions(LATER) == []


async def test_rows_go_to_the_partition_of_their_time(
    database: Settings, clock: ManualClock
) -> None:
    clock.at = LATER
    await ensure_partitions(LATER)
    world = await make_world(clock, time_zone="UTC")
    for table in FACT_TABLES:
        await add_fact(table, date(2031, 6, 30))

    assert await holding("visits") == {"visits_2031_05": 1}
    assert await holding("visit_addresses", "visit_id") == {"visit_addresses_2031_05_17": 1}
    for table in FACT_TABLES:
        assert await holding(table) == {f"{table}_2031_06": 1}
    assert world.visit_id >= first_visit_id(LATER)


async def test_rows_without_a_partition_are_kept_and_move_into_it_once_it_is_made(
    database: Settings, clock: ManualClock
) -> None:
    """A sandbox brand lives ahead of the machine's clock (X08), and an import behind it (M38)."""
    clock.at = LATER
    await make_world(clock)
    for table in FACT_TABLES:
        await add_fact(table, date(2031, 6, 30))
        await add_fact(table, date(2055, 1, 1))
    assert await holding("visits") == {"visits_default": 1}

    await ensure_partitions(LATER)

    assert await holding("visits") == {"visits_2031_05": 1}
    assert await holding("visit_addresses", "visit_id") == {"visit_addresses_2031_05_17": 1}
    for table in FACT_TABLES:
        assert await holding(table) == {f"{table}_2031_06": 1, f"{table}_default": 1}


async def test_moved_facts_cannot_be_rewritten_either(
    database: Settings, clock: ManualClock
) -> None:
    for table in FACT_TABLES:
        await add_fact(table, date(2031, 6, 30))
        await add_fact(table, date(2055, 1, 1))
    await ensure_partitions(LATER)

    for table in FACT_TABLES:
        for partition in (table, f"{table}_2031_06", f"{table}_default"):
            for change in (f"DELETE FROM {partition}", f"UPDATE {partition} SET country = 'FR'"):
                with pytest.raises(Exception, match="append-only"):
                    await fetch(change)


async def test_visits_are_recorded_while_partitions_are_made(
    database: Settings, clock: ManualClock
) -> None:
    world = await make_world(clock)
    longest = 0.0

    async def record() -> None:
        nonlocal longest
        for _ in range(40):
            started = time.monotonic()
            await make_visits(world.promo, clock)
            longest = max(longest, time.monotonic() - started)

    await asyncio.gather(record(), ensure_partitions(LATER), ensure_partitions(LATER))

    assert await Visit.all().count() == 41
    assert longest < 5


@pytest.mark.parametrize("keeping", ["ensure", "drop"])
async def test_keeping_partitions_never_makes_a_click_wait_behind_a_long_read(
    database: Settings, clock: ManualClock, keeping: str
) -> None:
    """A dump reads every table for as long as it takes; whoever waits for its end stops all who come after."""
    world = await make_world(clock)
    reader = await asyncpg.connect(**credentials(require_url(database)))
    try:
        async with reader.transaction():
            await reader.execute("SELECT count(*) FROM visits")
            await reader.execute("SELECT count(*) FROM visit_addresses")
            blocked = (
                ensure_partitions(LATER)
                if keeping == "ensure"
                else drop_old_addresses(NOW + timedelta(days=3), 1)
            )
            work = asyncio.create_task(blocked)
            await asyncio.sleep(0.05)
            started = time.monotonic()
            await _click_and_look_up(world, clock)
            took = time.monotonic() - started
            with pytest.raises(TransactionAborted):
                await work
    finally:
        await reader.close()
    assert took < 2


async def _click_and_look_up(world: World, clock: ManualClock) -> None:
    visits = await make_visits(world.promo, clock)
    async with transaction() as tx:
        await tx.fetch("SELECT id FROM visits WHERE id = ANY($1::bigint[])", visits)


async def test_exactly_the_addresses_within_the_retention_are_kept_m04(
    database: Settings, clock: ManualClock
) -> None:
    await ensure_partitions(LATER, history_days=40)
    world = await make_world(clock)
    ids = {}
    for days in range(35):
        clock.at = LATER - timedelta(days=days)
        (ids[days],) = await make_visits(world.promo, clock)

    dropped = await drop_old_addresses(LATER, 30)

    assert await address_ids() - {world.visit_id} == {ids[days] for days in range(31)}
    assert "visit_addresses_2031_04_16" in dropped
    assert "visit_addresses_2031_04_17" not in dropped
    assert await Visit.filter(id__in=list(ids.values())).count() == 35


async def test_old_addresses_are_dropped_even_when_they_had_no_partition_m04(
    database: Settings, clock: ManualClock
) -> None:
    clock.at = LATER - timedelta(days=31)
    world = await make_world(clock)
    clock.at = LATER - timedelta(days=30)
    (kept,) = await make_visits(world.promo, clock)

    await drop_old_addresses(LATER, 30)

    assert await address_ids() == {kept}


async def test_dropping_old_addresses_twice_drops_them_once(database: Settings) -> None:
    await ensure_partitions(LATER, history_days=10)

    results = await asyncio.gather(*(drop_old_addresses(LATER, 5) for _ in range(3)))

    assert any(results)
    assert await drop_old_addresses(LATER, 5) == []
    assert await partitions("visit_addresses") >= {"visit_addresses_default"}


async def test_addresses_of_the_future_are_not_dropped(database: Settings) -> None:
    await ensure_partitions(LATER)

    await drop_old_addresses(LATER, 1)

    ahead = {part.name for part in wanted(LATER) if part.table == "visit_addresses"}
    assert ahead <= await partitions("visit_addresses")
