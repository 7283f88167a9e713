"""The report compiler: a specification becomes one SQL statement over the rollup and the facts not folded yet.

One statement has one snapshot, so the rollup's position and the facts after it always fit together (decision 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.reports.facts_sql import sum_of_facts
from app.domain.reports.metrics import (
    BASE_METRICS,
    DIMENSIONS,
    FORMULA_METRICS,
    BaseMetric,
)
from app.domain.reports.specification import Grouping, ReportSpecification
from app.domain.rollups.fold import DAILY
from app.domain.scope import Scope

GROUPING_SQL = {
    Grouping.BRAND: "brand_id",
    Grouping.CAMPAIGN: "campaign_id",
    Grouping.PROMO: "promo_id",
    Grouping.STRATEGY: "plan_id",
    Grouping.PARTNER: "partner_id",
    Grouping.PLAYER_COUNTRY: "country",
    Grouping.DAY: "business_day",
    Grouping.WEEK: "date_trunc('week', business_day::timestamp)::date",
    Grouping.MONTH: "date_trunc('month', business_day::timestamp)::date",
    Grouping.QUARTER: "date_trunc('quarter', business_day::timestamp)::date",
    Grouping.YEAR: "date_trunc('year', business_day::timestamp)::date",
}


@dataclass(frozen=True, slots=True)
class CompiledReport:
    """SQL with its values; result columns are g0, g1, … in grouping order, currency, then the base metrics."""

    sql: str
    values: tuple[Any, ...]
    metrics: tuple[BaseMetric, ...]


def needed_base_metrics(names: tuple[str, ...]) -> tuple[BaseMetric, ...]:
    """The base metrics that those metrics are made of, each once, in the registry's order."""
    needed = set()
    for name in names:
        needed |= set(FORMULA_METRICS[name].needs) if name in FORMULA_METRICS else {name}
    return tuple(metric for metric in BASE_METRICS.values() if metric.name in needed)


def compile_report(scope: Scope, specification: ReportSpecification) -> CompiledReport:
    """The statement that answers the specification, within the limits of the scope."""
    metrics = needed_base_metrics(specification.metrics)
    where, values = _conditions(scope, specification)
    names = [metric.name for metric in metrics]
    selected = ", ".join(
        [f"{GROUPING_SQL[grouping]} AS g{i}" for i, grouping in enumerate(specification.group_by)]
        + ["currency"]
        + [f"sum({name}) AS {name}" for name in names]
    )
    keys = ", ".join([*(f"g{i}" for i in range(len(specification.group_by))), "currency"])
    columns = ", ".join([*DIMENSIONS, *names])
    facts = sum_of_facts("touched", metrics, where)
    # Without a metric there is nothing to add to the rollup's keys.
    fresh = f"UNION ALL SELECT {columns} FROM ({facts}) AS fresh" if facts else ""
    sql = f"""
WITH touched AS (
    SELECT id FROM recordings WHERE position IS NULL
    UNION ALL
    SELECT id FROM recordings WHERE position > COALESCE(
        (SELECT position FROM rollup_positions WHERE rollup = '{DAILY}'), 0)
), counted AS (
    SELECT {columns} FROM daily_rollups f WHERE {where}
    {fresh}
)
SELECT {selected} FROM counted GROUP BY {keys} ORDER BY {keys}
"""
    return CompiledReport(sql, tuple(values), metrics)


def _conditions(scope: Scope, specification: ReportSpecification) -> tuple[str, list[Any]]:
    filters = specification.filters
    values: list[Any] = [specification.first_day, specification.last_day]
    conditions = ["f.business_day BETWEEN $1 AND $2"]

    def allow(column: str, kind: str, allowed: Any) -> None:
        values.append(sorted(allowed))
        conditions.append(f"f.{column} = ANY(${len(values)}::{kind}[])")

    if scope.partner_id is not None:
        allow("partner_id", "bigint", [scope.partner_id])
    if scope.brand_ids is not None:
        allow("brand_id", "bigint", scope.brand_ids)
    chosen: tuple[tuple[str, str, Any], ...] = (
        ("brand_id", "bigint", filters.brand_ids),
        ("campaign_id", "bigint", filters.campaign_ids),
        ("promo_id", "bigint", filters.promo_ids),
        ("plan_id", "bigint", filters.plan_ids),
        ("partner_id", "bigint", filters.partner_ids),
        ("country", "text", filters.countries),
    )
    for column, kind, allowed in chosen:
        if allowed:
            allow(column, kind, allowed)
    return " AND ".join(conditions), values
