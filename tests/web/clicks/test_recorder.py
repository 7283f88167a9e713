"""The recorder: every click exactly once in the database, whatever dies, hangs or is refused in between (A10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.scope import Scope
from app.domain.visits.click import NewFallbackVisit, NewVisit
from app.domain.visits.record import take_visit_ids
from app.infra import database
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.infra.encoding import dumps, loads
from app.infra.journal import Journal
from app.models import Event, FallbackVisit, Visit, VisitAddress
from app.settings import Settings
from app.web.clicks.recorder import ClickRecorder, Recordable, _encode
from tests.conftest import run_sql
from tests.infra.cable import Cable, cable_to

LIMIT = 10_000_000
# What is sent when visits are: prepared statements are sent by name.
RECORDING = b'"attributable_until"'
PATIENCE = 60


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds; replays take a moment."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def click(recorder: ClickRecorder, clock: ManualClock, **changes: Any) -> tuple[NewVisit, str]:
    """A visit of nobody's promo; visits have no foreign keys."""
    now = clock.now()
    visit = NewVisit(
        id=recorder.ids.next(now),
        occurred_at=now,
        business_day=now.date(),
        promo_id=1,
        campaign_id=1,
        plan_id=1,
        brand_id=1,
        partner_id=1,
        attributable_until=now + timedelta(days=30),
        fingerprint=42,
        visitor_id=None,
        country="DE",
        device="desktop",
        language=None,
        network="203.0.113.0/24",
        ad_type=None,
        banner_id=None,
        uncounted_reason=None,
        referrer=None,
        user_agent="Mozilla/5.0",
        destination="https://brand.example/",
        tags='{"clickID":"1"}',
        corrupted=False,
    )
    return visit._replace(**changes), "203.0.113.9"


def fallback(recorder: ClickRecorder, clock: ManualClock) -> NewFallbackVisit:
    now = clock.now()
    identity = recorder.ids.next(now), now, "nosuchcode", "unknown_code"
    return NewFallbackVisit(*identity, None, None, None, "ZZ", "desktop", None, None)


@asynccontextmanager
async def recording(
    clock: ManualClock, directory: Path, limit: int = LIMIT
) -> AsyncIterator[ClickRecorder]:
    """A recorder of this process, drained at the end as a server does."""
    scope = Scope.system(clock, "clicks")
    recorder = ClickRecorder(scope, await take_visit_ids(scope), directory, limit, 0.3)
    running = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await recorder.drain()


@pytest.fixture
async def cable(settings: Settings) -> AsyncIterator[Cable]:
    """The models, connected by a cable that can be cut."""
    async with cable_to(settings.database_url or "") as made:
        await database.connect(settings.model_copy(update={"database_url": made.url}))
        yield made
        made.hold = made.cut_before = made.cut_after = None
        made.release.set()
        await database.disconnect()


@pytest.fixture
def directory(settings: Settings) -> Path:
    """Where the journals are."""
    return settings.journal_directory


def names_in(directory: Path, pattern: str = "*") -> list[str]:
    """The files there."""
    return sorted(path.name for path in directory.glob(pattern))


def ids_of(clicks: list[Recordable]) -> set[int]:
    return {each.id if isinstance(each, NewFallbackVisit) else each[0].id for each in clicks}


async def stored() -> list[int]:
    """The ids of all visits and fallback visits; twice what is there twice."""
    return [row["id"] for row in await fetch(_STORED)]


_STORED = "SELECT id FROM visits UNION ALL SELECT id FROM fallback_visits"


async def are_stored(clicks: list[Recordable]) -> None:
    """Wait until all of them are there, and see that nothing else is."""

    async def complete() -> bool:
        return set(await stored()) >= ids_of(clicks)

    await until(complete)
    assert sorted(await stored()) == sorted(ids_of(clicks))


async def dropped_events() -> list[int]:
    return [event.data["count"] for event in await Event.filter(type="clicks.dropped")]


async def record(recorder: ClickRecorder, clicks: list[Recordable]) -> None:
    await asyncio.wait_for(asyncio.gather(*map(recorder.record, clicks)), PATIENCE)


async def test_clicks_of_one_moment_are_one_recording(
    database: Settings, clock: ManualClock, directory: Path
) -> None:
    async with recording(clock, directory) as recorder:
        clicks: list[Recordable] = [click(recorder, clock) for _ in range(100)]
        clicks += [fallback(recorder, clock) for _ in range(10)]
        await record(recorder, clicks)

        assert sorted(await stored()) == sorted(ids_of(clicks))
        assert len({each.recording_id for each in await Visit.all()}) == 1
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
