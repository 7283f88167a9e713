"""Tracking links: what a code leads to, and which state of the table M1D stops it (A10)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.visits.destination import Template, template
from app.infra.database import fetch
from app.infra.encoding import loads

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

COLUMNS = """
p.id AS promo_id, p.campaign_id, p.brand_id, p.partner_id, p.landing_id, c.plan_id, l.url, n.code AS banner_code,
p.banner_id, p.code, c.name AS campaign_name, t.name AS partner_name, t.code AS partner_code,
b.name AS brand_name, b.code AS brand_code, b.main_url, b.domains, b.redirect_arguments, b.ignored_ips,
b.stag_parameter, b.cookie_days, b.time_zone, b.clock_offset,
c.state AS campaign_state, b.state AS brand_state, t.state AS partner_state, a.state AS affiliation_state
"""
JOINS = """
FROM promos p
JOIN campaigns c ON c.id = p.campaign_id
JOIN brands b ON b.id = p.brand_id
JOIN partners t ON t.id = p.partner_id
JOIN landings l ON l.id = p.landing_id
LEFT JOIN banners n ON n.id = p.banner_id
LEFT JOIN affiliations a ON a.partner_id = p.partner_id AND a.brand_id = p.brand_id
"""
# One row, whatever the states, so that the reason can be told (A17).
_FIND = f"SELECT {COLUMNS} {JOINS} WHERE p.code = $1"
# What sentences, quotation marks and chats leave around a link, invisible characters among it.
_AROUND = re.compile(r"^[^\w-]+|[^\w-]+$")


@dataclass(frozen=True, slots=True)
class Link:
    """A promo as the click path needs it."""

    promo_id: int
    campaign_id: int
    plan_id: int
    brand_id: int
    partner_id: int
    banner_id: int | None
    # The landing's URL with a place for the click's id.
    pieces: Template
    window: timedelta
    time_zone: str
    clock_offset: timedelta
    # Addresses that are kept and not counted (A12).
    ignored: tuple[Network, ...]
    # Which state sends visitors to the fallback: partner | affiliation | brand | campaign; None: it is live (M1D).
    stopped_by: str | None
    # The rows that it was made of, as `table:key`: when one changes, the link must be looked up again.
    sources: frozenset[str]


def plain_code(code: str) -> str:
    """A code as it is stored, however people and programs have written it: the same for all its spellings."""
    return (code if code.isalnum() else without_surroundings(code)).lower()


def without_surroundings(code: str) -> str:
    """A code without punctuation, space and invisible characters before and behind it."""
    return _AROUND.sub("", code)


async def find_link(code: str) -> Link | None:
    """The link with that code, or None. Public: whoever has the code may follow it.

    Codes are found in capitals too, and with the full stop of the sentence that they ended.
    """
    rows = await fetch(_FIND, plain_code(code))
    return link_of(rows[0]) if rows else None


def link_of(row: dict[str, Any]) -> Link:
    """The link of a row of COLUMNS."""
    return Link(
        promo_id=row["promo_id"],
        campaign_id=row["campaign_id"],
        plan_id=row["plan_id"],
        brand_id=row["brand_id"],
        partner_id=row["partner_id"],
        banner_id=row["banner_id"],
        pieces=template(
            row["url"],
            row["promo_id"],
            row["stag_parameter"],
            loads(row["redirect_arguments"]),
            macros_of(row),
        ),
        window=timedelta(days=row["cookie_days"]),
        time_zone=row["time_zone"],
        clock_offset=timedelta(microseconds=row["clock_offset"]),
        ignored=tuple(ipaddress.ip_network(text) for text in loads(row["ignored_ips"])),
        stopped_by=_stopped_by(row),
        sources=frozenset(
            {
                f"promos:{row['code']}",
                f"campaigns:{row['campaign_id']}",
                f"brands:{row['brand_id']}",
                f"partners:{row['partner_id']}",
                f"affiliations:{row['partner_id']}",
                f"landings:{row['landing_id']}",
                f"banners:{row['banner_code']}",
            }
        ),
    )


def macros_of(row: dict[str, Any]) -> dict[str, str]:
    """The values of the macros of redirect arguments (O01); the click's id is not known yet."""
    return {
        "affiliate_name": row["partner_name"],
        "affiliate_code": row["partner_code"],
        "campaign_name": row["campaign_name"],
        "promo_code": row["code"],
        "brand_name": row["brand_name"],
    }


def _stopped_by(row: dict[str, Any]) -> str | None:
    if row["partner_state"] != "active":
        return "partner"
    if row["affiliation_state"] != "accepted":
        return "affiliation"
    if row["brand_state"] != "active":
        return "brand"
    # An archived campaign takes no new promos; its links keep earning (A08).
    return None if row["campaign_state"] in {"active", "archived"} else "campaign"
