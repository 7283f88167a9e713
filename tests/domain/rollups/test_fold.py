"""Folding: several at once, while facts are written and reports are read (decision 8)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.domain.activity.record import record_activity
from app.domain.conversions.record import record_conversions
from app.domain.events import head, place_recordings
from app.domain.players.register import register_players
from app.domain.reports.run import run_report
from app.domain.reports.specification import ReportSpecification
from app.domain.rollups.fold import drop, fold
from app.domain.rollups.tables import DAILY
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.money import Money
from app.models import DailyRollup, RollupPosition
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import BOX, World, brand_scope, day_interval, make_world

METRICS = ("sales_count", "sales_sum", "deposits_sum", "registrations_count")


def asked() -> ReportSpecification:
    return ReportSpecification(NOW.date() - timedelta(days=5), NOW.date(), METRICS)


async def sell(world: World, *numbers: int) -> None:
    items = [
        {
            "type": "sale",
            "transaction_id": f"{number}",
            "tag": world.tag,
            "occurred_at": NOW.isoformat(),
            "amount": "1.00",
        }
        for number in numbers
    ]
    await record_conversions(brand_scope(world.brand, world.clock), world.brand.id, items)


async def sales(system: Scope) -> int:
    """The sales that a report counts; their sum must say the same."""
    cells = (await run_report(system, asked())).totals.cells
    count = cells["sales_count"]
    assert isinstance(count, Decimal)
    assert cells["sales_sum"] == ((Money(count, "EUR"),) if count else ())
    return int(count)


async def place_and_fold(system: Scope) -> None:
    while await place_recordings(system):
        pass
    while await fold(system, DAILY):
        pass


async def test_folding_moves_the_rollup_to_the_end_of_the_log(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    await sell(world, 1, 2)
    await place_recordings(system)

    moved = await fold(system, DAILY)

    end = (await head(system)).position
    assert moved == end == (await RollupPosition.get(rollup="daily")).position
    assert await fold(system, DAILY) == 0
    assert await sales(system) == 2


async def test_what_is_not_placed_is_not_folded_and_counted_all_the_same(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    await sell(world, 1)

    assert await fold(system, DAILY) == 0
    assert await sales(system) == 1


async def test_several_folds_at_once_count_each_fact_once(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    for number in range(5):
        await sell(world, number)
        await place_recordings(system)

        moved = await asyncio.gather(*(fold(system, DAILY) for _ in range(6)))

        assert len([step for step in moved if step]) == 1
    assert await sales(system) == 5


async def test_reports_are_right_at_every_moment_while_facts_are_folded(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    begun = done = 0
    writing = True

    async def write() -> None:
        nonlocal begun, done, writing
        for number in range(60):
            begun += 1
            await sell(world, number)
            done += 1
        writing = False

    async def keep_folding() -> None:
        while writing:
            await place_recordings(system)
            await fold(system, DAILY)
            await asyncio.sleep(0)

    async def keep_dropping() -> None:
        while writing:
            await asyncio.sleep(0.05)
            await drop(system, DAILY)

    async def read() -> None:
        while writing:
            least = done
            counted = await sales(system)
            assert least <= counted <= begun

    await asyncio.gather(write(), keep_folding(), keep_folding(), keep_dropping(), read(), read())
    await place_and_fold(system)

    assert await sales(system) == 60


async def test_a_correction_takes_back_what_was_folded_before(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    world = await make_world(clock)
    scope, day = brand_scope(world.brand, clock), day_interval(NOW - timedelta(hours=14))
    await register_players(scope, world.brand.id, [world.player("p1")], box=BOX)

    async def deposit(amount: str) -> Any:
        item = {"user_id": "p1", "deposits_sum": amount}
        await record_activity(scope, world.brand.id, day["from"], day["to"], [item])
        return (await run_report(system, asked())).totals.cells["deposits_sum"]

    assert await deposit("10.00") == (Money(Decimal(10), "EUR"),)
    await place_and_fold(system)
    assert await deposit("4.00") == (Money(Decimal(4), "EUR"),)
    await place_and_fold(system)
    assert await deposit("0") == ()
    await place_and_fold(system)

    assert sum(row.deposits_sum for row in await DailyRollup.all()) == 0
    assert (await run_report(system, asked())).totals.cells["deposits_sum"] == ()
