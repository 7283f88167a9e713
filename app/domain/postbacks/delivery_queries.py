"""The SQL of planning and delivering postbacks."""

# Every scope that an event of that promo matches: account, campaign and promo (A13).
FIND_MATCHING = """
SELECT id, partner_id, campaign_id, promo_id, action, url, method, unresolved FROM postbacks
WHERE state = 'active' AND partner_id = ANY($1::bigint[])
ORDER BY id
"""

# Whether postback `b` should be sent for fact `f` of promo `p`: counted again without the planner (X07). Before the
# log is complete nobody can tell.
EXPECTED_OF = """
    b.partner_id = f.partner_id AND b.state = 'active' AND b.action IN ('any', f.action)
    AND (b.campaign_id IS NULL OR b.campaign_id = p.campaign_id) AND (b.promo_id IS NULL OR b.promo_id = p.id)
    AND f.known_at >= COALESCE(b.active_since, b.created_at)
    AND f.known_at >= COALESCE((SELECT complete_from FROM postback_horizons), '-infinity')
"""

FIND_CONTEXTS = """
SELECT p.id AS promo_id, p.code AS promo_code, p.campaign_id, c.name AS campaign_name, p.brand_id,
       p.partner_id, s.name AS traffic_source
FROM promos p JOIN campaigns c ON c.id = p.campaign_id
LEFT JOIN traffic_sources s ON s.id = p.traffic_source_id
WHERE p.id = ANY($1::bigint[])
"""

FIND_VISITS = """
SELECT v.id, v.tags, v.device, v.language, v.corrupted, v.occurred_at, a.ip
FROM visits v LEFT JOIN visit_addresses a ON a.visit_id = v.id
WHERE v.id = ANY($1::bigint[])
"""

FIND_PLAYERS = """
SELECT p.id, p.language, p.visit_id, f.first_deposit_sum
FROM players p LEFT JOIN first_deposits f ON f.player_id = p.id AND f.superseded_by IS NULL
WHERE p.id = ANY($1::bigint[])
"""

# Unique per event and URL: planning the same event again adds nothing, and says so by returning nothing.
INSERT_DELIVERIES = """
INSERT INTO postback_deliveries
    (postback_id, partner_id, event_id, action, url, url_hash, state, attempts, next_attempt_at, created_at,
     method, host, brand_id, campaign_id, promo_id, player_id)
SELECT item.postback_id, item.partner_id, item.event_id, item.action, item.url, item.url_hash, item.state, 0,
       item.at, item.at, item.method, item.host, item.brand_id, item.campaign_id, item.promo_id, item.player_id
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])
     WITH ORDINALITY
     AS item(postback_id, partner_id, event_id, action, url, url_hash, state, at, method, host, brand_id,
             campaign_id, promo_id, player_id, n)
ORDER BY item.n
ON CONFLICT (event_id, url_hash) DO NOTHING
RETURNING id, partner_id, state, created_at, event_id, url_hash
"""

# Which delivery calls the URL that another postback would have called as well.
INSERT_DUPLICATES = """
INSERT INTO postback_duplicates (partner_id, postback_id, event_id, delivery_id)
SELECT d.partner_id, item.postback_id, item.event_id, d.id
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS item(postback_id, event_id, url_hash)
JOIN postback_deliveries d ON d.event_id = item.event_id AND d.url_hash = item.url_hash
WHERE d.postback_id <> item.postback_id
ON CONFLICT (event_id, postback_id) DO NOTHING
"""

PARTNER_OFFSETS = "SELECT id, clock_offset FROM partners WHERE id = ANY($1::bigint[])"

# What is being sent at this moment is left to its worker.
REPLAY = """
INSERT INTO postback_deliveries
    (postback_id, partner_id, event_id, action, url, url_hash, state, attempts, next_attempt_at, created_at,
     method, host, brand_id, campaign_id, promo_id, player_id)
SELECT item.postback_id, item.partner_id, item.event_id, item.action, item.url, item.url_hash, 'pending', 0,
       item.at, item.at, item.method, item.host, item.brand_id, item.campaign_id, item.promo_id, item.player_id
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
            $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
     WITH ORDINALITY
     AS item(postback_id, partner_id, event_id, action, url, url_hash, at, method, host, brand_id, campaign_id,
             promo_id, player_id, n)
ORDER BY item.n
ON CONFLICT (event_id, url_hash) DO UPDATE
SET state = 'pending', attempts = 0, next_attempt_at = excluded.next_attempt_at, method = excluded.method,
    host = excluded.host, brand_id = excluded.brand_id, campaign_id = excluded.campaign_id,
    promo_id = excluded.promo_id, player_id = excluded.player_id
RETURNING id
"""
# The same event under the URL that the postback had before.
CANCEL_OTHERS = """
UPDATE postback_deliveries d SET state = 'cancelled'
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS item(postback_id, event_id, url_hash)
WHERE d.event_id = item.event_id AND d.postback_id = item.postback_id AND d.url_hash <> item.url_hash
  AND d.state = 'pending'
"""
