"""Folding: adds what a range of the log changed to a rollup (decision 8).

A rollup holds the sums of all facts up to its position, exactly. Whoever reads it adds the facts of later
recordings, so the two never disagree, however far behind the folding is. Each rollup has a position of its own.
"""

from __future__ import annotations

from app.domain.permissions import Permission, requires
from app.domain.reports.facts_sql import all_base_metrics, sum_of_changes
from app.domain.rollups.tables import ROLLUPS, Rollup
from app.domain.scope import Scope
from app.infra.database import Transaction, transaction

BATCH = 20_000

_LOCK = "SELECT position FROM rollup_positions WHERE rollup = $1 FOR UPDATE"
_ADD = "INSERT INTO rollup_positions (rollup, position) VALUES ($1, 0) ON CONFLICT DO NOTHING"
_MOVE = "UPDATE rollup_positions SET position = $2 WHERE rollup = $1"
_TARGET = """
SELECT max(position) AS position FROM (
    SELECT position FROM recordings WHERE position > $1 ORDER BY position LIMIT $2
) AS batch
"""


def _fold_statement(rollup: Rollup) -> str:
    metrics = all_base_metrics()
    names = [metric.name for metric in metrics]
    keys = ", ".join(dimension.name for dimension in rollup.dimensions)
    columns = ", ".join([keys, *names])
    sums = ", ".join(f"sum({name})" for name in names)
    added = ", ".join(f"{name} = {rollup.table}.{name} + excluded.{name}" for name in names)
    return f"""
WITH touched AS (
    SELECT id, 1 AS sign FROM recordings WHERE position > $1 AND position <= $2
), changed AS (
    {sum_of_changes("touched", rollup.dimensions, metrics)}
)
INSERT INTO {rollup.table} ({columns})
SELECT {keys}, {sums} FROM changed GROUP BY {keys}
ON CONFLICT ({", ".join(rollup.key)}) DO UPDATE SET {added}
"""


_FOLD = {rollup.name: _fold_statement(rollup) for rollup in ROLLUPS}


@requires(Permission.OPERATE)
async def fold(_scope: Scope, rollup: Rollup) -> int:
    """Fold the next recordings into a rollup; returns by how many positions it moved."""
    async with transaction() as tx:
        position = await _locked_position(tx, rollup)
        rows = await tx.fetch(_TARGET, position, BATCH)
        target = rows[0]["position"]
        if target is None:
            return 0
        await tx.fetch(_FOLD[rollup.name], position, target)
        await tx.fetch(_MOVE, rollup.name, target)
    return int(target) - position


@requires(Permission.OPERATE)
async def fold_all(scope: Scope) -> int:
    """Fold the next recordings into every rollup, one after the other; returns by how many positions they moved."""
    moved = 0
    for rollup in ROLLUPS:
        moved += await fold(scope, rollup)
    return moved


@requires(Permission.OPERATE)
async def drop(_scope: Scope, rollup: Rollup) -> None:
    """Forget a rollup; folding makes it again from the facts, and reports stay right meanwhile."""
    async with transaction() as tx:
        await _locked_position(tx, rollup)
        await tx.fetch(f"DELETE FROM {rollup.table}")
        await tx.fetch(_MOVE, rollup.name, 0)


async def _locked_position(tx: Transaction, rollup: Rollup) -> int:
    rows = await tx.fetch(_LOCK, rollup.name)
    if not rows:
        await tx.fetch(_ADD, rollup.name)
        rows = await tx.fetch(_LOCK, rollup.name)
    return int(rows[0]["position"])
