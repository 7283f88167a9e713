"""Finding changes to past figures in the order of the log, from the facts themselves (X03).

A figure is the sum of one kind of facts on a business day, for a promo, plan, country, currency and player. A change
is told when a recording took a fact of it back or put one in the place of another; or when it added one to a day that
had ended two days before. What takes a fact from one figure to another is a change of both, so the differences of
all changes add up to what corrections did to reports.

Running totals of a day that has not ended are no past figures: a report of activity that takes the place of an
earlier one while its day is open is told only when a number became smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.changes import queries
from app.domain.events import lock_reader, move_reader
from app.domain.permissions import Permission, requires
from app.domain.reports.metrics import BaseMetric, Source
from app.domain.scope import Scope
from app.infra.clock import day_bounds
from app.infra.database import Row, transaction
from app.infra.encoding import dumps_text
from app.infra.money import decimal_text

READER = "figure_changes"
# In recordings; each holds up to a thousand facts.
BATCH = 200


@requires(Permission.OPERATE)
async def derive_changes(_scope: Scope) -> int:
    """Tell the changes of the next recordings; returns by how many positions it moved. Safe to run at once."""
    async with transaction() as tx:
        position = await lock_reader(tx, READER)
        reached = (await tx.fetch(queries.REACHED, position, BATCH))[0]["position"]
        if reached is None:
            return 0
        found: list[tuple[Row, Source]] = []
        for source in Source:
            rows = await tx.fetch(queries.changed_figures(source), position, reached)
            found += [(row, source) for row in rows]
        told = list(_numbered(found))
        if told:
            await tx.copy("figure_changes", queries.COLUMNS, told)
        await move_reader(tx, READER, reached)
    return int(reached) - position


def _numbered(found: list[tuple[Row, Source]]) -> Iterator[tuple[Any, ...]]:
    """The changes to be told, numbered within their recording."""
    numbers: dict[int, int] = {}
    # The sort is stable: sources in their order, then the figures in that of the statement.
    for row, source in sorted(found, key=lambda pair: int(pair[0]["position"])):
        figures = _figures(row, queries.metrics_of(source))
        if not figures or not _is_past(row, source, figures):
            continue
        position = row["position"]
        numbers[position] = numbers.get(position, 0) + 1
        yield (
            *(position, numbers[position], row["known_at"], source.value),
            "corrected" if row["corrected"] else "added_late",
            *(row[name] for name in queries.KEY),
            dumps_text({name: list(map(decimal_text, pair)) for name, pair in figures.items()}),
            dumps_text(list(figures)),
            row["reason"],
            # Facts come from brands, unless an event of the recording says otherwise.
            *(row["actor_type"] or "brand", row["actor_id"] or row["brand_id"], row["request_id"]),
        )


def _figures(row: Row, metrics: tuple[BaseMetric, ...]) -> dict[str, tuple[Decimal, Decimal]]:
    """Before and after of every metric that changed."""
    pairs = {
        metric.name: (row[f"before_{metric.name}"], row[f"after_{metric.name}"])
        for metric in metrics
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _is_past(row: Row, source: Source, figures: dict[str, tuple[Decimal, Decimal]]) -> bool:
    """False for a running total that grew while its day was open."""
    if source is not Source.ACTIVITIES:
        return True
    known_at: datetime = row["known_at"] + timedelta(microseconds=row["clock_offset"])
    if known_at >= day_bounds(row["business_day"], row["time_zone"])[1]:
        return True
    return any(after < before for before, after in figures.values())
