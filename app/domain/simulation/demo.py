"""The demo programme: 120 days of made-up traffic, the same for everybody, ending today."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.errors import Conflict
from app.domain.events import lock_reader, move_reader
from app.domain.scope import Scope
from app.domain.simulation.banners import Keep
from app.domain.simulation.history import end_day, settle
from app.domain.simulation.opening import TRACKER, move_tracker, open_doors
from app.domain.simulation.programme import Cast, make_cast
from app.domain.simulation.rates import make_exchange_rates
from app.domain.simulation.single_events import SingleEvents
from app.domain.simulation.traffic import Traffic, Volume
from app.domain.visits.record import take_visit_ids
from app.infra import database
from app.infra.clock import Clock, ManualClock, SystemClock
from app.infra.crypto import SecretBox
from app.infra.database import fetch, transaction
from app.infra.partitions import ensure_partitions
from app.infra.telemetry import new_request_id
from app.models import Brand, Partner, User
from app.settings import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from app.settings import Settings

Progress = Callable[[str, int, int], None]

DAYS = 120
# A day of a late click, two weeks ago.
_LATE_CLICK_ON = DAYS - 14
_SEED = 7_041_776
# A row of `relay_positions` says that the programme was made to its end.
_FINISHED = "demo"
# Another says that it was begun: what is there besides is a demo half made, and nothing else.
_BEGUN = "demo begun"


async def seed(
    settings: Settings, progress: Progress, keep: Keep, clock: Clock | None = None
) -> bool:
    """Make the demo programme in the configured database; False when it is there already.

    `progress` gets (what is being done, steps done, steps in all), `keep` stores a picture under a key. A programme
    that was left half made is made anew.
    Raises Conflict when the database holds anything else: published passwords do not go beside real data.
    """
    if settings.host not in LOOPBACK_HOSTS:
        raise Conflict(
            f"the demo has published passwords and runs on loopback only: TRIBUTARY_HOST is {settings.host}"
        )
    await database.connect(settings)
    try:
        box, tracker = SecretBox(settings.secret_keys), settings.tracker_url
        return await seed_connected(box, clock or SystemClock(), progress, keep, tracker=tracker)
    finally:
        await database.disconnect()


async def seed_connected(
    box: SecretBox,
    clock: Clock,
    progress: Progress,
    keep: Keep,
    volume: Volume | None = None,
    tracker: str = TRACKER,
) -> bool:
    """`seed`, on the connection that is open. `tracker` is where the demo's postbacks go, also those made before."""
    system = Scope.system(clock, new_request_id())
    async with transaction() as tx:
        finished = await lock_reader(tx, _FINISHED)
    if finished:
        await move_tracker(tracker)
        return False
    await _make_room(system)
    await ensure_partitions(clock.now(), DAYS + 2)
    await _make(system, clock, box, progress, keep, volume or Volume(), tracker)
    async with transaction() as tx:
        await lock_reader(tx, _FINISHED)
        await move_reader(tx, _FINISHED, 1)
    return True


async def _make_room(system: Scope) -> None:
    """Remember that the demo is being made; forget a half made one. Anything else in the database is not ours."""
    async with transaction() as tx:
        begun = await lock_reader(tx, _BEGUN)
        if not begun:
            for model in (Brand, Partner, User):
                if await system.query(model).exists():
                    raise Conflict(
                        "the database holds data that is not the demo's: the demo needs an empty "
                        "database, start it with another TRIBUTARY_DATA_DIR"
                    )
            await move_reader(tx, _BEGUN, 1)
    if begun:
        await _wipe()


async def _make(
    system: Scope,
    clock: Clock,
    box: SecretBox,
    progress: Progress,
    keep: Keep,
    volume: Volume,
    tracker: str,
) -> None:
    dice = random.Random(_SEED)  # noqa: S311
    end = clock.now()
    first_day = (end - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    # A day earlier than the first visit, so that every affiliation is older than its traffic.
    moving = ManualClock(first_day - timedelta(days=1))
    cast: Cast = await make_cast(moving, system.request_id, box, dice, keep)
    visit_ids = await take_visit_ids(system)
    traffic = Traffic(cast, visit_ids, dice, volume, box)
    single = SingleEvents(cast, visit_ids, box)
    await single.begin(Scope.system(moving, system.request_id))
    for number in range(DAYS):
        day = first_day + timedelta(days=number)
        visits = await traffic.play_day(moving, day, min(day + timedelta(days=1), end))
        await single.play_day(moving, visits, traffic.players)
        if number == _LATE_CLICK_ON:
            await single.be_late(moving)
        await end_day(Scope.system(moving, new_request_id()))
        progress("demo programme", number + 1, DAYS)
    await make_exchange_rates(system, first_day.date(), DAYS)
    await settle(system)
    await open_doors(system, cast, visit_ids, box, tracker)


async def _wipe() -> None:
    """Empty every table but the list of migrations: a stop half-way through seeding left only demo rows."""
    rows = await fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'tortoise_%'"
    )
    tables = ", ".join(row["relname"] for row in rows)
    async with transaction() as tx:
        await tx.fetch(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        await tx.fetch("INSERT INTO sequence_heads (id, position) VALUES (1, 0)")
        await lock_reader(tx, _BEGUN)
        await move_reader(tx, _BEGUN, 1)
