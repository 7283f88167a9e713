"""One click: from a link and a request to the visit that will be recorded."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from app.domain.scope import Scope
from app.domain.visits.links import Link, destination, stag
from app.domain.visits.recorder import NewVisit
from app.domain.visits.tags import parse_tags
from app.infra.clock import business_day
from app.infra.encoding import dumps_text

UNKNOWN_COUNTRY = "ZZ"

_BOT = re.compile(r"bot\b|crawl|spider|slurp|headless|python-requests|curl/|wget/", re.IGNORECASE)
_TABLET = re.compile(r"ipad|tablet|kindle", re.IGNORECASE)
_MOBILE = re.compile(r"mobi|iphone|android", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Click:
    """What a request says about a visitor."""

    query: bytes
    ip: str | None
    user_agent: str | None
    referrer: str | None


def new_visit(scope: Scope, link: Link, click: Click, visit_id: int) -> NewVisit:
    """The visit of a click on a live link, on the brand's clock and with the window of this moment (M01)."""
    now = scope.at_offset(link.clock_offset).now()
    tags = parse_tags(click.query)
    device = device_of(click.user_agent)
    value = stag(link.promo_id, visit_id)
    return NewVisit(
        id=visit_id,
        occurred_at=now,
        business_day=business_day(now, link.time_zone),
        promo_id=link.promo_id,
        campaign_id=link.campaign_id,
        plan_id=link.plan_id,
        brand_id=link.brand_id,
        partner_id=link.partner_id,
        attributable_until=now + timedelta(days=link.cookie_days),
        fingerprint=fingerprint(click.ip, click.user_agent),
        country=UNKNOWN_COUNTRY,
        device=device,
        uncounted_reason="bot" if device == "bot" else None,
        referrer=_kept(click.referrer, 1_000),
        user_agent=_kept(click.user_agent, 500),
        destination=destination(link.landing_url, link.stag_parameter, value),
        tags=dumps_text(tags.values),
        corrupted=tags.corrupted,
    )


def device_of(user_agent: str | None) -> str:
    """desktop, mobile, tablet, bot, or unknown without a user agent."""
    if not user_agent:
        return "unknown"
    for pattern, device in ((_BOT, "bot"), (_TABLET, "tablet"), (_MOBILE, "mobile")):
        if pattern.search(user_agent):
            return device
    return "desktop"


def fingerprint(ip: str | None, user_agent: str | None) -> int:
    """A signed 64-bit hash of address and user agent: equal for repeat clicks, and naming nobody."""
    text = f"{ip or ''}\n{user_agent or ''}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


def _kept(text: str | None, longest: int) -> str | None:
    return text.replace("\x00", "")[:longest] or None if text else None
