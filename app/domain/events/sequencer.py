"""The sequencer: gives committed recordings consecutive positions (decision 2).

Any number of processes may call it; a transaction-level advisory lock lets one work at a time, and frees itself when
its holder dies. A recording becomes visible here only when its transaction has committed, so a long open transaction
is simply not there yet: nobody waits for it, and its recording gets a later position than those before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import Invalid
from app.domain.events import queries
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import fetch, transaction

SEQUENCER_LOCK = 0x7472_6962_0002
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Head:
    """The last position given and its time; `known_at` is None while the log is empty."""

    position: int
    known_at: datetime | None


@requires(Permission.OPERATE)
async def place_recordings(scope: Scope) -> int:
    """Place what is committed and not placed yet; returns how many recordings were placed.

    0 when there was nothing to do, or when another process is doing it. `known_at` comes from the scope's clock
    and never decreases.
    """
    async with transaction() as tx:
        lock = await tx.fetch(queries.TRY_SEQUENCER_LOCK, SEQUENCER_LOCK)
        if not lock[0]["mine"]:
            return 0
        placed = await tx.fetch(queries.PLACE_RECORDINGS, scope.now(), BATCH)
    return int(placed[0]["count"]) if placed else 0


@requires(Permission.OPERATE)
async def head(_scope: Scope) -> Head:
    """The end of the log."""
    rows = await fetch(queries.HEAD)
    return Head(rows[0]["position"], rows[0]["known_at"])


@requires(Permission.READ_REPORTS)
async def position_known_at(scope: Scope, at: datetime) -> int:
    """The last position that was known at a time of the scope's clock; 0 before the first one (decision 2, X03).

    The time is closed first: whatever is placed from now on is known later, so the answer never changes.
    Raises Invalid for a time that has not come yet.
    """
    if at > scope.now():
        raise Invalid(
            f"{at.isoformat()} has not come yet: name a time up to {scope.now().isoformat()}, or leave asKnownAt out "
            "for the present",
            field=("asKnownAt",),
        )
    machine_time = at - scope.clock_offset
    last = (await fetch(queries.HEAD))[0]["known_at"]
    if last is None or last <= machine_time:
        async with transaction() as tx:
            # Whoever places recordings has read the time before: wait for it.
            await tx.fetch(queries.SEQUENCER_LOCK, SEQUENCER_LOCK)
            await tx.fetch(queries.CLOSE_TIME, machine_time)
    return int((await fetch(queries.POSITION_AT, machine_time))[0]["position"])
