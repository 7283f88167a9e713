"""Dump and restore into a fresh cluster: the log, its readers, the rollups and the reports go on where they were."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.events import head, lock_reader, move_reader, place_recordings, read_log
from app.domain.players.register import register_players
from app.domain.reports.metrics import METRICS
from app.domain.reports.run import Report, run_report
from app.domain.reports.specification import Grouping, ReportSpecification
from app.domain.rollups.fold import drop, fold
from app.domain.rollups.tables import DAILY
from app.domain.scope import Scope
from app.domain.visits.record import take_visit_ids
from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.infra.database import fetch, require_url, transaction
from app.infra.embedded.postgres import binaries
from app.settings import Settings
from tests.conftest import _fast_directory
from tests.factories import BOX, World, brand_scope, day_interval, make_visits, make_world
from tests.servers import Servers, start_servers

EVERYTHING = ReportSpecification(
    date(2026, 1, 1), date(2026, 12, 31), tuple(METRICS), (Grouping.PROMO, Grouping.DAY)
)


@pytest.fixture
def fresh_cluster() -> Iterator[Servers]:
    """Another PostgreSQL, which has seen nothing yet."""
    directory = Path(tempfile.mkdtemp(prefix="tributary-restored-", dir=_fast_directory()))
    servers = start_servers(directory)
    yield servers
    servers.stop()
    shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    await infra_database.connect(settings)
    try:
        yield
    finally:
        await infra_database.disconnect()


async def run_program(name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's own to its end."""
    process = await asyncio.create_subprocess_exec(
        str(binaries() / name), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def copy_over(source: str, target: str, dump: Path) -> None:
    await run_program("pg_dump", "--format=custom", f"--file={dump}", source)
    await run_program(
        "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={target}", str(dump)
    )


async def play(world: World, clock: ManualClock, first: int) -> None:
    """Three visits, three registrations and what two of the players did, the second of them revised."""
    scope, brand = brand_scope(world.brand, clock), world.brand
    await make_visits(world.promo, clock, 3)
    items = [world.player(f"{n}") for n in range(first, first + 3)]
    await register_players(scope, brand.id, items, box=BOX)
    day = day_interval(clock.now().replace(hour=0) - timedelta(days=1, hours=2))
    for revision, deposits in ((1, "10.00"), (2, "12.50")):
        reported: list[dict[str, Any]] = [
            {"user_id": f"{first}", "deposits_count": 1, "deposits_sum": "7.77", "revision": 1},
            {
                "user_id": f"{first + 1}",
                "deposits_count": 1,
                "deposits_sum": deposits,
                "revision": revision,
                "first_deposit_at": clock.now().isoformat(),
                "first_deposit_sum": deposits,
            },
        ]
        await record_activity(scope, brand.id, day["from"], day["to"], reported)


async def stored_log() -> list[tuple[Any, ...]]:
    rows = await fetch(
        "SELECT r.position, r.known_at, e.* FROM recordings r"
        " LEFT JOIN events e ON e.recording_id = r.id ORDER BY r.position, r.id, e.n"
    )
    return [tuple(row.values()) for row in rows]


async def test_after_a_restore_everything_goes_on_where_the_dump_was_taken(
    database: Settings,
    fresh_cluster: Servers,
    system: Scope,
    clock: ManualClock,
    tmp_path: Path,
) -> None:
    # Folded, placed but not folded, and not even placed: all three kinds of recordings are there.
    world = await make_world(clock)
    await play(world, clock, 0)
    while await place_recordings(system):
        pass
    await fold(system, DAILY)
    await play(world, clock, 10)
    await place_recordings(system)
    await play(world, clock, 20)
    last = (await head(system)).position
    async with transaction() as tx:
        await lock_reader(tx, "mails")
        await move_reader(tx, "mails", last - 2)
    expected_log, expected_report = await stored_log(), await run_report(system, EVERYTHING)
    node = await _node(system)
    restored = database.model_copy(
        update={"database_url": fresh_cluster.postgres_url_of("tributary")}
    )

    await infra_database.disconnect()
    await copy_over(require_url(database), require_url(restored), tmp_path / "dump")

    async with connected(restored):
        assert await stored_log() == expected_log
        assert await run_report(system, EVERYTHING) == expected_report
        await _events_go_on(system, world, clock, last)
        await _rollups_go_on(system, expected_report)
        async with transaction() as tx:
            assert await lock_reader(tx, "mails") == last - 2
        # No node number is given again, so visit ids stay unique.
        assert await _node(system) > node


async def _node(system: Scope) -> int:
    ids = await take_visit_ids(system)
    return (ids.next(system.now()) >> 11) & 1023


async def _events_go_on(system: Scope, world: World, clock: ManualClock, last: int) -> None:
    """New recordings get the next positions, behind those that were waiting for theirs."""
    waiting = await fetch("SELECT id FROM recordings WHERE position IS NULL ORDER BY id")
    await play(world, clock, 30)
    placed = await place_recordings(system)
    rows = await fetch("SELECT id, position FROM recordings WHERE position > $1 ORDER BY 2", last)
    assert [row["position"] for row in rows] == list(range(last + 1, last + placed + 1))
    assert [row["id"] for row in rows][: len(waiting)] == [row["id"] for row in waiting]
    assert len({row["id"] for row in rows}) == len(rows) > len(waiting)
    events, reached = await read_log(system, last)
    assert reached == last + placed
    assert [event.position for event in events] == sorted(event.position for event in events)


async def _rollups_go_on(system: Scope, before: Report) -> None:
    """Folding on from the restored position gives what folding everything anew gives."""
    unfolded = await run_report(system, EVERYTHING)
    assert unfolded != before
    assert await fold(system, DAILY)
    assert await run_report(system, EVERYTHING) == unfolded
    await drop(system, DAILY)
    while await fold(system, DAILY):
        pass
    assert await run_report(system, EVERYTHING) == unfolded
