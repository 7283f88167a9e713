"""What is left to do behind the log: asked often, answered by one cheap statement."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.events import queries
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import fetch


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Whether recordings wait for their place, and how many positions a reader and a rollup are behind."""

    unplaced: bool
    reader_lag: int
    rollup_lag: int


@requires(Permission.OPERATE)
async def pending_work(_scope: Scope, reader: str, rollup: str) -> PendingWork:
    """The work behind the log at this moment."""
    row = (await fetch(queries.PENDING_WORK, reader, rollup))[0]
    return PendingWork(row["unplaced"], row["head"] - row["reader"], row["head"] - row["rollup"])
