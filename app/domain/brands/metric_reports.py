"""Which metrics a brand reports in which way, whether it counts or not: nothing is thrown away silently (W3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.brands.brand_rows import brand_time
from app.domain.brands.metric_sources import CHOOSABLE, Choice, MetricSources, ReportSource
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Transaction
from app.models import Brand, MetricReport, MetricSource

# A way that was not used for so long after the other one is given up.
GIVEN_UP_AFTER = timedelta(days=7)

# Within the hour is exact enough, and costs no write in most batches.
_NOTE = """
INSERT INTO metric_reports (brand_id, metric, source, reported_at)
SELECT $1, name, $3::text, $4 FROM unnest($2::text[]) AS name
WHERE NOT EXISTS (
    SELECT 1 FROM metric_reports r
    WHERE r.brand_id = $1 AND r.metric = name AND r.source = $3::text
      AND r.reported_at >= $4::timestamptz - interval '1 hour')
ON CONFLICT (brand_id, metric, source) DO UPDATE SET reported_at = excluded.reported_at
"""
_REPORTED = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM metric_reports WHERE brand_id = $1)
    OR EXISTS (SELECT 1 FROM players p JOIN activities a ON a.player_id = p.id WHERE p.brand_id = $1)
    OR EXISTS (SELECT 1 FROM players p JOIN first_deposits d ON d.player_id = p.id WHERE p.brand_id = $1)
    OR EXISTS (SELECT 1 FROM brand_events WHERE brand_id = $1 AND amount IS NOT NULL AND player_id IS NOT NULL)
"""


class Reporting(StrEnum):
    """Whether what a brand reports of a metric counts."""

    # Nothing was reported yet.
    NOTHING = "nothing"
    # Only in the way that counts.
    COUNTED = "counted"
    # In both ways; one of them counts.
    BOTH = "both"
    # Only in the way that does not count, or the other one was given up.
    NOT_COUNTED = "not_counted"


@dataclass(frozen=True, slots=True)
class MetricStanding:
    """What counts for a metric on the brand's present business day, and what is reported. Times in UTC."""

    metric: str
    source: ReportSource
    # All choices, those to come included, the earliest first.
    choices: tuple[Choice, ...]
    activity_at: datetime | None
    events_at: datetime | None

    @property
    def reporting(self) -> Reporting:
        """Whether what is reported counts."""
        both = (self.activity_at, self.events_at)
        counted, other = both if self.source is ReportSource.ACTIVITY else both[::-1]
        if other is None:
            return Reporting.NOTHING if counted is None else Reporting.COUNTED
        if counted is None or counted < other - GIVEN_UP_AFTER:
            return Reporting.NOT_COUNTED
        return Reporting.BOTH


async def has_reported(tx: Transaction, brand_id: int) -> bool:
    """True when the brand ever reported, in either way, what its players did."""
    return bool(await tx.fetch(_REPORTED, brand_id))


async def note_reports(
    scope: Scope, tx: Transaction, brand_id: int, metrics: Collection[str], source: ReportSource
) -> None:
    """Keep that the brand reports these metrics in this way; the brand's intake is locked."""
    if metrics:
        await tx.fetch(_NOTE, brand_id, sorted(metrics), source.value, scope.now())


@requires(Permission.READ_PARTNERS)
async def metric_standings(
    scope: Scope, brand_ids: Sequence[int]
) -> dict[int, list[MetricStanding]]:
    """What counts for every metric, by brand, of the brands that exist for the scope."""
    brands = await scope.query(Brand).filter(id__in=list(brand_ids))
    ids = [brand.id for brand in brands]
    choices: dict[tuple[int, str], list[Choice]] = {}
    for row in await scope.query(MetricSource).filter(brand_id__in=ids).order_by("from_day"):
        choice = Choice(row.from_day, ReportSource(row.source))
        choices.setdefault((row.brand_id, row.metric), []).append(choice)
    reported = {
        (row.brand_id, row.metric, row.source): row.reported_at
        for row in await scope.query(MetricReport).filter(brand_id__in=ids)
    }
    return {brand.id: _standings(scope, brand, choices, reported) for brand in brands}


def _standings(
    scope: Scope,
    brand: Brand,
    choices: Mapping[tuple[int, str], Sequence[Choice]],
    reported: Mapping[tuple[int, str, str], datetime],
) -> list[MetricStanding]:
    today = business_day(brand_time(scope, brand.clock_offset), brand.time_zone)
    made = {name: tuple(choices.get((brand.id, name), ())) for name in CHOOSABLE}
    sources = MetricSources(made)
    return [
        MetricStanding(
            name,
            sources.on(name, today),
            chosen,
            reported.get((brand.id, name, ReportSource.ACTIVITY.value)),
            reported.get((brand.id, name, ReportSource.EVENTS.value)),
        )
        for name, chosen in made.items()
    ]
