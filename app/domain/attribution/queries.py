"""The SQL of attribution."""

_OPEN = """c.state IN ('active', 'archived') AND b.state = 'active' AND t.state = 'active'
       AND a.state IS NOT DISTINCT FROM 'accepted' AS open"""

_STATES = """
JOIN campaigns c ON c.id = v.campaign_id
JOIN brands b ON b.id = v.brand_id
JOIN partners t ON t.id = v.partner_id
LEFT JOIN affiliations a ON a.partner_id = v.partner_id AND a.brand_id = v.brand_id
"""

_VISIT = """v.id AS visit_id, v.promo_id, v.campaign_id, v.partner_id, v.country, v.attributable_until, c.plan_id"""

# The visits that stags name, with what a fact needs to know of their promo.
FIND_VISITS = f"""
SELECT {_VISIT}, {_OPEN}
FROM visits v {_STATES}
WHERE v.brand_id = $1 AND v.id = ANY($2::bigint[])
"""

FIND_COUPONS = f"""
SELECT lower(k.code) AS code, NULL::bigint AS visit_id, k.promo_id, v.campaign_id, v.partner_id,
       'ZZ' AS country, NULL::timestamptz AS attributable_until, c.plan_id, {_OPEN}
FROM coupons k JOIN promos v ON v.id = k.promo_id {_STATES}
WHERE k.brand_id = $1 AND k.state = 'active' AND lower(k.code) = ANY($2::text[])
"""

FIND_NETWORKS = f"""
SELECT t.code, NULL::bigint AS visit_id, v.id AS promo_id, v.campaign_id, v.partner_id, 'ZZ' AS country,
       NULL::timestamptz AS attributable_until, c.plan_id, {_OPEN}
FROM promos v {_STATES}
WHERE v.brand_id = $1 AND v.network AND t.code = ANY($2::text[])
"""

FIND_AWAITED = """
SELECT asked.visit_id FROM unnest($2::bigint[], $3::bigint[]) AS asked(promo_id, visit_id)
JOIN promos p ON p.id = asked.promo_id AND p.brand_id = $1
WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.id = asked.visit_id)
"""

# Of a visitor's other clicks only the last ten are told.
FIND_PATHS = f"""
SELECT asked.place, {_VISIT}, {_OPEN}
FROM unnest($2::int[], $3::bigint[], $4::timestamptz[]) AS asked(place, visit_id, at)
JOIN visits named ON named.id = asked.visit_id
CROSS JOIN LATERAL (
    SELECT * FROM visits w
    WHERE w.visitor_id = named.visitor_id AND w.id <> named.id AND w.brand_id = $1
      AND w.occurred_at <= asked.at AND w.attributable_until >= asked.at AND w.uncounted_reason IS NULL
    ORDER BY w.id DESC LIMIT 10
) v {_STATES}
ORDER BY asked.place, v.id DESC
"""
