"""The SQL of campaigns and promos."""

from __future__ import annotations

from datetime import datetime, timedelta

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
SHARE_CAMPAIGN = "SELECT state, archived_at FROM campaigns WHERE id = $1 FOR SHARE"

# Whoever archives a campaign or adds to it holds this alone; what merely refers to it does not wait.
LOCK_CAMPAIGN = "SELECT state FROM campaigns WHERE id = $1 FOR NO KEY UPDATE"
SET_CAMPAIGN_STATE = "UPDATE campaigns SET state = $2, archived_at = $3 WHERE id = $1"
COUNT_PROMOS = "SELECT count(*) AS count FROM promos WHERE campaign_id = $1"

LOCK_PROMO = "SELECT title, traffic_source_id FROM promos WHERE id = $1 FOR NO KEY UPDATE"
SET_TITLE = "UPDATE promos SET title = $2 WHERE id = $1"
SET_TRAFFIC_SOURCE = "UPDATE promos SET traffic_source_id = $2 WHERE id = $1"

RECENT_DAYS = 30

# All promos or campaigns in one pass over these days. The zones are asked for once for each brand, and the days are
# bounded for the index as well, by what any zone on earth can make of them.
_RECENT = """
WITH today_of AS MATERIALIZED (
    SELECT id, (TIMESTAMPTZ '{now}' AT TIME ZONE time_zone)::date AS today FROM brands
)
SELECT r.{owner} AS id, sum(r.{metric})::bigint AS value
FROM daily_rollups r JOIN today_of b ON b.id = r.brand_id
WHERE r.business_day BETWEEN '{first}' AND '{last}' AND r.business_day BETWEEN b.today - {days} + 1 AND b.today
    AND {partner}
GROUP BY 1
"""


def recent(owner: str, metric: str, now: datetime, partner_id: int | None) -> str:
    """SQL of the sums of a rollup column over the last 30 business days of each brand up to `now`, in UTC.

    By `owner`, promo_id or campaign_id; of one partner, or of all. What has no rows is not there.
    """
    today = now.date()
    return _RECENT.format(
        owner=owner,
        metric=metric,
        now=now.isoformat(),
        first=today - timedelta(days=RECENT_DAYS),
        last=today + timedelta(days=1),
        days=RECENT_DAYS,
        partner="TRUE" if partner_id is None else f"r.partner_id = {partner_id}",
    )
