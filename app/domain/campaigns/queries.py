"""The SQL of campaigns and promos."""

INSERT_CAMPAIGN = """
INSERT INTO campaigns (partner_id, brand_id, plan_id, name, state, created_at)
VALUES ($1, $2, $3, $4, 'active', $5) RETURNING id
"""

INSERT_PROMO = """
INSERT INTO promos (campaign_id, partner_id, brand_id, landing_id, traffic_source_id, code, title, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
"""

# FOR SHARE: the campaign cannot be archived while a promo is being added to it (A08).
LOCK_CAMPAIGN = "SELECT state FROM campaigns WHERE id = $1 FOR SHARE"
