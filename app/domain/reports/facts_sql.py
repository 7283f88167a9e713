"""SQL that sums the facts of some recordings, metric by metric: shared by the rollups and the report compiler."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.reports.metrics import (
    BASE_METRICS,
    DIMENSIONS,
    SUPERSEDABLE,
    VISIT_SOURCES,
    BaseMetric,
    Source,
)
from app.infra.money import NO_CURRENCY


def sum_of_facts(recordings: str, metrics: Sequence[BaseMetric], where: str = "TRUE") -> str:
    """A SELECT of the dimensions and metrics of every fact that the recordings brought or took back.

    `recordings` names a relation with a column `id`. A superseded fact counts negatively, so that the sum is what
    the recordings changed. `where` is a condition on the fact `f`.
    """
    parts = []
    for source in Source:
        if all(metric.expression_in(source) is None for metric in metrics):
            continue
        parts.append(_facts(source, metrics, recordings, "recording_id", 1, where))
        if source in SUPERSEDABLE:
            parts.append(_facts(source, metrics, recordings, "superseded_by", -1, where))
    return "\nUNION ALL\n".join(parts)


def _facts(
    source: Source,
    metrics: Sequence[BaseMetric],
    recordings: str,
    link: str,
    sign: int,
    where: str,
) -> str:
    dimensions = ", ".join(_dimension(source, name) for name in DIMENSIONS)
    values = ", ".join(
        f"{sign} * ({metric.expression_in(source) or 0})::numeric AS {metric.name}"
        for metric in metrics
    )
    return (
        f"SELECT {dimensions}, {values} FROM {source} f "
        f"JOIN {recordings} touched ON f.{link} = touched.id WHERE {where}"
    )


def _dimension(source: Source, name: str) -> str:
    if name == "currency" and source in VISIT_SOURCES:
        return f"'{NO_CURRENCY}' AS currency"
    return f"f.{name}"


def all_base_metrics() -> tuple[BaseMetric, ...]:
    """Every base metric in the registry's order."""
    return tuple(BASE_METRICS.values())
