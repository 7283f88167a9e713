"""The SQL of activity; the metric columns come from the registry."""

from app.domain.reports.metrics import ACTIVITY_METRICS

METRICS = tuple(metric.name for metric in ACTIVITY_METRICS)

# Rows that still hold and touch the interval: the same interval is a revision, another one an overlap.
FIND_ACTIVITIES = f"""
SELECT id, business_day, player_id, currency, period_from, period_to, revision, uncounted, {", ".join(METRICS)}
FROM activities
WHERE business_day = $1 AND player_id = ANY($2::bigint[]) AND superseded_by IS NULL
  AND period_from < $4 AND period_to > $3 AND event_id IS NULL
"""

_FACT_COLUMNS = (
    "id, recording_id, occurred_at, business_day, brand_id, partner_id, campaign_id, plan_id, promo_id,"
    " player_id, country, currency"
)
FACT_COLUMNS = tuple(name.strip() for name in _FACT_COLUMNS.split(","))
ACTIVITY_COLUMNS = (
    *FACT_COLUMNS,
    "period_from",
    "period_to",
    "revision",
    "event_id",
    "uncounted",
    *METRICS,
)
FIRST_DEPOSIT_COLUMNS = (*FACT_COLUMNS, "first_deposit_sum", "event_id", "claim_id")

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
SELECT id, business_day, player_id, occurred_at, currency, first_deposit_sum, event_id, claim_id, promo_id,
       superseded_by
FROM first_deposits WHERE player_id = ANY($1::bigint[])
"""

FIND_CLAIMS = """
SELECT id, player_id, currency, period_from, period_to, occurred_at, first_deposit_sum, recording_id, promo_id
FROM first_deposit_claims WHERE player_id = ANY($1::bigint[])
"""

# The earliest deposit of each player within each range of time, by time and then by the brand's id of the event.
FIND_FIRST_DEPOSIT_EVENTS = """
SELECT p.player_id, e.id, e.event_id, e.occurred_at, e.amount, e.currency, e.promo_id
FROM unnest($1::bigint[]) AS p(player_id)
CROSS JOIN unnest($2::timestamptz[], $3::timestamptz[]) AS range(start, stop)
CROSS JOIN LATERAL (
    SELECT * FROM brand_events b
    WHERE b.player_id = p.player_id AND b.type = 'deposit' AND NOT b.voided
      AND b.occurred_at >= range.start AND b.occurred_at < range.stop
    ORDER BY b.occurred_at, b.event_id LIMIT 1
) e
"""

KEEP_CLAIMS = """
INSERT INTO first_deposit_claims (brand_id, player_id, period_from, period_to, currency, occurred_at,
                                  first_deposit_sum, recording_id, promo_id)
SELECT $1, claim.player_id, $2, $3, claim.currency, claim.occurred_at, claim.first_deposit_sum, $4, claim.promo_id
FROM unnest($5::bigint[], $6::text[], $7::timestamptz[], $8::numeric[], $9::bigint[])
     AS claim(player_id, currency, occurred_at, first_deposit_sum, promo_id)
ON CONFLICT (player_id, period_from, period_to, currency) DO UPDATE
SET occurred_at = excluded.occurred_at, first_deposit_sum = excluded.first_deposit_sum,
    recording_id = excluded.recording_id, promo_id = excluded.promo_id
"""

WITHDRAW_CLAIMS = "DELETE FROM first_deposit_claims WHERE id = ANY($1::bigint[])"

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
