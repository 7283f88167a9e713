"""SQL that sums facts, metric by metric: shared by the rollups and the report compiler.

Either what some recordings changed, or what holds: now, or as it was known at a position of the log (decision 2).
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.reports.dimensions import Dimension, joins_of, on_source
from app.domain.reports.metrics import (
    BASE_METRICS,
    SUPERSEDABLE,
    BaseMetric,
    Source,
)


def sum_of_changes(
    recordings: str,
    dimensions: Sequence[Dimension],
    metrics: Sequence[BaseMetric],
    where: str = "TRUE",
) -> str:
    """A SELECT of the dimensions and metrics of every fact that the recordings brought or took back.

    `recordings` names a relation with the columns `id` and `sign`. A superseded fact counts negatively, so that the
    sum is what the recordings changed; a sign of -1 takes their changes back. `where` is a condition on the fact `f`.
    """
    parts = []
    for source in _sources(metrics):
        links = [("recording_id", "")]
        if source in SUPERSEDABLE:
            links.append(("superseded_by", "-"))
        for link, sign in links:
            join = f"JOIN {recordings} touched ON f.{link} = touched.id"
            parts.append(_facts(source, dimensions, metrics, f"{sign}touched.sign * ", join, where))
    return "\nUNION ALL\n".join(parts)


def sum_of_holding(
    dimensions: Sequence[Dimension],
    metrics: Sequence[BaseMetric],
    where: str,
    where_visits: str,
    position: str | None = None,
) -> str:
    """A SELECT of the dimensions and metrics of the facts that hold now, or held at a position of the log.

    Each source is summed by the dimensions on its own, so that what is added up over all of them are few rows and not
    every visit. `position` is SQL. `where_visits` is one more condition on rows of `visits`.
    """
    parts = []
    keys = ", ".join(str(place) for place in range(1, len(dimensions) + 1))
    for source in _sources(metrics):
        join, holds = _holding(source, position)
        conditions = [where, holds, where_visits if source is Source.VISITS else "TRUE"]
        facts = _facts(source, dimensions, metrics, "sum", join, " AND ".join(conditions))
        parts.append(f"{facts} GROUP BY {keys}")
    return "\nUNION ALL\n".join(parts)


def _holding(source: Source, position: str | None) -> tuple[str, str]:
    """The join and the condition under which a fact holds."""
    if position is None:
        return "", "f.superseded_by IS NULL" if source in SUPERSEDABLE else "TRUE"
    known = f"JOIN recordings known ON known.id = f.recording_id AND known.position <= {position}"
    if source not in SUPERSEDABLE:
        return known, "TRUE"
    ended = "LEFT JOIN recordings ended ON ended.id = f.superseded_by"
    # A recording without a place comes after every position.
    holds = f"(f.superseded_by IS NULL OR ended.position IS NULL OR ended.position > {position})"
    return f"{known} {ended}", holds


def _sources(metrics: Sequence[BaseMetric]) -> list[Source]:
    return [
        source
        for source in Source
        if any(metric.expression_in(source) is not None for metric in metrics)
    ]


def _facts(
    source: Source,
    dimensions: Sequence[Dimension],
    metrics: Sequence[BaseMetric],
    apply: str,
    join: str,
    where: str,
) -> str:
    """`apply` stands before each value: a factor, or a sum."""
    keys = [f"{on_source(source, each.expression)} AS {each.name}" for each in dimensions]
    values = [f"{_value(source, metric, apply)} AS {metric.name}" for metric in metrics]
    joins = joins_of(source, [*(each.expression for each in dimensions), where])
    return (
        f"SELECT {', '.join([*keys, *values])} FROM {source} f {join} {joins} "
        f"WHERE {on_source(source, where)}"
    )


def _value(source: Source, metric: BaseMetric, apply: str) -> str:
    expression = metric.expression_in(source)
    return "0::numeric" if expression is None else f"{apply}(({expression})::numeric)"


def all_base_metrics() -> tuple[BaseMetric, ...]:
    """Every base metric in the registry's order."""
    return tuple(BASE_METRICS.values())
