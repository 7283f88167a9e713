"""The spool: journals of this process and of dead ones, damaged ones, full ones (A10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.scope import Scope
from app.domain.visits.record import take_visit_ids
from app.infra.clock import ManualClock
from app.infra.encoding import dumps, loads
from app.infra.journal import Journal
from app.models import FallbackVisit, Visit
from app.settings import Settings
from app.web.clicks.recorder import ClickRecorder
from app.web.clicks.spool import Recordable, _encode
from tests.infra.cable import Cable
from tests.web.clicks.recording import (
    LIMIT,
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


async def test_journals_of_the_dead_are_replayed_once_by_two_recorders(
    database: Settings, clock: ManualClock, directory: Path
) -> None:
    clicks: list[Recordable] = []
    dead = ClickRecorder(
        Scope.system(clock, "clicks"), await take_visit_ids(system(clock)), directory, LIMIT, 1
    )
    for _ in range(4):
        batch: list[Recordable] = [click(dead, clock) for _ in range(700)]
        left_behind(directory, [_encode(each) for each in (*batch, fallback(dead, clock))])
        clicks += batch
    async with recording(clock, directory), recording(clock, directory):

        async def replayed() -> bool:
            return names_in(directory, "*.journal") == []

        await until(replayed)
    found = [visit.id for visit in await Visit.all()]
    assert sorted(found) == sorted(ids_of(clicks))
    assert await FallbackVisit.all().count() == 4


def system(clock: ManualClock) -> Scope:
    return Scope.system(clock, "clicks")


def left_behind(directory: Path, entries: list[bytes]) -> Path:
    """A journal whose process has died."""
    journal = Journal.create(directory, LIMIT)
    journal.append(entries)
    journal.close()
    return journal.path


def damage(path: Path) -> None:
    """Flip a bit near the end of a file."""
    with path.open("r+b") as file:
        file.seek(-10, 2)
        (byte,) = file.read(1)
        file.seek(-10, 2)
        file.write(bytes([byte ^ 1]))


async def test_a_journal_of_another_version_is_replayed(
    database: Settings, clock: ManualClock, directory: Path
) -> None:
    """Columns that this version does not know are left out; those that it alone knows are empty."""
    maker = ClickRecorder(system(clock), await take_visit_ids(system(clock)), directory, LIMIT, 1)
    older, newer = click(maker, clock), click(maker, clock)
    kind, values, ip = loads(_encode(older))
    for column in ("network", "language", "ad_type", "banner_id"):
        del values[column]
    future = loads(_encode(newer))
    future[1]["browser"] = {"name": "a", "version": [1, 2]}
    left_behind(directory, [dumps([kind, values, ip]), dumps([*future, "one more"])])

    async with recording(clock, directory):
        await are_stored([older, newer])
    visit = await Visit.get(id=older[0].id)
    assert (visit.network, visit.language, visit.user_agent) == (None, None, "Mozilla/5.0")


@pytest.mark.parametrize(
    "entry",
    [
        b"no JSON",
        b"{}",
        b"[]",
        b'["visit"]',
        b'["coupon_visit",{"id":1},null]',
        b'["visit",{"occurred_at":"then"},null]',
        b'["visit",[1],null]',
        b"17",
    ],
    ids=lambda entry: entry.decode()[:20],
)
async def test_an_entry_that_cannot_be_read_is_counted_and_stops_none_behind_it(
    database: Settings, clock: ManualClock, directory: Path, entry: bytes
) -> None:
    maker = ClickRecorder(system(clock), await take_visit_ids(system(clock)), directory, LIMIT, 1)
    clicks: list[Recordable] = [click(maker, clock) for _ in range(2)]
    left_behind(directory, [_encode(clicks[0]), entry, _encode(clicks[1])])

    async with recording(clock, directory) as recorder:
        await are_stored(clicks)

        async def is_reported() -> bool:
            return await dropped_events() == [1]

        await until(is_reported)
        assert recorder.dropped == 1


async def test_a_damaged_journal_is_replayed_up_to_the_damage_and_set_aside(
    database: Settings, clock: ManualClock, directory: Path
) -> None:
    maker = ClickRecorder(system(clock), await take_visit_ids(system(clock)), directory, LIMIT, 1)
    clicks: list[Recordable] = [click(maker, clock) for _ in range(3)]
    path = left_behind(directory, [_encode(each) for each in clicks])
    damage(path)

    async with recording(clock, directory):
        await are_stored(clicks[:2])

        async def is_set_aside() -> bool:
            return path.with_suffix(".damaged").exists()

        await until(is_set_aside)
    assert not path.exists()


async def test_a_recorders_own_journal_that_is_damaged_stops_no_later_click(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        cable.cut_before = b""
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(3)]
        await record(recorder, clicks)
        (name,) = names_in(directory, "*.journal")
        damage(directory / name)
        cable.cut_before = None
        await are_stored(clicks[:2])

        later = click(recorder, clock)
        await record(recorder, [later])
        await are_stored([*clicks[:2], later])


async def test_dropped_clicks_are_reported_once_the_database_is_back(
    cable: Cable, clock: ManualClock
) -> None:
    """Neither the database nor the journal takes them: no directory can be made in a file."""
    async with recording(clock, Path("/dev/null/journal")) as recorder:
        cable.cut_before = b""
        for _ in range(3):
            await record(recorder, [click(recorder, clock)])
        room = recorder.has_room
        cable.cut_before = None

        async def is_reported() -> bool:
            return sum(await dropped_events()) == 3

        await until(is_reported)
        later = click(recorder, clock)
        await record(recorder, [later])
        await are_stored([later])
    assert (recorder.dropped, room) == (3, False)


async def test_a_full_journal_keeps_what_it_has_and_takes_clicks_again_afterwards(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory, limit=1_500) as recorder:
        cable.cut_before = b""
        kept: list[Recordable] = []
        rooms = []
        for _ in range(5):
            before = recorder.dropped
            one = click(recorder, clock)
            await record(recorder, [one])
            kept += [one] if recorder.dropped == before else []
            rooms.append(recorder.has_room)
        cable.cut_before = None
        await are_stored(kept)

        async def is_reported() -> bool:
            return sum(await dropped_events()) == 5 - len(kept)

        await until(is_reported)
        assert 0 < len(kept) < 5
        assert (rooms[0], rooms[-1], recorder.has_room) == (True, False, True)


async def test_a_full_journal_takes_the_clicks_of_a_batch_that_still_fit(
    cable: Cable, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory, limit=4_000) as recorder:
        cable.cut_before = b""
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(12)]
        await record(recorder, clicks)
        dropped = recorder.dropped
        cable.cut_before = None

        async def is_replayed() -> bool:
            return len(await stored()) == 12 - dropped

        await until(is_replayed)
    assert 0 < dropped < 12
    assert set(await stored()) < ids_of(clicks)
