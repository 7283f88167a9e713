"""Folding: adds what a range of the log changed to the daily rollup (decision 8).

The rollup holds the sums of all facts up to its position, exactly. Whoever reads it adds the facts of later
recordings, so the two never disagree, however far behind the folding is.
"""

from __future__ import annotations

from app.domain.permissions import Permission, requires
from app.domain.reports.facts_sql import all_base_metrics, sum_of_facts
from app.domain.reports.metrics import BASE_METRICS, DIMENSIONS
from app.domain.scope import Scope
from app.infra.database import Transaction, transaction

DAILY = "daily"
BATCH = 20_000

_KEY = ("business_day", "promo_id", "plan_id", "country", "currency")
_LOCK = "SELECT position FROM rollup_positions WHERE rollup = $1 FOR UPDATE"
_ADD = "INSERT INTO rollup_positions (rollup, position) VALUES ($1, 0) ON CONFLICT DO NOTHING"
_MOVE = "UPDATE rollup_positions SET position = $2 WHERE rollup = $1"
_TARGET = """
SELECT max(position) AS position FROM (
    SELECT position FROM recordings WHERE position > $1 ORDER BY position LIMIT $2
) AS batch
"""


def _fold_statement() -> str:
    metrics = all_base_metrics()
    names = [metric.name for metric in metrics]
    columns = ", ".join([*DIMENSIONS, *names])
    sums = ", ".join(f"sum({name})" for name in names)
    added = ", ".join(f"{name} = daily_rollups.{name} + excluded.{name}" for name in names)
    return f"""
WITH touched AS (
    SELECT id FROM recordings WHERE position > $1 AND position <= $2
), changed AS (
    {sum_of_facts("touched", metrics)}
)
INSERT INTO daily_rollups ({columns})
SELECT {", ".join(DIMENSIONS)}, {sums} FROM changed GROUP BY {", ".join(DIMENSIONS)}
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET {added}
"""


_FOLD = _fold_statement()


@requires(Permission.OPERATE)
async def fold_daily(_scope: Scope) -> int:
    """Fold the next recordings into the daily rollup; returns by how many positions it moved."""
    async with transaction() as tx:
        position = await _locked_position(tx)
        rows = await tx.fetch(_TARGET, position, BATCH)
        target = rows[0]["position"]
        if target is None:
            return 0
        await tx.fetch(_FOLD, position, target)
        await tx.fetch(_MOVE, DAILY, target)
    return int(target) - position


@requires(Permission.OPERATE)
async def drop_daily(_scope: Scope) -> None:
    """Forget the daily rollup; folding makes it again from the facts, and reports stay right meanwhile."""
    async with transaction() as tx:
        await _locked_position(tx)
        await tx.fetch("DELETE FROM daily_rollups")
        await tx.fetch(_MOVE, DAILY, 0)


async def _locked_position(tx: Transaction) -> int:
    rows = await tx.fetch(_LOCK, DAILY)
    if not rows:
        await tx.fetch(_ADD, DAILY)
        rows = await tx.fetch(_LOCK, DAILY)
    return int(rows[0]["position"])


ROLLUP_METRICS = tuple(BASE_METRICS)
