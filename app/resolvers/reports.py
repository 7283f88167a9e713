"""A report together with the brands, campaigns, promos and other rows that its keys name, each loaded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.reports.run import Report, run_report
from app.domain.reports.specification import Grouping, ReportSpecification
from app.domain.scope import Scope
from app.models import Brand, Campaign, CommissionPlan, Partner, Promo, TrafficSource
from app.models.base import TenantModel

_MODELS: dict[Grouping, type[TenantModel]] = {
    Grouping.BRAND: Brand,
    Grouping.CAMPAIGN: Campaign,
    Grouping.PROMO: Promo,
    Grouping.STRATEGY: CommissionPlan,
    Grouping.PARTNER: Partner,
    Grouping.TRAFFIC_SOURCE: TrafficSource,
}


@dataclass(frozen=True, slots=True)
class NamedReport:
    """A report, and what its keys stand for by grouping and id."""

    report: Report
    named: Mapping[Grouping, Mapping[int, TenantModel]]


async def load_report(scope: Scope, specification: ReportSpecification) -> NamedReport:
    """Run the report and load what its rows name: one statement for each grouping."""
    report = await run_report(scope, specification)
    named: dict[Grouping, Mapping[int, TenantModel]] = {}
    for grouping in specification.group_by:
        if isinstance(grouping, Grouping) and grouping in _MODELS:
            model = _MODELS[grouping]
            ids = {row.keys[grouping] for row in report.rows} - {None}
            named[grouping] = await scope.query(model).in_bulk(ids, "id")
    return NamedReport(report, named)
