"""What is left to do behind the log: asked often, answered by one cheap statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.events import queries
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import fetch


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Whether recordings wait for their place, and how far each reader and the last rollup are behind, in positions."""

    unplaced: bool
    reader_lags: Mapping[str, int]
    rollup_lag: int


@requires(Permission.OPERATE)
async def pending_work(
    _scope: Scope, readers: Sequence[str], rollups: Sequence[str]
) -> PendingWork:
    """The work behind the log at this moment."""
    row = (await fetch(queries.PENDING_WORK, list(readers), list(rollups)))[0]
    lags = {
        reader: row["head"] - position
        for reader, position in zip(readers, row["positions"], strict=True)
    }
    return PendingWork(row["unplaced"], lags, row["head"] - row["rollup"])
