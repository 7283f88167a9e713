"""The report compiler: a specification becomes one SQL statement over a rollup and the facts not folded yet.

The coarsest rollup that can tell apart what is asked answers; where none can, the facts themselves do. One statement
has one snapshot, so the rollup's position and the facts after it always fit together (decision 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.reports.conditions import Conditions, conditions_of, visit_ids_between
from app.domain.reports.dimensions import CARRIED, DEVICE, HOUR, PLAYER_ID, Dimension, dynamic_tag
from app.domain.reports.facts_sql import sum_of_changes, sum_of_holding
from app.domain.reports.groupings import NEEDS, TagGrouping, grouping_joins, grouping_sql
from app.domain.reports.metrics import BASE_METRICS, FORMULA_METRICS, BaseMetric
from app.domain.reports.specification import ReportSpecification
from app.domain.rollups.tables import ROLLUPS, Rollup
from app.domain.scope import Scope

_ADDED = {dimension.name: dimension for dimension in (HOUR, DEVICE, PLAYER_ID)}


@dataclass(frozen=True, slots=True)
class Sight:
    """Up to where in the log a report looks, and what it needs to know of the programme to look there."""

    # None: up to the present, recordings without a place included.
    position: int | None = None
    # The rollup's position is far from it: the facts are nearer.
    from_facts: bool = False
    # The least and the largest by which a brand's clock runs ahead.
    offsets: tuple[timedelta, timedelta] = (timedelta(0), timedelta(0))


@dataclass(frozen=True, slots=True)
class CompiledReport:
    """SQL with its values; result columns are g0, g1, … in grouping order, currency, then the base metrics.

    A sum of zero is null: most of them are, and null costs nothing to read.
    """

    sql: str
    values: tuple[Any, ...]
    metrics: tuple[BaseMetric, ...]


def needed_base_metrics(names: tuple[str, ...]) -> tuple[BaseMetric, ...]:
    """The base metrics that those metrics are made of, each once, in the registry's order."""
    needed = set()
    for name in names:
        needed |= set(FORMULA_METRICS[name].needs) if name in FORMULA_METRICS else {name}
    return tuple(metric for metric in BASE_METRICS.values() if metric.name in needed)


def rollup_for(specification: ReportSpecification) -> Rollup | None:
    """The coarsest rollup that can answer; None when only the facts can."""
    filters = specification.filters
    if filters.tags_include or filters.tags_exclude or specification.tags:
        return None
    needed = _needed(specification)
    for rollup in ROLLUPS:
        if needed <= {dimension.name for dimension in rollup.adds}:
            return rollup
    return None


def _needed(specification: ReportSpecification) -> set[str]:
    return {
        NEEDS[grouping]
        for grouping in specification.group_by
        if not isinstance(grouping, TagGrouping) and grouping in NEEDS
    }


def compile_report(
    scope: Scope, specification: ReportSpecification, sight: Sight = Sight()
) -> CompiledReport:
    """The statement that answers the specification, within the limits of the scope."""
    metrics = needed_base_metrics(specification.metrics)
    conditions = conditions_of(scope, specification)
    rollup = None if sight.from_facts else rollup_for(specification)
    dimensions = [*CARRIED, *(_ADDED[name] for name in sorted(_needed(specification)))]
    for place, tag in enumerate(specification.tags):
        parameter = conditions.value(tag.name)
        dimensions.append(dynamic_tag(place, int(parameter[1:])))
    position = None if sight.position is None else f"{conditions.value(sight.position)}::bigint"
    if rollup is None:
        counted = _from_facts(specification, sight, dimensions, metrics, conditions, position)
    else:
        counted = _from_rollup(rollup, dimensions, metrics, conditions, position)
    tags = iter(range(len(specification.tags)))
    keys = [
        f"{grouping_sql(grouping, next(tags) if isinstance(grouping, TagGrouping) else 0)} AS g{i}"
        for i, grouping in enumerate(specification.group_by)
    ]
    names = [metric.name for metric in metrics]
    selected = ", ".join(
        [*keys, "c.currency", *(f"NULLIF(sum(c.{name}), 0) AS {name}" for name in names)]
    )
    grouped = ", ".join(str(place) for place in range(1, len(keys) + 2))
    joins = grouping_joins(specification.group_by, conditions.limiting, position)
    sql = f"WITH {counted}\nSELECT {selected} FROM counted c {joins} GROUP BY {grouped} ORDER BY {grouped}"
    return CompiledReport(sql, tuple(conditions.values), metrics)


def _from_rollup(
    rollup: Rollup,
    dimensions: list[Dimension],
    metrics: tuple[BaseMetric, ...],
    conditions: Conditions,
    position: str | None,
) -> str:
    """A rollup's rows and what later recordings changed; as known at an earlier position, less what came after it."""
    columns = ", ".join([*(each.name for each in dimensions), *(each.name for each in metrics)])
    facts = sum_of_changes("touched", dimensions, metrics, conditions.where)
    # Without a metric there is nothing to add to the rollup's keys.
    fresh = f"UNION ALL SELECT {columns} FROM ({facts}) AS fresh" if facts else ""
    return f"""touched AS (
    {_touched(rollup, position)}
), counted AS (
    SELECT {columns} FROM {rollup.table} f WHERE {conditions.where}
    {fresh}
)"""


def _touched(rollup: Rollup, position: str | None) -> str:
    """The recordings between the rollup's position and the asked one, with the sign of their changes."""
    folded = f"COALESCE((SELECT position FROM rollup_positions WHERE rollup = '{rollup.name}'), 0)"
    if position is None:
        return f"""SELECT id, 1 AS sign FROM recordings WHERE position IS NULL
    UNION ALL
    SELECT id, 1 AS sign FROM recordings WHERE position > {folded}"""
    return f"""SELECT id, 1 AS sign FROM recordings WHERE position > {folded} AND position <= {position}
    UNION ALL
    SELECT id, -1 AS sign FROM recordings WHERE position > {position} AND position <= {folded}"""


def _from_facts(
    specification: ReportSpecification,
    sight: Sight,
    dimensions: list[Dimension],
    metrics: tuple[BaseMetric, ...],
    conditions: Conditions,
    position: str | None,
) -> str:
    """The facts that hold, or held at the position."""
    visits = visit_ids_between(specification.first_day, specification.last_day, sight.offsets)
    facts = sum_of_holding(dimensions, metrics, conditions.where, visits, position)
    return f"counted AS (\n    {facts}\n)"
