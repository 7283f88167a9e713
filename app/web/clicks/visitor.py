"""What the headers of a request tell about a visitor."""

from __future__ import annotations

import ipaddress
import re
import secrets
import struct
from functools import lru_cache

import crawleruseragents

COOKIE = b"tributary_visitor"
# Browsers keep no cookie longer than 400 days.
COOKIE_SECONDS = 400 * 86_400

_ATTRIBUTES = b"; Max-Age=%d; Path=/; HttpOnly; SameSite=Lax" % COOKIE_SECONDS
_SECURE_ATTRIBUTES = _ATTRIBUTES + b"; Secure"
_IDS = struct.Struct("512Q")

_TABLET = re.compile(r"ipad|tablet|kindle|silk|playbook|android(?!.*mobi)", re.IGNORECASE)
_MOBILE = re.compile(r"mobi|iphone|ipod|android|opera mini|windows phone", re.IGNORECASE)
_LANGUAGE = re.compile(rb"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,2})\s*(?:[,;]|$)")
_VISITOR = re.compile(rb"(?:^|;\s*)" + COOKIE + rb"=([0-9a-f]{16})(?:;|$)")
_LARGEST_ID = (1 << 63) - 1
# Long enough for every crawler's name, short enough to be searched by all patterns at once.
_JUDGED_CHARACTERS = 300


@lru_cache(maxsize=20_000)
def device_of(user_agent: str | None) -> str:
    """desktop, mobile, tablet, bot (a maintained list of crawlers), or unknown without a user agent."""
    if not user_agent:
        return "unknown"
    judged = user_agent[:_JUDGED_CHARACTERS]
    if crawleruseragents.is_crawler(judged):
        return "bot"
    if _TABLET.search(judged):
        return "tablet"
    return "mobile" if _MOBILE.search(judged) else "desktop"


@lru_cache(maxsize=4_000)
def language_of(accept_language: bytes | None) -> str | None:
    """The visitor's first language, such as `de-AT`; None when the header is not one."""
    found = _LANGUAGE.match(accept_language) if accept_language else None
    return found[1].decode()[:16] if found else None


@lru_cache(maxsize=20_000)
def network_of(ip: str | None) -> str | None:
    """The address without its last part: /24 of IPv4, /48 of IPv6. What may be kept after the retention time."""
    if ip is None:
        return None
    if "." in ip and ":" not in ip:
        return f"{ip.rpartition('.')[0]}.0/24"
    try:
        return str(ipaddress.ip_network(f"{ip}/48", strict=False))
    except ValueError:
        return None


def visitor_of(cookies: bytes) -> int | None:
    """The visitor's id in the cookies, or None."""
    found = _VISITOR.search(cookies)
    number = int(found[1], 16) if found else 0
    return number if 0 < number <= _LARGEST_ID else None


class VisitorIds:
    """Ids that nobody guesses, for new visitors. Many are drawn at once: asking the system costs more than the id."""

    def __init__(self) -> None:
        self._drawn: list[int] = []

    def next(self) -> int:
        """A new id."""
        if not self._drawn:
            self._drawn.extend(_IDS.unpack(secrets.token_bytes(_IDS.size)))
        return self._drawn.pop() >> 1 or 1


def cookie_of(visitor_id: int, *, secure: bool) -> bytes:
    """The Set-Cookie header that keeps the id in the visitor's browser."""
    return b"%b=%016x%b" % (COOKIE, visitor_id, _SECURE_ATTRIBUTES if secure else _ATTRIBUTES)
