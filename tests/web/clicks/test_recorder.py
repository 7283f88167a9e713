"""The recorder: every click exactly once in the database, whatever dies, hangs or is refused in between (A10)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Visit, VisitAddress
from app.settings import Settings
from app.web.clicks.recorder import MOST_COMMITS
from app.web.clicks.spool import Recordable
from tests.conftest import run_sql
from tests.infra.cable import Cable
from tests.web.clicks.recording import (
    PATIENCE,
    RECORDING,
    are_stored,
    click,
    dropped_events,
    fallback,
    ids_of,
    names_in,
    record,
    recording,
    stored,
    until,
)


async def test_clicks_of_one_moment_share_a_few_recordings(
    database: Settings, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(100)]
        clicks += [fallback(recorder, clock) for _ in range(10)]
        await record(recorder, clicks)

        assert sorted(await stored()) == sorted(ids_of(clicks))
        assert len({each.recording_id for each in await Visit.all()}) <= MOST_COMMITS + 1
        assert await VisitAddress.all().count() == 100
    assert names_in(directory) == []


@pytest.mark.parametrize("moment", ["cut_before", "cut_after"])
@pytest.mark.parametrize("statement", [b"INTO recordings", RECORDING])
async def test_a_click_is_recorded_once_wherever_its_commit_is_cut(
    cable: Cable, clock: ManualClock, directory: Path, moment: str, statement: bytes
) -> None:
    async with recording(clock, directory) as recorder:
        setattr(cable, moment, statement)
        clicks: list[Recordable] = [click(recorder, clock), fallback(recorder, clock)]
        following = asyncio.create_task(record(recorder, clicks))
        await asyncio.wait_for(cable.has_cut(), PATIENCE)
        setattr(cable, moment, None)
        await following

        await are_stored(clicks)
        assert recorder.dropped == 0


@pytest.mark.parametrize("moment", ["cut_before", "cut_after"])
@pytest.mark.parametrize("statement", [b"INTO recordings", RECORDING])
async def test_a_click_is_recorded_once_wherever_its_replay_is_cut(
    cable: Cable, clock: ManualClock, directory: Path, moment: str, statement: bytes
) -> None:
    async with recording(clock, directory) as recorder:
        cable.cut_before = b""
        clicks: list[Recordable] = [click(recorder, clock), fallback(recorder, clock)]
        await record(recorder, clicks)
        cable.cut_before = None
        cuts = cable.cuts
        setattr(cable, moment, statement)

        async def was_cut() -> bool:
            return cable.cuts > cuts

        await until(was_cut)
        setattr(cable, moment, None)

        await are_stored(clicks)


async def test_a_commit_that_hangs_and_succeeds_late_records_nothing_twice(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        cable.hold = RECORDING
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(5)]
        # Answered though the commit hangs: the journal has them.
        await record(recorder, clicks)
        cable.hold = None
        # Their replay waits for the commit that is under way.
        await asyncio.sleep(1)
        cable.release.set()

        await are_stored(clicks)


async def test_while_the_database_hangs_only_the_first_click_waits(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        cable.hold = b""
        loop = asyncio.get_running_loop()
        clicks: list[Recordable] = []
        waits = []
        for _ in range(20):
            started = loop.time()
            clicks.append(click(recorder, clock))
            await recorder.record(clicks[-1])
            waits.append(loop.time() - started)
        cable.hold = None
        cable.release.set()
        await are_stored(clicks)
    # In one of the others a replay's end may turn up; none waits for the whole patience.
    assert sum(wait >= 0.3 for wait in waits) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"country": "too long"},
        {"fingerprint": None},
        {"promo_id": "seven"},
        {"promo_id": 1 << 80},
        {"user_agent": "a\x00b"},
        {"tags": "no JSON"},
        {"destination": "https://brand.example/" + "x" * 9_000},
    ],
    ids="-".join,
)
async def test_a_visit_that_postgresql_refuses_stops_none_behind_it(
    database: Settings, clock: ManualClock, directory: Path, changes: dict[str, Any]
) -> None:
    async with recording(clock, directory) as recorder:
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(20)]
        poison = click(recorder, clock, **changes)
        await record(recorder, [*clicks[:10], poison, *clicks[10:]])

        await are_stored(clicks)
        later = click(recorder, clock)
        await record(recorder, [later])
        await are_stored([*clicks, later])

        async def is_reported() -> bool:
            return await dropped_events() == [1]

        await until(is_reported)
        assert recorder.dropped == 1


async def test_what_postgresql_refuses_altogether_is_kept_until_it_does_not(
    settings: Settings, database: Settings, clock: ManualClock, directory: Path
) -> None:
    """Such as a server that only reads, or whose disk is full: that says nothing about a click."""
    name = (settings.database_url or "").partition("?")[0].rpartition("/")[2]
    async with recording(clock, directory) as recorder:
        await run_sql("ALTER TABLE visits RENAME TO elsewhere", database=name)
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(3)]
        await record(recorder, clicks)
        await asyncio.sleep(1)
        await run_sql("ALTER TABLE elsewhere RENAME TO visits", database=name)

        await are_stored(clicks)
        assert recorder.dropped == 0


async def test_replayed_clicks_keep_their_order(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        cable.cut_before = b""
        clicks: list[Recordable] = []
        for _ in range(20):
            batch: list[Recordable] = [click(recorder, clock) for _ in range(60)]
            await record(recorder, batch)
            clicks += batch
        cable.cut_before = None
        await are_stored(clicks)

    rows = await fetch("SELECT id FROM visits ORDER BY recording_id, ctid")
    assert [row["id"] for row in rows] == sorted(ids_of(clicks))


async def test_clicks_that_arrive_during_a_replay_are_recorded_too(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        cable.cut_before = b""
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(3_000)]
        await record(recorder, clicks)
        cable.cut_before = None
        while len(await stored()) < 3_000:
            clicks.append(click(recorder, clock))
            await recorder.record(clicks[-1])

        await are_stored(clicks)


async def test_what_is_queued_when_the_server_stops_is_recorded(
    database: Settings, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(2_500)]
        waiting = [recorder.record(each) for each in clicks]

    assert all(each.done() for each in waiting)
    assert sorted(await stored()) == sorted(ids_of(clicks))
    assert names_in(directory) == []


async def test_what_is_queued_when_the_server_stops_in_an_outage_is_left_to_the_next(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        cable.cut_before = b""
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(1_500)]
        waiting = [recorder.record(each) for each in clicks]
    assert all(each.done() for each in waiting)
    assert len(names_in(directory, "*.journal")) == 1

    cable.cut_before = None
    async with recording(clock, directory):
        await are_stored(clicks)
