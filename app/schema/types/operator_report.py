"""The report as operators read it: also by partner, and of chosen partners (A30, A31)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import strawberry

from app.domain.reports.specification import Grouping, ReportFilters
from app.schema.ids import decode_id
from app.schema.types.partner import Partner
from app.schema.types.report import (
    Line,
    PerformanceReport,
    PerformanceReportInput,
    ReportFilterInput,
    grouping_enum,
    key_field,
    row_type,
)

OperatorReportGrouping = grouping_enum(Grouping)
OperatorReportRow = row_type(
    partner=key_field(Grouping.PARTNER, Partner, Partner.of, "When grouped by PARTNER.")
)


@strawberry.type(
    name="PerformanceReport",
    description="A report: rows in the order of their groupings, and totals over all of them.",
)
class OperatorPerformanceReport(PerformanceReport):
    @strawberry.field(
        graphql_type=list[OperatorReportRow],  # type: ignore[valid-type]
        description="Empty when there is nothing in the range.",
    )
    def rows(self) -> Any:
        lines = (Line(row, self.named.named) for row in self.named.report.rows)
        return [OperatorReportRow(line=line) for line in lines]


@strawberry.input(
    name="ReportFilterInput",
    description="Which facts count. An absent or empty list filters nothing.",
)
class OperatorReportFilterInput(ReportFilterInput):
    partner_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Partners."
    )

    def to_domain(self) -> ReportFilters:
        """The domain's filters; raises NotFound naming the field of an id that is none."""
        partners = tuple(decode_id("Partner", item, "partnerIds") for item in self.partner_ids)
        # Without arguments, super() finds no class here: the decorator has made another one.
        return replace(ReportFilterInput.to_domain(self), partner_ids=partners)


@strawberry.input(
    name="PerformanceReportInput",
    description="What to report. The metrics are those that the operation selects.",
)
class OperatorReportInput(PerformanceReportInput):
    group_by: list[OperatorReportGrouping] = strawberry.field(  # type: ignore[valid-type]
        default_factory=list, description="Groupings in the wanted order; none: totals only."
    )
    filter: OperatorReportFilterInput | None = strawberry.field(
        default=None, description="Which facts count."
    )
