"""The SQL of sending: claiming what is due, and keeping what came of it."""

# The hosts that have work are found by jumping through the index, and each gives at most as many deliveries as it has
# room for, so that a host with a backlog or without answers is never read for the others. Due by the tenant's clock
# (decision 12); the claim itself runs on the machine's. What follows an earlier delivery to the same postback about
# the same player waits until that one was tried a few times (A19).
CLAIM = """
WITH RECURSIVE latest AS (
    SELECT $1::timestamptz + COALESCE(
        (SELECT max(clock_offset) FROM partners WHERE clock_offset > 0), 0) * interval '1 microsecond' AS due
), hosts AS (
    (SELECT host FROM postback_deliveries WHERE state = 'pending' ORDER BY host LIMIT 1)
    UNION ALL
    SELECT (SELECT d.host FROM postback_deliveries d WHERE d.state = 'pending' AND d.host > hosts.host
            ORDER BY d.host LIMIT 1)
    FROM hosts WHERE hosts.host IS NOT NULL
), rooms AS (
    SELECT hosts.host, COALESCE(busy.room, $4::int) AS room
    FROM hosts LEFT JOIN unnest($5::text[], $6::int[]) AS busy(host, room) ON busy.host = hosts.host
    WHERE hosts.host IS NOT NULL
), due AS (
    SELECT found.id
    FROM rooms CROSS JOIN LATERAL (
        SELECT d.id, d.next_attempt_at FROM postback_deliveries d JOIN partners p ON p.id = d.partner_id
        WHERE d.state = 'pending' AND d.host = rooms.host
          AND d.next_attempt_at <= (SELECT due FROM latest)
          AND d.next_attempt_at <= $1::timestamptz + p.clock_offset * interval '1 microsecond'
          AND (d.claimed_until IS NULL OR d.claimed_until < $1::timestamptz)
          AND NOT EXISTS (
              -- Written so that only the index by player fits: with old statistics the queue's own looks as good.
              SELECT 1 FROM postback_deliveries earlier
              WHERE earlier.state || '' = 'pending'
                AND earlier.postback_id = d.postback_id AND earlier.player_id = d.player_id
                AND earlier.id < d.id AND (earlier.attempts < 3 OR earlier.claimed_until >= $1::timestamptz)
          )
        ORDER BY d.next_attempt_at, d.id
        LIMIT rooms.room
    ) AS found
    WHERE rooms.room > 0
    ORDER BY found.next_attempt_at, found.id
    LIMIT $3
), mine AS (
    SELECT id FROM postback_deliveries
    WHERE id IN (SELECT id FROM due) AND state = 'pending'
      AND (claimed_until IS NULL OR claimed_until < $1::timestamptz)
    FOR UPDATE SKIP LOCKED
)
UPDATE postback_deliveries SET claimed_until = $2
FROM mine WHERE postback_deliveries.id = mine.id
RETURNING postback_deliveries.id, postback_id, partner_id, url, method, host, attempts, event_id,
          (SELECT clock_offset FROM partners WHERE partners.id = partner_id) AS clock_offset,
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

# The URL as it may be shown: a password in it, or a name that stands alone, is masked as by `credentials.masked`.
_MASKED_URL = r"""CASE WHEN d.url LIKE '%@%' THEN regexp_replace(
        regexp_replace(d.url, '^([^/?#]*//[^/?#:]*):[^/?#]+@', '\1:***@'),
        '^([^/?#]*//)[^/?#:]+:?@(?![^/?#]*@)', '\1***@')
    ELSE d.url END"""

INSERT_ATTEMPTS = f"""
INSERT INTO postback_attempts
    (delivery_id, partner_id, postback_id, event_id, brand_id, campaign_id, promo_id, action, method, url,
     sent_at, duration_ms, response_code, response_body, error)
SELECT d.id, d.partner_id, d.postback_id, d.event_id, d.brand_id, d.campaign_id, d.promo_id, d.action, d.method,
       {_MASKED_URL}, item.sent_at, item.duration_ms, item.response_code, item.response_body, item.error
FROM unnest($1::bigint[], $2::timestamptz[], $3::int[], $4::int[], $5::text[], $6::text[])
     AS item(delivery_id, sent_at, duration_ms, response_code, response_body, error)
JOIN postback_deliveries d ON d.id = item.delivery_id
"""

# A delivery that was cancelled meanwhile stays so, unless the tracker took it.
FINISH_ATTEMPTS = """
UPDATE postback_deliveries d
SET state = CASE WHEN d.state = 'pending' OR item.state = 'delivered' THEN item.state ELSE d.state END,
    attempts = d.attempts + 1, claimed_until = NULL,
    next_attempt_at = greatest(d.next_attempt_at,
        $4::timestamptz + p.clock_offset * interval '1 microsecond') + item.pause
FROM unnest($1::bigint[], $2::text[], $3::interval[]) AS item(id, state, pause), partners p
WHERE d.id = item.id AND p.id = d.partner_id AND d.state IN ('pending', 'cancelled')
"""

# Written only when it changes, so that calls of one postback do not wait for each other.
MARK_ATTEMPTED = """
WITH changed AS (
    SELECT b.id, CASE WHEN b.id = ANY($2::bigint[])
        THEN $3::timestamptz + p.clock_offset * interval '1 microsecond' END AS since
    FROM postbacks b JOIN partners p ON p.id = b.partner_id
    WHERE (b.id = ANY($1::bigint[]) AND b.failing_since IS NOT NULL)
       OR (b.id = ANY($2::bigint[]) AND b.failing_since IS NULL)
    ORDER BY b.id
    FOR UPDATE OF b
)
UPDATE postbacks SET failing_since = changed.since FROM changed WHERE postbacks.id = changed.id
"""

# Postbacks without a good answer for days, of which the last few calls have failed as well.
FIND_HOPELESS = """
SELECT b.id, b.partner_id, b.failing_since, p.clock_offset
FROM postbacks b JOIN partners p ON p.id = b.partner_id
WHERE b.state = 'active' AND b.failing_since IS NOT NULL
  AND b.failing_since <= $1::timestamptz + p.clock_offset * interval '1 microsecond' - $2::interval
  AND (SELECT count(*) FROM postback_attempts a
       WHERE a.partner_id = b.partner_id AND a.postback_id = b.id AND a.sent_at >= b.failing_since - interval '1 hour'
         AND NOT a.is_test) >= $3
ORDER BY b.id
"""
