"""Which kind of report counts for a brand's metrics, in GraphQL (W3)."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry

from app.domain.brands.metric_reports import MetricStanding, Reporting
from app.domain.brands.metric_sources import BEGINNING, CHOOSABLE, FIRST_DEPOSITS, ReportSource
from app.domain.reports.metrics import ACTIVITY_METRICS

_make_enum: Any = strawberry.enum
_WORDS = {metric.name: metric.description for metric in ACTIVITY_METRICS} | {
    FIRST_DEPOSITS: "Number and amount of first deposits."
}
IntakeMetric = _make_enum(
    Enum(
        "IntakeMetric",
        {name.upper(): strawberry.enum_value(name, description=_WORDS[name]) for name in CHOOSABLE},
    ),
    description="What brands report of their players.",
)


@strawberry.enum(description="The two ways in which a brand tells what its players did.")
class IntakeSource(Enum):
    ACTIVITY = strawberry.enum_value(
        ReportSource.ACTIVITY.value, description="Totals of intervals: `/api/v1/activity`."
    )
    EVENTS = strawberry.enum_value(
        ReportSource.EVENTS.value, description="Single events: `/api/v1/events`."
    )


@strawberry.enum(description="Whether what a brand reports of a metric counts.")
class MetricReporting(Enum):
    NOTHING = strawberry.enum_value(
        Reporting.NOTHING.value, description="Nothing was reported yet."
    )
    COUNTED = strawberry.enum_value(
        Reporting.COUNTED.value, description="Only in the way that counts."
    )
    BOTH = strawberry.enum_value(
        Reporting.BOTH.value, description="In both ways: one counts, the other is only stored."
    )
    NOT_COUNTED = strawberry.enum_value(
        Reporting.NOT_COUNTED.value,
        description="Only in the way that does not count, for a week or from the start: choose the other source.",
    )


@strawberry.type(description="From a business day on, one way of reporting counts.")
class MetricSourceChoice:
    source: IntakeSource = strawberry.field(description="What counts.")
    from_day: date | None = strawberry.field(
        description="A business day of the brand; null: from the beginning."
    )


@strawberry.type(description="What counts for one metric of a brand, and what is reported.")
class MetricSource:
    metric: IntakeMetric = strawberry.field(description="Of what.")  # type: ignore[valid-type]
    source: IntakeSource = strawberry.field(
        description="What counts today; activity, where nothing was chosen."
    )
    choices: list[MetricSourceChoice] = strawberry.field(
        description="All choices, those to come included, the earliest first."
    )
    activity_at: datetime | None = strawberry.field(
        description="When activity last brought something of it, within the hour, in UTC; null: never."
    )
    events_at: datetime | None = strawberry.field(
        description="When an event last brought something of it, within the hour, in UTC; null: never."
    )
    reporting: MetricReporting = strawberry.field(
        description="Whether what is reported counts: look out for NOT_COUNTED."
    )

    @classmethod
    def of(cls, standing: MetricStanding) -> MetricSource:
        """From the domain's value."""
        return cls(
            metric=IntakeMetric(standing.metric),
            source=IntakeSource(standing.source.value),
            choices=[
                MetricSourceChoice(
                    source=IntakeSource(choice.source.value),
                    from_day=None if choice.from_day == BEGINNING else choice.from_day,
                )
                for choice in standing.choices
            ],
            activity_at=standing.activity_at,
            events_at=standing.events_at,
            reporting=MetricReporting(standing.reporting.value),
        )


@strawberry.input(description="What counts for some metrics of a brand, from a business day on.")
class SetMetricSourceInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    source: IntakeSource = strawberry.field(description="What shall count.")
    metrics: list[IntakeMetric] = strawberry.field(  # type: ignore[valid-type]
        default_factory=list, description="Which; none: all."
    )
    from_day: date | None = strawberry.field(
        default=None,
        description="A business day of the brand of which nothing was reported yet; absent: tomorrow.",
    )

    def to_domain(self) -> tuple[list[str], ReportSource, date | None]:
        """Which metrics, what shall count, and from when on."""
        chosen: list[Any] = self.metrics
        names = [str(metric.value) for metric in chosen]
        return names, ReportSource(str(self.source.value)), self.from_day
