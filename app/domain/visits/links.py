"""Where a tracking link leads: the landing with `stag`, or the fallback when the link must not work (A10, M1D)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from app.infra.database import fetch

# One row, whatever the states: the caller decides, so that the reason can be told (A17).
_FIND = """
SELECT p.id AS promo_id, p.campaign_id, p.brand_id, p.partner_id, c.plan_id, l.url,
       b.stag_parameter, b.cookie_days, b.time_zone, b.clock_offset,
       c.state AS campaign_state, b.state AS brand_state, t.state AS partner_state, a.state AS affiliation_state
FROM promos p
JOIN campaigns c ON c.id = p.campaign_id
JOIN brands b ON b.id = p.brand_id
JOIN partners t ON t.id = p.partner_id
JOIN landings l ON l.id = p.landing_id
LEFT JOIN affiliations a ON a.partner_id = p.partner_id AND a.brand_id = p.brand_id
WHERE p.code = $1
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A promo as the click path needs it."""

    promo_id: int
    campaign_id: int
    plan_id: int
    brand_id: int
    partner_id: int
    landing_url: str
    stag_parameter: str
    cookie_days: int
    time_zone: str
    clock_offset: timedelta
    # False: redirect to the fallback; the table M1D says which states stop a link.
    live: bool


async def find_link(code: str) -> Link | None:
    """The link with that code, or None. Public: whoever has the code may follow it."""
    rows = await fetch(_FIND, code)
    if not rows:
        return None
    row = rows[0]
    return Link(
        promo_id=row["promo_id"],
        campaign_id=row["campaign_id"],
        plan_id=row["plan_id"],
        brand_id=row["brand_id"],
        partner_id=row["partner_id"],
        landing_url=row["url"],
        stag_parameter=row["stag_parameter"],
        cookie_days=row["cookie_days"],
        time_zone=row["time_zone"],
        clock_offset=timedelta(microseconds=row["clock_offset"]),
        live=_is_live(row),
    )


def _is_live(row: dict[str, Any]) -> bool:
    return (
        row["partner_state"] == "active"
        and row["brand_state"] == "active"
        and row["affiliation_state"] == "accepted"
        and row["campaign_state"] in {"active", "archived"}
    )


def stag(promo_id: int, visit_id: int) -> str:
    """What the brand gets: `{promo_id}_{visit_id}`."""
    return f"{promo_id}_{visit_id}"


def destination(landing_url: str, stag_parameter: str, value: str) -> str:
    """The landing with the stag under the brand's parameter name; a parameter of that name is replaced."""
    parts = urlsplit(landing_url)
    kept = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != stag_parameter
    ]
    query = urlencode([*kept, (stag_parameter, value)], quote_via=quote)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
