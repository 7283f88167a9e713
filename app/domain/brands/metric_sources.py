"""Which of a brand's two kinds of report counts for a metric: intervals of activity or single events (W3).

The other one is stored and never counted. A choice holds from a business day on, so that no figure counts twice and
none that was reported changes. Without a choice activity counts; but a brand whose first report of what its players
did is an event counts events from the beginning, so that who only sends events need not ask anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.domain.brands.brand_rows import brand_time, require_brand
from app.domain.errors import Conflict, Invalid
from app.domain.events import Subject, record
from app.domain.intake import lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.reports.metrics import ACTIVITY_METRICS
from app.domain.scope import Scope
from app.infra.clock import business_day, day_bounds
from app.infra.database import Transaction, transaction
from app.models import MetricSource

# First deposits are chosen together: their count and their amount are one fact.
FIRST_DEPOSITS = "first_deposits"
# No event tells of these: activity always counts.
BY_ACTIVITY_ONLY = frozenset(
    {
        "casino_balance_corrections_sum",
        "sb_balance_corrections_sum",
        "poker_balance_corrections_sum",
    }
)
CHOOSABLE = (
    FIRST_DEPOSITS,
    *(metric.name for metric in ACTIVITY_METRICS if metric.name not in BY_ACTIVITY_ONLY),
)

_FIND = """
SELECT metric, source, from_day FROM metric_sources WHERE brand_id = $1 ORDER BY from_day
"""
_ANYTHING_SINCE = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM activities WHERE brand_id = $1 AND business_day >= $2)
   OR EXISTS (SELECT 1 FROM first_deposits WHERE brand_id = $1 AND business_day >= $2)
   OR EXISTS (SELECT 1 FROM first_deposit_claims WHERE brand_id = $1 AND occurred_at >= $3)
   OR EXISTS (SELECT 1 FROM brand_events WHERE brand_id = $1 AND occurred_at >= $3)
"""
_CHOOSE = """
INSERT INTO metric_sources (brand_id, metric, source, from_day, created_at)
SELECT $1, name, $3, $4, $5 FROM unnest($2::text[]) AS name
ON CONFLICT (brand_id, metric, from_day) DO UPDATE SET source = excluded.source, created_at = excluded.created_at
"""
# The day of a choice that holds for all days.
BEGINNING = date(1970, 1, 1)
_FORGET_LATER = """
DELETE FROM metric_sources WHERE brand_id = $1 AND metric = ANY($2::text[]) AND from_day > $3
"""


class ReportSource(StrEnum):
    """The two kinds of report."""

    ACTIVITY = "activity"
    EVENTS = "events"


def told_not_counted(counting: ReportSource, metrics: Iterable[str]) -> str:
    """What a brand is told of something that was stored and adds to no figure, and what it can do."""
    others = {ReportSource.ACTIVITY: "events", ReportSource.EVENTS: "activity"}
    return (
        f"stored and not counted: of this brand {counting} counts for {', '.join(metrics)}; report it there, or ask "
        f"the operators to choose {others[counting]} (setMetricSource)"
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """From a business day on, a metric counts what one kind of report says."""

    from_day: date
    source: ReportSource


@dataclass(frozen=True, slots=True)
class MetricSources:
    """The choices of one brand, the earliest first, by metric."""

    choices: dict[str, tuple[Choice, ...]]

    def on(self, metric: str, day: date) -> ReportSource:
        """Which kind of report counts on a business day; activity unless the brand chose otherwise."""
        source = ReportSource.ACTIVITY
        for choice in self.choices.get(metric, ()):
            if choice.from_day <= day:
                source = choice.source
        return source


ALL_BY_EVENTS = MetricSources(
    {name: (Choice(BEGINNING, ReportSource.EVENTS),) for name in CHOOSABLE}
)


async def choose_events_first(scope: Scope, tx: Transaction, brand_id: int) -> None:
    """The brand's first report is an event: events count for everything. Its intake is locked."""
    source = ReportSource.EVENTS.value
    await tx.fetch(_CHOOSE, brand_id, list(CHOOSABLE), source, BEGINNING, scope.now())
    data = {
        "metrics": CHOOSABLE,
        "source": source,
        "from_day": BEGINNING,
        "reason": "the first report",
    }
    subject = Subject("brand", brand_id)
    await record(scope, tx, "brand.metric_source_chosen", subject, brand_id=brand_id, data=data)


async def load_metric_sources(tx: Transaction, brand_id: int) -> MetricSources:
    """The choices of a brand."""
    return _sources(await tx.fetch(_FIND, brand_id))


def _sources(rows: Sequence[dict[str, object]]) -> MetricSources:
    choices: dict[str, tuple[Choice, ...]] = {}
    for row in rows:
        day = row["from_day"]
        if not isinstance(day, date):
            raise TypeError("from_day is not a date")
        choice = Choice(day, ReportSource(str(row["source"])))
        metric = str(row["metric"])
        choices[metric] = (*choices.get(metric, ()), choice)
    return MetricSources(choices)


@requires(Permission.READ_PARTNERS)
async def metric_sources(scope: Scope, brand_id: int) -> dict[str, tuple[Choice, ...]]:
    """The choices of a brand by metric, those to come included; raises NotFound. Without one activity counts."""
    await require_brand(scope, brand_id)
    rows = await scope.query(MetricSource).filter(brand_id=brand_id).order_by("from_day")
    found = [{"metric": r.metric, "source": r.source, "from_day": r.from_day} for r in rows]
    return _sources(found).choices


@requires(Permission.MANAGE_BRANDS)
async def set_metric_source(
    scope: Scope,
    brand_id: int,
    metrics: Sequence[str],
    source: ReportSource,
    from_day: date | None = None,
) -> dict[str, tuple[Choice, ...]]:
    """Let some metrics of a brand (none named: all) count another kind of report, from a business day on.

    Without a day: the brand's next one. Choices for later days are forgotten. Raises NotFound, Invalid for a metric
    that cannot be chosen, Conflict when something of that day or a later one was reported already.
    """
    brand = await require_brand(scope, brand_id)
    chosen = list(dict.fromkeys(metrics)) or list(CHOOSABLE)
    for name in chosen:
        if name not in CHOOSABLE:
            message = (
                f"{name!r} is not a metric of which events tell: use one of {', '.join(CHOOSABLE)}"
            )
            raise Invalid(message, field=("metrics",))
    now = brand_time(scope, brand.clock_offset)
    day = from_day or business_day(now, brand.time_zone) + timedelta(days=1)
    async with transaction() as tx:
        await lock_brand_intake(tx, brand_id)
        if await tx.fetch(_ANYTHING_SINCE, brand_id, day, day_bounds(day, brand.time_zone)[0]):
            raise Conflict(
                f"the brand has reported something of {day} or later: choose a day after the last one reported",
                field=("fromDay",),
            )
        await tx.fetch(_FORGET_LATER, brand_id, chosen, day)
        await tx.fetch(_CHOOSE, brand_id, chosen, source.value, day, scope.now())
        data = {"metrics": chosen, "source": source.value, "from_day": day}
        subject = Subject("brand", brand_id)
        await record(scope, tx, "brand.metric_source_chosen", subject, brand_id=brand_id, data=data)
    return await metric_sources(scope, brand_id)
