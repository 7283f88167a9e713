"""The SQL of brands' events."""

_COLUMNS = """id, event_id, type, content, player_id, ref_id, occurred_at, amount, currency, revision, voided,
       fact_id, fact_day"""

FIND_EVENTS = f"""
SELECT {_COLUMNS} FROM brand_events WHERE brand_id = $1 AND event_id = ANY($2::text[])
"""

FIND_EVENTS_BY_ID = (
    f"SELECT {_COLUMNS} FROM brand_events WHERE brand_id = $1 AND id = ANY($2::bigint[])"
)

# What was given back of sales.
FIND_REFUNDED = """
SELECT ref_id, sum(amount) AS refunded FROM brand_events
WHERE ref_id = ANY($1::bigint[]) AND type = 'refund' AND NOT voided GROUP BY ref_id
"""

FIND_HELD_EVENTS = """
SELECT DISTINCT natural_key FROM held_items
WHERE brand_id = $1 AND state = 'held' AND natural_key = ANY($2::text[])
"""

FIND_TRANSACTIONS = """
SELECT kind, transaction_id FROM conversions
WHERE brand_id = $1 AND transaction_id = ANY($2::text[]) AND superseded_by IS NULL AND kind <> 'refund'
"""

# To whom sales and leads belong, by their events.
FIND_CONVERSION_FACTS = """
SELECT event_id, promo_id, campaign_id, plan_id, partner_id, country, visit_id, attributed_by, losing_candidates
FROM conversions WHERE (business_day, id) IN (SELECT * FROM unnest($1::date[], $2::bigint[]))
"""

TAKE_IDS = {
    "brand_events": "SELECT nextval('brand_events_id_seq') AS id FROM generate_series(1, $1)",
    "activities": "SELECT nextval('activities_id_seq') AS id FROM generate_series(1, $1)",
    "conversions": "SELECT nextval('conversions_id_seq') AS id FROM generate_series(1, $1)",
}

EVENT_COLUMNS = (
    *("id", "recording_id", "brand_id", "event_id", "type", "content", "player_id", "ref_id"),
    *("occurred_at", "amount", "currency", "revision", "voided", "fact_id", "fact_day"),
    "promo_id",
)

UPDATE_EVENTS = """
UPDATE brand_events e SET occurred_at = n.occurred_at, amount = n.amount, currency = n.currency,
       revision = n.revision, voided = n.voided, fact_id = n.fact_id, fact_day = n.fact_day,
       promo_id = n.promo_id
FROM unnest($1::bigint[], $2::timestamptz[], $3::numeric[], $4::text[], $5::bigint[], $6::bool[], $7::bigint[],
            $8::date[], $9::bigint[])
     AS n(id, occurred_at, amount, currency, revision, voided, fact_id, fact_day, promo_id)
WHERE e.id = n.id
"""

SUPERSEDE = {
    table: f"""
UPDATE {table} SET superseded_by = $1
WHERE (business_day, id) IN (SELECT * FROM unnest($2::date[], $3::bigint[]))
"""
    for table in ("activities", "conversions")
}

CONVERSION_COLUMNS = (
    *("id", "recording_id", "occurred_at", "business_day", "brand_id", "partner_id", "campaign_id"),
    *("plan_id", "promo_id", "player_id", "country", "currency", "kind", "transaction_id"),
    *("amount", "description", "visit_id", "attributed_by", "losing_candidates", "event_id"),
    "refund_of",
)
