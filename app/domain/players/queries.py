"""The SQL of players."""

_PLAYER = """
SELECT p.id, p.user_id, p.partner_id, p.campaign_id, p.promo_id, p.visit_id, p.country, p.language, p.attributed_by,
       p.currency, p.sign_up_at, p.sign_up_inferred, p.losing_candidates, c.plan_id,
       EXISTS (SELECT 1 FROM player_moves m WHERE m.player_id = p.id AND m.cancelled_at IS NULL) AS moved
FROM players p JOIN campaigns c ON c.id = p.campaign_id
"""

FIND_PLAYERS = f"{_PLAYER} WHERE p.brand_id = $1 AND p.user_id = ANY($2::text[])"

FIND_PLAYERS_BY_ID = f"{_PLAYER} WHERE p.brand_id = $1 AND p.id = ANY($2::bigint[])"

FIND_MOVES = """
SELECT m.player_id, m.effective_day, m.from_promo_id, m.to_promo_id,
       f.campaign_id AS from_campaign_id, f.partner_id AS from_partner_id, fc.plan_id AS from_plan_id,
       t.campaign_id AS to_campaign_id, t.partner_id AS to_partner_id, tc.plan_id AS to_plan_id
FROM player_moves m
JOIN promos f ON f.id = m.from_promo_id JOIN campaigns fc ON fc.id = f.campaign_id
JOIN promos t ON t.id = m.to_promo_id JOIN campaigns tc ON tc.id = t.campaign_id
WHERE m.player_id = ANY($1::bigint[]) AND m.cancelled_at IS NULL
ORDER BY m.player_id, m.effective_day, m.id
"""

INSERT_PLAYERS = """
INSERT INTO players (brand_id, user_id, partner_id, campaign_id, promo_id, visit_id, country, language,
                     currency, sign_up_at, sign_up_inferred, created_at, subject_id, attributed_by,
                     losing_candidates)
SELECT $1, item.user_id, item.partner_id, item.campaign_id, item.promo_id, item.visit_id, item.country,
       item.language, item.currency, item.sign_up_at, item.sign_up_inferred, $2, item.subject_id,
       item.attributed_by, item.losing_candidates
FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[],
            $10::text[], $11::timestamptz[], $12::bigint[], $13::text[], $14::jsonb[], $15::bool[])
     AS item(user_id, partner_id, campaign_id, promo_id, visit_id, country, language, currency, sign_up_at,
             subject_id, attributed_by, losing_candidates, sign_up_inferred)
RETURNING id, user_id
"""

UPDATE_PLAYER = "UPDATE players SET country = $2, language = $3, currency = $4 WHERE id = $1"

INSERT_REGISTRATIONS = """
INSERT INTO registrations (recording_id, occurred_at, business_day, brand_id, partner_id, campaign_id, plan_id,
                           promo_id, player_id, country, currency)
SELECT $1, item.occurred_at, item.business_day, $2, item.partner_id, item.campaign_id, item.plan_id,
       item.promo_id, item.player_id, item.country, item.currency
FROM unnest($3::timestamptz[], $4::date[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
            $10::text[], $11::text[])
     AS item(occurred_at, business_day, partner_id, campaign_id, plan_id, promo_id, player_id, country, currency)
"""

LOCK_PLAYER = "SELECT * FROM players WHERE id = $1 FOR UPDATE"

INSERT_MOVE = """
INSERT INTO player_moves (brand_id, player_id, from_promo_id, to_promo_id, effective_day, reason, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""

LOCK_MOVE = "SELECT * FROM player_moves WHERE id = $1 FOR UPDATE"

FIND_WAITING_MOVE = """
SELECT effective_day FROM player_moves WHERE player_id = $1 AND applied_at IS NULL AND cancelled_at IS NULL
"""

CANCEL_MOVE = "UPDATE player_moves SET cancelled_at = $2 WHERE id = $1"

APPLIED_MOVE = "UPDATE player_moves SET applied_at = $2 WHERE id = $1"

# Offsets are microseconds: a sandbox's move is due on its own clock.
DUE_MOVES = """
SELECT m.id, m.player_id, m.brand_id FROM player_moves m JOIN brands b ON b.id = m.brand_id
WHERE m.applied_at IS NULL AND m.cancelled_at IS NULL
  AND m.effective_day::timestamp AT TIME ZONE b.time_zone
      <= $1::timestamptz + b.clock_offset * interval '1 microsecond'
ORDER BY m.effective_day, m.id
"""

IS_PROMO_OPEN = """
SELECT c.state = 'active' AND t.state = 'active' AND a.state IS NOT DISTINCT FROM 'accepted' AS open
FROM promos p JOIN campaigns c ON c.id = p.campaign_id JOIN partners t ON t.id = p.partner_id
LEFT JOIN affiliations a ON a.partner_id = p.partner_id AND a.brand_id = p.brand_id
WHERE p.id = $1
"""

MOVE_PLAYER = """
UPDATE players SET promo_id = p.id, campaign_id = p.campaign_id, partner_id = p.partner_id,
       attributed_by = 'moved', losing_candidates = $3::jsonb
FROM promos p WHERE p.id = $2 AND players.id = $1
"""
