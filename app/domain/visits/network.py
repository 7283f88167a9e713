"""Network click URLs: `/events/click` of the 2Performant network, led to a brand by partner and program codes (W4)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from app.domain.errors import Invalid
from app.domain.scope import Scope
from app.domain.urls import host_in_ascii
from app.domain.visits.destination import Template, is_too_long, template
from app.domain.visits.links import COLUMNS, JOINS, Link, link_of, macros_of, without_surroundings
from app.domain.visits.network_promo import CAMPAIGN, network_offer, open_network_promo
from app.domain.visits.tags import pairs_of
from app.infra.database import Row, fetch
from app.infra.encoding import loads

AD_TYPES = frozenset({"quicklink", "banner", "text_link", "product_store"})
_OWN = frozenset({"ad_type", "aff_code", "unique", "program_unique", "redirect_to"})
_LONGEST_CODE = 32
_ENCODED_TWICE = re.compile(r"https?%3a%2f%2f", re.IGNORECASE)
# Before the query they make a browser and a parser see different hosts, and so does an @ before the path.
_SUSPICIOUS = re.compile(r"[\x00-\x20\x7f-\x9f\\]|^[^/]*//[^/]*@")
# The host, as a browser finds it; after a user name it is none of ours.
_AUTHORITY = re.compile(r"(https?://)([^/?#\\@:]*)", re.IGNORECASE)
# Anything else in a host is escaped by some clients and unescaped by others.
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")

_FIND = f"""
SELECT {COLUMNS} {JOINS}
WHERE p.network AND t.code = $1
  AND (b.code = $2 OR b.id = (SELECT brand_id FROM banners WHERE code = $2 AND state = 'active'))
"""
_FIND_BANNER = "SELECT id, code FROM banners WHERE code = $1 AND brand_id = $2 AND state = 'active'"


@dataclass(frozen=True, slots=True)
class NetworkClick:
    """The parameters of a click URL. Codes are as they were sent; nothing of them is checked yet."""

    partner_code: str
    # The banner's and the program's, the first that is known counts.
    codes: tuple[str, ...]
    ad_type: str
    redirect_to: str | None
    stats_tags: str | None
    # The link's other parameters, as they were sent: dynamic tags.
    query: bytes


@dataclass(frozen=True, slots=True)
class NetworkPages:
    """What the destinations of a partner's network links of a brand are made of."""

    partner_code: str
    program_code: str
    main_url: str
    hosts: tuple[str, ...]
    stag_parameter: str
    arguments: tuple[tuple[str, str], ...]
    macros: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class NetworkLink:
    """The promo of a partner and brand for network links, and where its clicks lead."""

    link: Link
    pages: NetworkPages

    @property
    def sources(self) -> frozenset[str]:
        """As of the link."""
        return self.link.sources


class Unvisited(Exception):
    """The link is good, but nobody has visited by it yet, and who asks is no visitor: there is no promo."""

    def __init__(self, pages: NetworkPages) -> None:
        super().__init__("the link has no promo yet")
        self.pages = pages


def parse_network_click(query: bytes) -> NetworkClick:
    """Read the query string of a click URL. Of a repeated parameter the first counts; names are known in any case."""
    found: dict[str, bytes] = {}
    others = []
    for pair in pairs_of(query.lstrip(b"?")):
        name, _, value = pair.partition(b"=")
        text = unquote(name.decode("latin-1"))
        if (own := text.lower()) in _OWN:
            found.setdefault(own, value)
        elif pair:
            others.append(pair)
            if own == "st":
                found.setdefault(own, value)
    texts = {name: _decoded(value) for name, value in found.items()}
    ad_type = texts.get("ad_type", "").lower()
    codes = [_code(texts.get(name, "")) for name in ("unique", "program_unique")]
    return NetworkClick(
        partner_code=_code(texts.get("aff_code", "")),
        codes=tuple(code for code in codes if code),
        ad_type=ad_type if ad_type in AD_TYPES else "quicklink",
        redirect_to=texts.get("redirect_to"),
        stats_tags=texts.get("st"),
        query=b"&".join(others),
    )


def _code(text: str) -> str:
    return without_surroundings(text[:_LONGEST_CODE])


def _decoded(value: bytes) -> str:
    return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "replace").strip()


async def find_network_link(scope: Scope, partner_code: str, unique: str) -> NetworkLink | None:
    """The link of that partner and program (or banner), made on its first click; None when there can be none.

    Public, as every link is.
    """
    if "\x00" in partner_code + unique:
        return None
    rows = await fetch(_FIND, partner_code, unique)
    if not rows and await open_network_promo(scope, partner_code, unique):
        rows = await fetch(_FIND, partner_code, unique)
    return await _link(rows[0], unique) if rows else None


async def look_at_network_link(scope: Scope, partner_code: str, unique: str) -> NetworkLink | None:
    """`find_network_link` for whoever is no visitor: nothing is made. Raises Unvisited where a visitor would make it.

    Public, as every link is.
    """
    if "\x00" in partner_code + unique:
        return None
    if rows := await fetch(_FIND, partner_code, unique):
        return await _link(rows[0], unique)
    offer = await network_offer(scope, partner_code, unique)
    if offer is None:
        return None
    raise Unvisited(_pages(dict(offer) | {"campaign_name": CAMPAIGN, "code": ""}))


async def _link(row: Row, unique: str) -> NetworkLink:
    banners = await fetch(_FIND_BANNER, unique, row["brand_id"])
    link = link_of(row)
    if banners:
        sources = link.sources | {f"banners:{banners[0]['code']}"}
        link = replace(link, banner_id=banners[0]["id"], sources=sources)
    return NetworkLink(link, _pages(row))


def _pages(row: Row) -> NetworkPages:
    return NetworkPages(
        row["partner_code"],
        row["brand_code"],
        row["main_url"],
        (_host(row["main_url"]), *(domain.lower() for domain in loads(row["domains"]))),
        row["stag_parameter"],
        tuple((name, text) for name, text in loads(row["redirect_arguments"])),
        tuple(macros_of(row).items()),
    )


def link_of_click(found: NetworkLink, click: NetworkClick) -> Link:
    """The link with the destination of this click."""
    pieces = pieces_of_click(found.pages, click, found.link.promo_id)
    return replace(found.link, pieces=found.link.pieces if is_too_long(pieces) else pieces)


def pieces_of_click(pages: NetworkPages, click: NetworkClick, promo_id: int | None) -> Template:
    """Where a click leads: to `redirect_to` within the program's domains, else to its main URL.

    The parameters of parallel tracking tell the shop the same without a redirect. Of what makes the URL too long, the
    stats tags are left out first, then the page.
    """
    wanted = _plain_url(click.redirect_to or "")
    url = wanted if wanted and is_within(wanted, pages.hosts) else pages.main_url
    pieces = _pieces(pages, url, click.ad_type, click.stats_tags, promo_id)
    if is_too_long(pieces):
        for place, tags in (
            (url, None),
            (pages.main_url, click.stats_tags),
            (pages.main_url, None),
        ):
            pieces = _pieces(pages, place, click.ad_type, tags, promo_id)
            if not is_too_long(pieces):
                break
    return pieces


def _pieces(
    pages: NetworkPages, url: str, ad_type: str, stats_tags: str | None, promo_id: int | None
) -> Template:
    extra = [
        ("2pau", pages.partner_code),
        ("2ptt", ad_type),
        ("2ptu", pages.program_code),
        ("2pdlst", stats_tags or ""),
    ]
    return template(
        url,
        promo_id,
        pages.stag_parameter,
        pages.arguments,
        dict(pages.macros),
        [(name, value) for name, value in extra if value],
    )


def _plain_url(text: str) -> str:
    """A URL that was encoded once too often or too rarely, as it was meant: `https%3A%2F%2F…`, or with spaces.

    An international host becomes `xn--…`, which is checked and sent: nobody else may read it in another way.
    """
    if _ENCODED_TWICE.match(text):
        text = unquote(text).strip()
    text = text.replace(" ", "%20")
    if text.isascii() or (place := _AUTHORITY.match(text)) is None:
        return text
    if not all(unicodedata.category(each)[0] in "LMN" or each in "-._" for each in place[2]):
        # Such as a slash that is none.
        return text
    try:
        host = host_in_ascii(place[2].lower(), "redirect_to")
    except Invalid:
        return text
    return f"{place[1]}{host}{text[place.end() :]}" if _HOST_NAME.fullmatch(host) else text


def is_within(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether a URL leads to one of the hosts or below one, by http or https, whoever reads it."""
    if _SUSPICIOUS.search(url.partition("?")[0]):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme.lower() not in {"http", "https"} or port not in {None, 80, 443}:
        return False
    if not _HOST_NAME.fullmatch(host):
        return False
    return any(host == each or host.endswith(f".{each}") for each in hosts if each)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()
