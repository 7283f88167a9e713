"""The SQL of players."""

FIND_PLAYERS = """
SELECT p.id, p.user_id, p.partner_id, p.campaign_id, p.promo_id, p.visit_id, p.country, p.language,
       p.currency, p.sign_up_at, p.losing_candidates, c.plan_id
FROM players p JOIN campaigns c ON c.id = p.campaign_id
WHERE p.brand_id = $1 AND p.user_id = ANY($2::text[])
"""

INSERT_PLAYERS = """
INSERT INTO players (brand_id, user_id, partner_id, campaign_id, promo_id, visit_id, country, language,
                     currency, sign_up_at, created_at, subject_id, attributed_by, losing_candidates)
SELECT $1, item.user_id, item.partner_id, item.campaign_id, item.promo_id, item.visit_id, item.country,
       item.language, item.currency, item.sign_up_at, $2, item.subject_id,
       item.attributed_by, item.losing_candidates
FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[],
            $10::text[], $11::timestamptz[], $12::bigint[], $13::text[], $14::jsonb[])
     AS item(user_id, partner_id, campaign_id, promo_id, visit_id, country, language, currency, sign_up_at,
             subject_id, attributed_by, losing_candidates)
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
