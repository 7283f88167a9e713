"""One click: from a link and a request to the visit that will be recorded."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from app.domain.scope import Scope
from app.domain.visits.destination import destination
from app.domain.visits.links import Link
from app.domain.visits.tags import parse_tags
from app.infra.clock import business_day
from app.infra.encoding import dumps_text

# Plain tuples: one of each is made for every click, and a visit is a row as it stands.


class Click(NamedTuple):
    """What a request says about a visitor."""

    query: bytes
    ip: str | None
    user_agent: str | None
    referrer: str | None
    # ISO 3166 alpha-2, `ZZ` when unknown.
    country: str = "ZZ"
    # desktop | mobile | tablet | bot | unknown
    device: str = "unknown"
    language: str | None = None
    # The first-party cookie, the same in each of the visitor's clicks (M01).
    visitor_id: int | None = None
    # The address without its last part.
    network: str | None = None


class NewVisit(NamedTuple):
    """A click as it will be stored; the fields are the columns of `visits`, but for the recording."""

    id: int
    occurred_at: datetime
    business_day: date
    promo_id: int
    campaign_id: int
    plan_id: int
    brand_id: int
    partner_id: int
    attributable_until: datetime
    fingerprint: int
    visitor_id: int | None
    country: str
    device: str
    language: str | None
    network: str | None
    ad_type: str | None
    banner_id: int | None
    uncounted_reason: str | None
    referrer: str | None
    user_agent: str | None
    destination: str
    # JSON text.
    tags: str
    corrupted: bool


class NewFallbackVisit(NamedTuple):
    """A click that went to the fallback, as it will be stored (A10)."""

    id: int
    occurred_at: datetime
    code: str
    # unknown_code | partner | affiliation | brand | campaign | database_away | failed
    reason: str
    promo_id: int | None
    brand_id: int | None
    partner_id: int | None
    country: str
    device: str
    referrer: str | None
    user_agent: str | None


def new_visit(
    scope: Scope,
    link: Link,
    click: Click,
    visit_id: int,
    fingerprint_key: bytes,
    ad_type: str | None = None,
) -> NewVisit:
    """The visit of a click on a live link, on the brand's clock and with the window of this moment (M01)."""
    now = scope.now() + link.clock_offset
    day = business_day(now, link.time_zone)
    tags = parse_tags(click.query)
    return NewVisit(
        id=visit_id,
        occurred_at=now,
        business_day=day,
        promo_id=link.promo_id,
        campaign_id=link.campaign_id,
        plan_id=link.plan_id,
        brand_id=link.brand_id,
        partner_id=link.partner_id,
        attributable_until=now + link.window,
        fingerprint=fingerprint(fingerprint_key, day, click.ip, click.user_agent),
        visitor_id=click.visitor_id,
        country=click.country,
        device=click.device,
        language=click.language,
        network=click.network,
        ad_type=ad_type,
        banner_id=link.banner_id,
        uncounted_reason=_uncounted_reason(link, click),
        referrer=kept(click.referrer, 1_000),
        user_agent=kept(click.user_agent, 500),
        destination=destination(link.pieces, visit_id),
        tags=dumps_text(tags.values) if tags.values else "{}",
        corrupted=tags.corrupted,
    )


def new_fallback_visit(
    scope: Scope, code: str, reason: str, click: Click, visit_id: int, link: Link | None = None
) -> NewFallbackVisit:
    """The record of a click whose link is unknown or stopped."""
    return NewFallbackVisit(
        id=visit_id,
        occurred_at=scope.now() + link.clock_offset if link else scope.now(),
        code=kept(code, 200) or "",
        reason=reason,
        promo_id=link.promo_id if link else None,
        brand_id=link.brand_id if link else None,
        partner_id=link.partner_id if link else None,
        country=click.country,
        device=click.device,
        referrer=kept(click.referrer, 1_000),
        user_agent=kept(click.user_agent, 500),
    )


def _uncounted_reason(link: Link, click: Click) -> str | None:
    """Kept and not counted: crawlers, and addresses that the brand ignores (A12, M04)."""
    if click.device == "bot":
        return "bot"
    if link.ignored and click.ip is not None:
        try:
            address = ipaddress.ip_address(click.ip)
        except ValueError:
            return None
        if any(address in network for network in link.ignored):
            return "ignored_ip"
    return None


def fingerprint(key: bytes, day: date, ip: str | None, user_agent: str | None) -> int:
    """A signed 64-bit keyed hash of day, address and user agent: equal for repeat clicks of a day, naming nobody.

    Without the key the hash cannot be searched for an address, and the day keeps visits of two days apart.
    """
    hasher = _hasher(key, day).copy()
    hasher.update(f"{ip or ''}\n{user_agent or ''}".encode("utf-8", "replace"))
    return int.from_bytes(hasher.digest(), "big", signed=True)


@lru_cache(maxsize=64)
def _hasher(key: bytes, day: date) -> hashlib.blake2b:
    return hashlib.blake2b(f"{day}\n".encode(), digest_size=8, key=key)


def kept(text: str | None, longest: int) -> str | None:
    """The beginning of a text, without what PostgreSQL does not keep; None for an empty one."""
    return text.replace("\x00", "")[:longest] or None if text else None
