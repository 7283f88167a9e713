"""The SQL of campaigns and promos."""

from __future__ import annotations

from datetime import datetime

INSERT_CAMPAIGN = """
INSERT INTO campaigns (partner_id, brand_id, plan_id, name, state, created_at)
VALUES ($1, $2, $3, $4, 'active', $5) RETURNING id
"""

INSERT_PROMO = """
INSERT INTO promos (campaign_id, partner_id, brand_id, landing_id, traffic_source_id, banner_id, code, title,
                    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
"""

# Whoever edits what is inside a campaign holds this: it cannot be archived meanwhile (A08).
SHARE_CAMPAIGN = "SELECT state FROM campaigns WHERE id = $1 FOR SHARE"

# Whoever archives a campaign or adds to it holds this alone; what merely refers to it does not wait.
LOCK_CAMPAIGN = "SELECT state FROM campaigns WHERE id = $1 FOR NO KEY UPDATE"
SET_CAMPAIGN_STATE = "UPDATE campaigns SET state = $2, archived_at = $3 WHERE id = $1"
COUNT_PROMOS = "SELECT count(*) AS count FROM promos WHERE campaign_id = $1"

LOCK_PROMO = "SELECT title, traffic_source_id FROM promos WHERE id = $1 FOR NO KEY UPDATE"
SET_TITLE = "UPDATE promos SET title = $2 WHERE id = $1"
SET_TRAFFIC_SOURCE = "UPDATE promos SET traffic_source_id = $2 WHERE id = $1"

RECENT_DAYS = 30

# Day by day and promo by promo, so that each is a look into the rollup's unique index.
_RECENT_OF_CAMPAIGN = """COALESCE((
    SELECT sum(r.{metric}) FROM promos p
    JOIN brands b ON b.id = p.brand_id
    CROSS JOIN generate_series(0, {days} - 1) AS ago
    JOIN daily_rollups r ON r.promo_id = p.id
        AND r.business_day = (TIMESTAMPTZ '{now}' AT TIME ZONE b.time_zone)::date - ago
    WHERE p.campaign_id = "campaigns"."id"), 0)::bigint"""
_RECENT_OF_PROMO = """COALESCE((
    SELECT sum(r.{metric}) FROM brands b
    CROSS JOIN generate_series(0, {days} - 1) AS ago
    JOIN daily_rollups r ON r.promo_id = "promos"."id"
        AND r.business_day = (TIMESTAMPTZ '{now}' AT TIME ZONE b.time_zone)::date - ago
    WHERE b.id = "promos"."brand_id"), 0)::bigint"""


def recent_of_campaign(metric: str, now: datetime) -> str:
    """SQL of a campaign's sum of a rollup column over its brand's last 30 business days up to `now`, in UTC."""
    return _RECENT_OF_CAMPAIGN.format(metric=metric, days=RECENT_DAYS, now=now.isoformat())


def recent_of_promo(metric: str, now: datetime) -> str:
    """SQL of a promo's sum of a rollup column over its brand's last 30 business days up to `now`, in UTC."""
    return _RECENT_OF_PROMO.format(metric=metric, days=RECENT_DAYS, now=now.isoformat())
