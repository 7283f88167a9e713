"""The SQL of activity; the metric columns come from the registry."""

from app.domain.reports.metrics import ACTIVITY_METRICS

METRICS = tuple(metric.name for metric in ACTIVITY_METRICS)

# Rows that still hold and touch the interval: the same interval is a revision, another one an overlap.
FIND_ACTIVITIES = f"""
SELECT id, business_day, player_id, currency, period_from, period_to, revision, {", ".join(METRICS)}
FROM activities
WHERE business_day = $1 AND player_id = ANY($2::bigint[]) AND superseded_by IS NULL
  AND period_from < $4 AND period_to > $3
"""

_FACT_COLUMNS = (
    "id, recording_id, occurred_at, business_day, brand_id, partner_id, campaign_id, plan_id, promo_id,"
    " player_id, country, currency"
)
FACT_COLUMNS = tuple(name.strip() for name in _FACT_COLUMNS.split(","))
ACTIVITY_COLUMNS = (*FACT_COLUMNS, "period_from", "period_to", "revision", *METRICS)
FIRST_DEPOSIT_COLUMNS = (*FACT_COLUMNS, "first_deposit_sum")

TAKE_IDS = {
    "activities": "SELECT nextval('activities_id_seq') AS id FROM generate_series(1, $1)",
    "first_deposits": "SELECT nextval('first_deposits_id_seq') AS id FROM generate_series(1, $1)",
}

SUPERSEDE = {
    "activities": """
UPDATE activities SET superseded_by = $1
WHERE (business_day, id) IN (SELECT * FROM unnest($2::date[], $3::bigint[]))
""",
    "first_deposits": """
UPDATE first_deposits SET superseded_by = $1
WHERE (business_day, id) IN (SELECT * FROM unnest($2::date[], $3::bigint[]))
""",
}

FIND_FIRST_DEPOSITS = """
SELECT id, business_day, player_id, occurred_at, currency, first_deposit_sum
FROM first_deposits WHERE player_id = ANY($1::bigint[]) AND superseded_by IS NULL
"""

FACT_CHANGE_COLUMNS = (
    "recording_id",
    "partner_id",
    "brand_id",
    "fact",
    "before_id",
    "after_id",
    "reason",
    "delta",
)
