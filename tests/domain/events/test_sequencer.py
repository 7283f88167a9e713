"""The sequencer: a reader receives exactly the committed log, in order, whoever dies meanwhile (decision 2)."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import asyncpg
import pytest

from app.domain.events import (
    Head,
    Subject,
    head,
    lock_reader,
    move_reader,
    place_recordings,
    read_log,
    record,
)
from app.domain.events.sequencer import BATCH, SEQUENCER_LOCK
from app.domain.scope import Scope
from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.infra.database import (
    CommitOutcomeUnknown,
    DatabaseUnavailable,
    credentials,
    fetch,
    require_url,
    transaction,
)
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.events.following import (
    Commit,
    Follower,
    Writer,
    check_log,
    dice,
    place_all,
    sequence,
)
from tests.infra.cable import cable_to

HELD = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = {SEQUENCER_LOCK & 0xFFFF_FFFF}"


async def add_recordings(count: int) -> None:
    await fetch("INSERT INTO recordings SELECT FROM generate_series(1, $1)", count)


async def positions() -> list[int | None]:
    return [row["position"] for row in await fetch("SELECT position FROM recordings ORDER BY id")]


async def write_one(system: Scope, mark: str, events: int = 1) -> Commit:
    async with transaction() as tx:
        await tx.recording()
        for n in range(events):
            data = {"mark": mark, "n": n}
            await record(system, tx, "test.happened", Subject("test", None), data=data)
    return Commit(mark, events, 0, 1)


async def test_eight_writers_two_sequencers_and_one_reader_agree(
    database: Settings, system: Scope
) -> None:
    writers = [Writer(system, f"writer {n}", dice(n)) for n in range(8)]
    writing = asyncio.gather(*(writer.write(25) for writer in writers))
    follower = Follower(system)

    await asyncio.gather(
        writing,
        follower.follow(writing.done),
        *(sequence(ManualClock(NOW), dice(n), writing.done) for n in range(2)),
    )
    await place_all(system)
    await follower.catch_up()

    committed = [commit for writer in writers for commit in writer.committed]
    assert any(writer.rolled_back for writer in writers)
    await check_log(follower, committed)


async def test_a_reader_loses_and_repeats_nothing_while_sequencers_are_killed(
    database: Settings, system: Scope
) -> None:
    writers = [Writer(system, f"writer {n}", dice(n)) for n in range(8)]
    writing = asyncio.gather(*(writer.write(25) for writer in writers))
    follower = Follower(system)
    killer = await asyncpg.connect(**credentials(require_url(database)))
    killed = 0

    async def kill() -> None:
        nonlocal killed
        while not writing.done():
            killed += len(await killer.fetch(f"SELECT pg_terminate_backend(pid) FROM ({HELD}) h"))
            await asyncio.sleep(0)

    try:
        await asyncio.gather(
            writing,
            kill(),
            follower.follow(writing.done),
            *(sequence(ManualClock(NOW), dice(n), writing.done) for n in range(2)),
        )
    finally:
        await killer.close()
    await place_all(system)
    await follower.catch_up()

    assert killed
    await check_log(follower, [commit for writer in writers for commit in writer.committed])


@pytest.mark.parametrize(
    ("moment", "statement", "placed"),
    [
        ("cut_before", b"pg_try_advisory_xact_lock", 0),
        ("cut_after", b"pg_try_advisory_xact_lock", 0),
        ("cut_before", b"UPDATE sequence_heads", 0),
        ("cut_after", b"UPDATE sequence_heads", 0),
        ("cut_before", b"COMMIT", 0),
        ("cut_after", b"COMMIT", 3),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else str(value),
)
async def test_a_sequencer_that_dies_at_any_statement_leaves_all_or_nothing(
    settings: Settings, system: Scope, moment: str, statement: bytes, placed: int
) -> None:
    async with cable_to(require_url(settings)) as cable:
        await infra_database.connect(settings.model_copy(update={"database_url": cable.url}))
        try:
            await add_recordings(3)
            setattr(cable, moment, statement)
            with pytest.raises(DatabaseUnavailable) as death:
                await place_recordings(system)
            assert isinstance(death.value, CommitOutcomeUnknown) is (statement == b"COMMIT")
            setattr(cable, moment, None)

            assert [n for n in await positions() if n] == list(range(1, placed + 1))
            assert await place_recordings(system) == 3 - placed
            assert await positions() == [1, 2, 3]
            assert (await head(system)).position == 3
        finally:
            await infra_database.disconnect()


async def test_while_one_sequencer_works_another_does_nothing(
    database: Settings, system: Scope
) -> None:
    await add_recordings(2)
    first = await asyncpg.connect(**credentials(require_url(database)))
    try:
        await first.execute(f"BEGIN; SELECT pg_try_advisory_xact_lock({SEQUENCER_LOCK})")
        assert await place_recordings(system) == 0
        await fetch(f"SELECT pg_terminate_backend(pid, 5000) FROM ({HELD}) AS holder")
    finally:
        first.terminate()

    assert await place_recordings(system) == 2


async def test_two_sequencers_at_once_give_each_position_once(
    database: Settings, system: Scope
) -> None:
    for _ in range(10):
        await add_recordings(50)
        placed = await asyncio.gather(*(place_recordings(system) for _ in range(8)))
        assert sum(placed) == 50

    assert sorted(n for n in await positions() if n) == list(range(1, 501))


async def test_nobody_waits_for_a_long_open_transaction(database: Settings, system: Scope) -> None:
    early = await asyncpg.connect(**credentials(require_url(database)))
    try:
        await early.execute("BEGIN; INSERT INTO recordings DEFAULT VALUES")
        await add_recordings(3)
        assert await place_recordings(system) == 3
        assert (await head(system)).position == 3
        await early.execute("COMMIT")
    finally:
        await early.close()

    assert await place_recordings(system) == 1
    # Its id is the smallest, its position the last.
    assert await positions() == [4, 1, 2, 3]


async def test_a_transaction_of_another_database_holds_up_nobody(
    database: Settings, system: Scope
) -> None:
    elsewhere = credentials(require_url(database)) | {"database": "postgres"}
    other = await asyncpg.connect(**elsewhere)
    try:
        await other.execute("BEGIN; SELECT pg_current_xact_id()")
        await add_recordings(1)
        assert await place_recordings(system) == 1
    finally:
        await other.close()


async def test_known_at_never_decreases_when_the_clock_steps_back(
    database: Settings, system: Scope, clock: ManualClock
) -> None:
    known = []
    for step in (timedelta(0), timedelta(hours=-3), timedelta(hours=1), timedelta(hours=5)):
        clock.advance(step)
        await add_recordings(1)
        await place_recordings(system)
        known.append((await head(system)).known_at)

    assert known == [NOW, NOW, NOW, NOW + timedelta(hours=3)]
    stored = await fetch("SELECT known_at FROM recordings ORDER BY position")
    assert [row["known_at"] for row in stored] == known


async def test_a_rolled_back_transaction_leaves_nothing_and_no_gap(
    database: Settings, system: Scope
) -> None:
    await write_one(system, "first")
    with contextlib.suppress(LookupError):
        async with transaction() as tx:
            await record(system, tx, "test.happened", Subject("test", None))
            raise LookupError
    await write_one(system, "second")
    await place_all(system)

    events, reached = await read_log(system, 0)

    assert [(event.position, event.data["mark"]) for event in events] == [
        (1, "first"),
        (2, "second"),
    ]
    assert reached == 2


async def test_a_long_backlog_is_placed_in_steps_without_a_gap(
    database: Settings, system: Scope
) -> None:
    await add_recordings(2 * BATCH + 3)

    steps = [await place_recordings(system) for _ in range(4)]

    assert steps == [BATCH, BATCH, 3, 0]
    assert await positions() == list(range(1, 2 * BATCH + 4))


async def test_an_empty_log_has_a_head_at_zero(database: Settings, system: Scope) -> None:
    assert await head(system) == Head(0, None)
    assert await place_recordings(system) == 0
    assert await read_log(system, 0) == ([], 0)


async def test_an_event_can_be_read_once_its_recording_is_placed_not_before(
    database: Settings, system: Scope
) -> None:
    await write_one(system, "first")
    assert await read_log(system, 0) == ([], 0)

    await place_all(system)

    events, _ = await read_log(system, 0)
    assert [event.data["mark"] for event in events] == ["first"]


async def test_a_recording_without_events_moves_the_reader_on(
    database: Settings, system: Scope
) -> None:
    await add_recordings(5)
    await write_one(system, "last")
    await place_all(system)

    assert await read_log(system, 0, recordings=5) == ([], 5)
    events, reached = await read_log(system, 5, recordings=5)

    assert [event.data["mark"] for event in events] == ["last"]
    assert reached == 6


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_pages_of_any_size_give_the_same_log(
    database: Settings, system: Scope, page: int
) -> None:
    committed = [await write_one(system, f"mark {n}", n % 4) for n in range(9)]
    await place_all(system)
    follower = Follower(system, page)

    await follower.catch_up()

    assert [event.data["mark"] for event in follower.events] == [
        commit.mark for commit in committed for _ in range(commit.events)
    ]


async def test_an_event_says_who_did_what_to_what_and_when(
    database: Settings, system: Scope
) -> None:
    async with transaction() as tx:
        await record(
            system,
            tx,
            "campaign.created",
            Subject("campaign", 7),
            partner_id=3,
            brand_id=4,
            data={"name": "Été"},
        )
    await place_all(system)

    ((event,), _) = await read_log(system, 0)

    assert (event.type, event.subject_type, event.subject_id) == ("campaign.created", "campaign", 7)
    assert (event.partner_id, event.brand_id, event.data) == (3, 4, {"name": "Été"})
    assert (event.occurred_at, event.request_id, event.n) == (NOW, "test-request", 1)


# Readers keep their place


async def test_a_new_reader_starts_at_the_beginning(database: Settings) -> None:
    async with transaction() as tx:
        assert await lock_reader(tx, "mails") == 0


async def test_a_reader_finds_its_place_again_and_readers_do_not_disturb_each_other(
    database: Settings,
) -> None:
    async with transaction() as tx:
        await lock_reader(tx, "mails")
        await move_reader(tx, "mails", 17)
        await lock_reader(tx, "jobs")

    async with transaction() as tx:
        assert await lock_reader(tx, "mails") == 17
        assert await lock_reader(tx, "jobs") == 0


async def test_two_processes_of_one_reader_take_turns(database: Settings) -> None:
    async def step() -> int:
        async with transaction() as tx:
            position = await lock_reader(tx, "mails")
            await asyncio.sleep(0.002)
            await move_reader(tx, "mails", position + 1)
        return position

    taken = await asyncio.gather(*(step() for _ in range(20)))

    assert sorted(taken) == list(range(20))


async def test_a_reader_that_fails_keeps_its_old_place(database: Settings) -> None:
    with contextlib.suppress(LookupError):
        async with transaction() as tx:
            await lock_reader(tx, "mails")
            await move_reader(tx, "mails", 5)
            raise LookupError

    async with transaction() as tx:
        assert await lock_reader(tx, "mails") == 0
