"""Decision 2: of running totals one revision per hour stays, and reports as known at those moments stay exact."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.activity.compaction import compact_running_totals
from app.domain.activity.record import record_activity
from app.domain.changes.derive import derive_changes
from app.domain.events import place_recordings
from app.domain.players.register import register_players
from app.domain.reports.run import run_report
from app.domain.reports.specification import ReportSpecification
from app.domain.rollups.fold import drop, fold_all
from app.domain.rollups.tables import ROLLUPS
from app.domain.scope import Scope
from app.infra.clock import ManualClock, day_bounds
from app.infra.database import IntegrityViolation, fetch
from app.models import Activity, FactChange, FigureChange
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import BOX, World, brand_scope, make_world

# It ends at 22:00 in UTC: the brand is in Bucharest.
DAY = NOW.date()
FACTS = "activities, fact_changes, figure_changes, daily_rollups, hourly_rollups, player_rollups"


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    made = await make_world(clock)
    scope = brand_scope(made.brand, clock)
    await register_players(scope, made.brand.id, [made.player("p1")], box=BOX)
    return made


async def settle(system: Scope) -> None:
    while await place_recordings(system):
        pass
    while await fold_all(system):
        pass
    while await derive_changes(system):
        pass


async def send(world: World, system: Scope, amount: Decimal, day: date = DAY) -> None:
    first, end = (at.isoformat() for at in day_bounds(day, world.brand.time_zone))
    scope = brand_scope(world.brand, world.clock)
    item = {"user_id": "p1", "deposits_sum": f"{amount:.2f}"}
    (result,) = await record_activity(scope, world.brand.id, first, end, [item])
    assert result.error is None
    await settle(system)


async def known(system: Scope, at: datetime | None = None) -> Decimal:
    last = max(NOW, system.now()).date()
    asked = ReportSpecification(last - timedelta(days=60), last, ("deposits_sum",), as_known_at=at)
    cell: Any = (await run_report(system, asked)).totals.cells["deposits_sum"]
    return Decimal(cell[0].amount if cell else 0)


async def compact(system: Scope) -> int:
    dropped = 0
    while count := await compact_running_totals(system):
        dropped += count
    return dropped


async def test_one_revision_of_each_hour_stays_with_the_first_and_the_latest(
    world: World, system: Scope, clock: ManualClock
) -> None:
    for number in range(1, 25):
        await send(world, system, Decimal(number))
        clock.advance(timedelta(minutes=5))

    dropped = await compact(system)

    # At 12:00 the first; the last of 12:00 to 12:59; the last of 13:00 to 13:59.
    kept = await Activity.all().order_by("id")
    assert [row.deposits_sum for row in kept] == [1, 12, 24]
    assert dropped == 21
    links = await FactChange.all().order_by("id")
    assert [(link.before_id, link.after_id, link.delta) for link in links] == [
        (kept[0].id, kept[1].id, {"deposits_sum": "11"}),
        (kept[1].id, kept[2].id, {"deposits_sum": "12"}),
    ]
    assert await compact(system) == 0


async def test_revisions_after_the_end_of_the_day_all_stay(
    world: World, system: Scope, clock: ManualClock
) -> None:
    await send(world, system, Decimal(1))
    clock.advance(timedelta(hours=11))
    for number in range(2, 6):
        await send(world, system, Decimal(number))

    assert await compact(system) == 0
    assert await Activity.all().count() == 5


async def test_nothing_is_dropped_that_a_rollup_has_not_folded(world: World, system: Scope) -> None:
    for number in range(1, 5):
        await send(world, system, Decimal(number))
    await drop(system, ROLLUPS[1])

    assert await compact(system) == 0


async def test_history_is_still_refused_to_everybody_else(world: World, system: Scope) -> None:
    for number in range(1, 4):
        await send(world, system, Decimal(number))
    for change in (
        "DELETE FROM activities WHERE superseded_by IS NOT NULL",
        "UPDATE activities SET superseded_by = 1 WHERE superseded_by IS NOT NULL",
        "DELETE FROM fact_changes",
        "UPDATE fact_changes SET before_id = 1",
    ):
        with pytest.raises(IntegrityViolation):
            await fetch(change)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from([1, 5, 20, 45, 130])), min_size=2, max_size=14
    )
)
@hypothesis_settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.reuse, Phase.generate],
)
async def test_reports_as_known_at_the_moments_that_stay_are_exact(
    world: World, system: Scope, clock: ManualClock, steps: list[tuple[int, int]]
) -> None:
    await fetch(f"TRUNCATE {FACTS}")
    # Each time another day, for what is known is never known earlier again.
    clock.at = (clock.at + timedelta(days=1)).replace(hour=12, minute=0)
    day = clock.at.date()
    moments: list[datetime] = []
    # Mostly growing, sometimes corrected downwards; some come after the end of the day.
    for number, (amount, minutes) in enumerate(steps):
        clock.advance(timedelta(minutes=minutes))
        await send(world, system, Decimal(amount if amount % 3 == 0 else 60 + number), day)
        moments.append(clock.now())
    said = [await known(system, at) for at in moments]
    feed = await FigureChange.all().order_by("position", "n").values("figures", "known_at")
    present = await known(system)

    await compact(system)

    kept = {row.recording_id for row in await Activity.all()}
    rows = await fetch("SELECT known_at FROM recordings WHERE id = ANY($1::bigint[])", list(kept))
    stay = {row["known_at"] for row in rows}
    for _ in range(2):
        for at, before in zip(moments, said, strict=True):
            if at in stay:
                assert await known(system, at) == before
        assert await known(system) == present
        # The same from the facts alone.
        for rollup in ROLLUPS:
            await drop(system, rollup)
        await settle(system)
    assert await FigureChange.all().order_by("position", "n").values("figures", "known_at") == feed
    told = {change["known_at"] for change in feed}
    assert told <= stay
