"""The SQL of the change feed."""

from functools import cache

from app.domain.reports.dimensions import on_source
from app.domain.reports.metrics import BASE_METRICS, SUPERSEDABLE, VISIT_SOURCES, BaseMetric, Source

# A fact that comes so many days after the end of its business day changes a past figure.
LATE_DAYS = 2

KEY = (
    *("business_day", "brand_id", "partner_id", "campaign_id", "plan_id", "promo_id", "player_id"),
    *("country", "currency"),
)
COLUMNS = (
    *("position", "n", "known_at", "fact", "kind", *KEY, "figures", "metrics"),
    *("reason", "actor_type", "actor_id", "request_id"),
)
REACHED = """
SELECT max(position) AS position FROM (
    SELECT position FROM recordings WHERE position > $1 ORDER BY position LIMIT $2
) AS batch
"""


def metrics_of(source: Source) -> tuple[BaseMetric, ...]:
    """The base metrics to which facts of that source add."""
    return tuple(
        metric for metric in BASE_METRICS.values() if metric.expression_in(source) is not None
    )


@cache
def changed_figures(source: Source) -> str:
    """The figures that the recordings between two positions changed, with their numbers before and after.

    Before: what the recording took back; after: what it put there. All facts of the figure that it did not touch stay.
    """
    metrics = metrics_of(source)
    values = ", ".join(
        f"({metric.expression_in(source)})::numeric AS {metric.name}" for metric in metrics
    )
    sums = ", ".join(
        f"COALESCE(sum({name}) FILTER (WHERE gone), 0) AS before_{name},"
        f" COALESCE(sum({name}) FILTER (WHERE NOT gone), 0) AS after_{name}"
        for name in (metric.name for metric in metrics)
    )
    keys = ", ".join(KEY)
    own_keys = ", ".join(f"{_key(source, name)} AS {name}" for name in KEY)
    fact_id = "f.visit_id" if source in VISIT_SOURCES and source is not Source.VISITS else "f.id"

    # What a recording both brought and took back never held.
    passing = "WHERE f.recording_id IS DISTINCT FROM f.superseded_by" * (source in SUPERSEDABLE)

    def side(link: str, gone: str, change: str) -> str:
        return f"""SELECT touched.id AS recording_id, touched.position, touched.known_at, {gone} AS gone,
        c.reason, {own_keys}, {values}
    FROM {source} f JOIN touched ON f.{link} = touched.id
    LEFT JOIN fact_changes c
        ON c.recording_id = touched.id AND c.fact = '{source}' AND c.{change} = {fact_id}
    {passing}"""

    sides = [side("recording_id", "FALSE", "after_id")]
    if source in SUPERSEDABLE:
        sides.append(side("superseded_by", "TRUE", "before_id"))
    both = "\n    UNION ALL\n    ".join(sides)
    return f"""
WITH touched AS (
    SELECT id, position, known_at FROM recordings WHERE position > $1 AND position <= $2
), facts AS (
    {both}
), figures AS (
    SELECT position, recording_id, known_at, {keys}, bool_or(gone OR reason IS NOT NULL) AS corrected,
           max(reason) AS reason, {sums}
    FROM facts GROUP BY position, recording_id, known_at, {keys}
)
SELECT figures.*, b.time_zone, b.clock_offset, origin.actor_type, origin.actor_id, origin.request_id
FROM figures JOIN brands b ON b.id = figures.brand_id
LEFT JOIN LATERAL (
    SELECT actor_type, actor_id, request_id FROM events e WHERE e.recording_id = figures.recording_id
    ORDER BY n LIMIT 1
) AS origin ON TRUE
WHERE corrected
   OR (business_day + {1 + LATE_DAYS})::timestamp AT TIME ZONE b.time_zone
      <= known_at + b.clock_offset * interval '1 microsecond'
ORDER BY position, {keys}
"""


def _key(source: Source, name: str) -> str:
    if name == "player_id":
        return "NULL::bigint" if source in VISIT_SOURCES else "f.player_id"
    return on_source(source, f"f.{name}")
