"""The SQL of postbacks."""

INSERT_POSTBACK = """
INSERT INTO postbacks (partner_id, campaign_id, promo_id, action, url, state, created_at)
VALUES ($1, $2, $3, $4, $5, 'active', $6) RETURNING id
"""

# Every scope that an event of that promo matches: account, campaign and promo (A13).
FIND_MATCHING = """
SELECT id, partner_id, campaign_id, promo_id, action, url FROM postbacks
WHERE state = 'active' AND partner_id = ANY($1::bigint[])
ORDER BY id
"""

FIND_CONTEXTS = """
SELECT p.id AS promo_id, p.code AS promo_code, p.campaign_id, c.name AS campaign_name, p.brand_id,
       p.partner_id, s.name AS traffic_source
FROM promos p JOIN campaigns c ON c.id = p.campaign_id
LEFT JOIN traffic_sources s ON s.id = p.traffic_source_id
WHERE p.id = ANY($1::bigint[])
"""

FIND_VISITS = "SELECT id, tags, device, country FROM visits WHERE id = ANY($1::bigint[])"

# Unique per event and URL: planning the same event again adds nothing, and says so by returning nothing.
INSERT_DELIVERIES = """
INSERT INTO postback_deliveries
    (postback_id, partner_id, event_id, action, url, url_hash, state, attempts, next_attempt_at, created_at)
SELECT item.postback_id, item.partner_id, item.event_id, item.action, item.url, item.url_hash, item.state, 0,
       item.at, item.at
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[])
     AS item(postback_id, partner_id, event_id, action, url, url_hash, state, at)
ON CONFLICT (event_id, url_hash) DO NOTHING
RETURNING id, partner_id, state, created_at
"""

PARTNER_OFFSETS = "SELECT id, clock_offset FROM partners WHERE id = ANY($1::bigint[])"

# Due by the tenant's clock (decision 12); the claim itself runs on the machine's.
CLAIM = """
UPDATE postback_deliveries SET claimed_until = $2
WHERE id IN (
    SELECT d.id FROM postback_deliveries d JOIN partners p ON p.id = d.partner_id
    WHERE d.state = 'pending' AND (d.claimed_until IS NULL OR d.claimed_until < $1::timestamptz)
      AND d.next_attempt_at <= $1::timestamptz + p.clock_offset * interval '1 microsecond'
    ORDER BY d.next_attempt_at, d.id
    LIMIT $3
    FOR UPDATE OF d SKIP LOCKED
)
RETURNING id, partner_id, url, attempts, event_id,
          (SELECT request_id FROM events WHERE events.id = event_id) AS request_id
"""

COUNT_DUE = """
SELECT count(*) AS due FROM (
    SELECT 1 FROM postback_deliveries d JOIN partners p ON p.id = d.partner_id
    WHERE d.state = 'pending' AND (d.claimed_until IS NULL OR d.claimed_until < $1::timestamptz)
      AND d.next_attempt_at <= $1::timestamptz + p.clock_offset * interval '1 microsecond'
    LIMIT 1
) AS waiting
"""

INSERT_ATTEMPT = """
INSERT INTO postback_attempts
    (delivery_id, partner_id, sent_at, duration_ms, response_code, response_body, error)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

FINISH_ATTEMPT = """
UPDATE postback_deliveries
SET state = $2, attempts = attempts + 1, claimed_until = NULL,
    next_attempt_at = greatest(next_attempt_at, $4::timestamptz + (
        SELECT clock_offset FROM partners WHERE partners.id = partner_id) * interval '1 microsecond') + $3::interval
WHERE id = $1 AND state = 'pending'
"""
