"""SQL that sums the facts of some recordings, metric by metric: shared by the rollups and the report compiler."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.reports.metrics import BASE_METRICS, DIMENSIONS, SUPERSEDABLE, BaseMetric, Source
from app.infra.money import NO_CURRENCY


def sum_of_facts(recordings: str, metrics: Sequence[BaseMetric], where: str = "TRUE") -> str:
    """A SELECT of the dimensions and metrics of every fact that the recordings brought or took back.

    `recordings` names a relation with a column `id`. A superseded fact counts negatively, so that the sum is what
    the recordings changed. `where` is a condition on the fact `f`.
    """
    parts = []
    for source in Source:
        mine = [metric for metric in metrics if metric.source is source]
        if not mine:
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
        f"{sign} * ({metric.expression})::numeric AS {metric.name}"
        if metric.source is source
        else f"0::numeric AS {metric.name}"
        for metric in metrics
    )
    return (
        f"SELECT {dimensions}, {values} FROM {source} f "
        f"JOIN {recordings} touched ON f.{link} = touched.id WHERE {where}"
    )


def _dimension(source: Source, name: str) -> str:
    if name == "currency" and source is Source.VISITS:
        return f"'{NO_CURRENCY}' AS currency"
    return f"f.{name}"


def all_base_metrics() -> tuple[BaseMetric, ...]:
    """Every base metric in the registry's order."""
    return tuple(BASE_METRICS.values())
