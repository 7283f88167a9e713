"""The promo that network clicks of a partner and brand are recorded under, made on the first of them (W4)."""

from __future__ import annotations

from typing import Any

from app.domain.brands.sorting import last_place
from app.domain.campaigns.codes import random_code
from app.domain.campaigns.queries import INSERT_CAMPAIGN
from app.domain.events import Subject, record
from app.domain.scope import Scope
from app.infra.database import Row, Transaction, UniqueViolation, fetch, transaction

CAMPAIGN = "Network links"
# Nobody made it to be chosen: it is disabled, which no link minds, until an operator offers it.
_LANDING = "Home page (network links)"

_FIND_OPEN = """
SELECT t.id AS partner_id, b.id AS brand_id, b.main_url, t.name AS partner_name, t.code AS partner_code,
    b.name AS brand_name, b.code AS brand_code, b.domains, b.redirect_arguments, b.stag_parameter, (
    SELECT id FROM commission_plans
    WHERE brand_id = b.id AND state = 'active'
      AND (is_default OR id IN (SELECT plan_id FROM plan_assignments WHERE partner_id = t.id))
    ORDER BY is_default, id LIMIT 1
) AS plan_id
FROM partners t
JOIN affiliations a ON a.partner_id = t.id AND a.state = 'accepted'
JOIN brands b ON b.id = a.brand_id AND b.state = 'active'
WHERE t.code = $1 AND t.state = 'active'
  AND (b.code = $2 OR b.id = (SELECT brand_id FROM banners WHERE code = $2 AND state = 'active'))
"""
# The first clicks of two partners of one brand make its landing once, and an edit of the brand waits for them.
_LOCK_BRAND = "SELECT id FROM brands WHERE id = $1 FOR NO KEY UPDATE"
_FIND_LANDING = """
SELECT p.landing_id AS id, b.main_url
FROM brands b LEFT JOIN promos p ON p.brand_id = b.id AND p.network
WHERE b.id = $1 ORDER BY p.id LIMIT 1
"""
_INSERT_LANDING = f"""
INSERT INTO landings (brand_id, title, url, audience, countries, sort_order, state, created_at)
VALUES ($1, '{_LANDING}', $2, 'players', '[]', $3, 'disabled', $4) RETURNING id
"""
_INSERT_PROMO = """
INSERT INTO promos (campaign_id, partner_id, brand_id, landing_id, code, title, network, created_at)
VALUES ($1, $2, $3, $4, $5, $6, true, $7) RETURNING id
"""


async def network_offer(_scope: Scope, partner_code: str, unique: str) -> Row | None:
    """What the promo would be made of; None when this partner and program may have none. Public, as the link is."""
    rows = await fetch(_FIND_OPEN, partner_code, unique)
    return rows[0] if rows and rows[0]["plan_id"] is not None else None


async def open_network_promo(scope: Scope, partner_code: str, unique: str) -> bool:
    """Make the promo unless it is there; False when this partner and program may have none.

    Public: a click makes it. Campaign, landing and promo are events of their own.
    """
    row = await network_offer(scope, partner_code, unique)
    if row is None:
        return False
    try:
        async with transaction() as tx:
            await _make(scope, tx, row)
    except UniqueViolation:
        # Another click of the same moment has made it.
        return True
    return True


async def _make(scope: Scope, tx: Transaction, row: Row) -> None:
    partner_id, brand_id, plan_id, now = (
        row["partner_id"],
        row["brand_id"],
        row["plan_id"],
        scope.now(),
    )
    owner: dict[str, Any] = {"partner_id": partner_id, "brand_id": brand_id}
    landing_id = await _landing(scope, tx, brand_id)
    campaigns = await tx.fetch(INSERT_CAMPAIGN, partner_id, brand_id, plan_id, CAMPAIGN, now)
    campaign = Subject("campaign", int(campaigns[0]["id"]))
    data: dict[str, Any] = {"name": CAMPAIGN, "plan_id": plan_id, "network": True}
    await record(scope, tx, "campaign.created", campaign, **owner, data=data)
    values = (campaign.id, partner_id, brand_id, landing_id, random_code(), CAMPAIGN, now)
    promos = await tx.fetch(_INSERT_PROMO, *values)
    promo = Subject("promo", int(promos[0]["id"]))
    data = {"campaign_id": campaign.id, "network": True, "title": CAMPAIGN}
    await record(scope, tx, "promo.created", promo, **owner, data=data)


async def _landing(scope: Scope, tx: Transaction, brand_id: int) -> int:
    """The landing of the brand's network links, made with its main URL for the first of them.

    Landings of operators are never taken for it: they are partners' to choose, and do not follow the main URL.
    """
    await tx.fetch(_LOCK_BRAND, brand_id)
    found = (await tx.fetch(_FIND_LANDING, brand_id))[0]
    if found["id"] is not None:
        return int(found["id"])
    url, place = found["main_url"], await last_place(tx, "landings", brand_id)
    rows = await tx.fetch(_INSERT_LANDING, brand_id, url, place, scope.now())
    subject = Subject("landing", int(rows[0]["id"]))
    data = {"title": _LANDING, "url": url, "audience": "players", "state": "disabled"}
    await record(scope, tx, "landing.created", subject, brand_id=brand_id, data=data)
    return int(rows[0]["id"])
