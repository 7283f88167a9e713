"""Tracking links: `/{code}` and `/events/click` record the visit and redirect; no visitor ever sees an error (A10, W4).

This door stands before the others and speaks plain ASGI: it is the busiest, and least of all may it be slow.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes

from app.domain.campaigns.codes import ALPHABET, LENGTH, RESERVED
from app.domain.visits.click import (
    Click,
    NewFallbackVisit,
    NewVisit,
    new_fallback_visit,
    new_visit,
)
from app.domain.visits.destination import destination
from app.domain.visits.links import Link, find_link, plain_code
from app.domain.visits.network import (
    NetworkClick,
    NetworkLink,
    Unvisited,
    find_network_link,
    link_of_click,
    look_at_network_link,
    parse_network_click,
    pieces_of_click,
)
from app.infra.telemetry import logger
from app.web.clicks.cache import LinksAway
from app.web.clicks.visitor import (
    cookie_of,
    device_of,
    language_of,
    network_of,
    visitor_of,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as Request

    from app.domain.scope import Scope
    from app.web.clicks.path import ClickPath
    from app.web.clicks.spool import Recordable

NETWORK_PATH = "/events/click"
_NETWORK_CODE = "events/click"
# Between a path and what should have been its query.
_JOINT = re.compile(rb"[&;]|%26|%3b|%3f", re.IGNORECASE)
_PARTS = re.compile(rb"[/&;?]|%3f", re.IGNORECASE)
_SLASH = re.compile(rb"/|%2f", re.IGNORECASE)
# What looks like the code of a promo, in any spelling that a link works in.
_CODE_LIKE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_LONGEST_CODE = 200
_ALWAYS = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer-when-downgrade"),
    (b"content-length", b"0"),
]
_WANTED = frozenset({b"user-agent", b"referer", b"accept-language", b"cookie"})


class LinkDoor:
    """Answers tracking links; everything else goes on to the application behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        code, query = scope["path"].strip("/"), scope["query_string"]
        if not code.isalnum() or len(code) > _LONGEST_CODE or code in RESERVED:
            found = await _unusual(scope)
            if found is None:
                await self._app(scope, receive, send)
                return
            code, query = found
        method = scope["method"]
        if method not in {"GET", "HEAD"}:
            await _answer(send, 405, [(b"allow", b"GET, HEAD"), *_ALWAYS])
            return
        path: ClickPath = scope["app"].state.services.clicks
        click = _click(path, scope, query)
        recorded = await _resolve(path, code, click, method)
        kept: Recordable
        if isinstance(recorded, NewVisit):
            location, kept = recorded.destination, (recorded, click.ip)
        elif isinstance(recorded, str):
            await _answer(
                send, 302, [(b"location", recorded.encode("latin-1", "replace")), *_ALWAYS]
            )
            return
        else:
            location, kept = path.fallback_url, recorded
        headers = [(b"location", location.encode("latin-1", "replace")), *_ALWAYS]
        # Link checkers and mail scanners ask with HEAD: nobody visited.
        if method == "GET":
            await path.recorder.record(kept)
            if click.device != "bot" and click.visitor_id is not None:
                cookie = cookie_of(click.visitor_id, secure=path.has_secure_cookies)
                headers.append((b"set-cookie", cookie))
        await _answer(send, 302, headers)


async def _resolve(
    path: ClickPath, code: str, click: Click, method: str
) -> NewVisit | NewFallbackVisit | str:
    """What is to be recorded of this click; a mere URL for who is no visitor, of a link that nobody has visited yet."""
    scope = path.visitor
    visit_id = path.recorder.ids.next(scope.now())
    ad_type = None
    try:
        if code == NETWORK_PATH:
            parsed = parse_network_click(click.query)
            ad_type, click = parsed.ad_type, click._replace(query=parsed.query)
            code = "/".join((parsed.partner_code, *parsed.codes))
            try:
                link = await _network_link(path, scope, parsed, click, method)
            except Unvisited as seen:
                pieces = pieces_of_click(seen.pages, parsed, None)
                return destination(pieces, visit_id)
        elif (link := path.links.get(plain := plain_code(code))) is None:
            link = await path.links.find(plain, lambda: find_link(plain))
    except LinksAway:
        return new_fallback_visit(scope, code, "database_away", click, visit_id)
    except Exception:
        logger().exception("clicks.link_failed", code=code)
        return new_fallback_visit(scope, code, "failed", click, visit_id)
    if link is None:
        return new_fallback_visit(scope, code, "unknown_code", click, visit_id)
    if link.stopped_by is not None:
        return new_fallback_visit(scope, code, link.stopped_by, click, visit_id, link)
    return new_visit(scope, link, click, visit_id, path.fingerprint_key, ad_type)


async def _network_link(
    path: ClickPath, scope: Scope, parsed: NetworkClick, click: Click, method: str
) -> Link | None:
    """By the first of its codes that is known. Raises LinksAway when one that is not could not be looked up.

    Raises Unvisited for who is no visitor when a visitor would make the link.
    """
    away = False
    for unique in parsed.codes:
        key = (parsed.partner_code, unique)
        try:
            found = path.network_links.get(key)
            if found is None:
                # Link checkers and crawlers make no promo.
                looks = method == "HEAD" or click.device == "bot"
                found = await _look_up(path, scope, key, looks=looks)
        except LinksAway:
            away = True
        else:
            if found is not None:
                return link_of_click(found, parsed)
    if away:
        raise LinksAway
    return None


async def _look_up(
    path: ClickPath, scope: Scope, key: tuple[str, str], *, looks: bool
) -> NetworkLink | None:
    """A link that is not certain in memory, made for visitors. Raises LinksAway, and Unvisited for who only looks."""
    find = partial(look_at_network_link if looks else find_network_link, scope, *key)
    while True:
        try:
            return await path.network_links.find(key, find)
        except Unvisited:
            if looks:
                raise
            # The answer to somebody who only looked, at the same moment: ask again.


def _parted(raw_path: bytes, query: bytes) -> tuple[str, bytes]:
    """The path and the query of a link to which parameters were added with `&`, or behind an encoded `?`."""
    joint = _JOINT.search(raw_path)
    if joint is None or not raw_path[: joint.start()].strip(b"/"):
        return unquote(raw_path.decode("latin-1")), query
    more = raw_path[joint.end() :]
    if joint[0] not in {b"&", b";"}:
        more = unquote_to_bytes(more)
    path = unquote(raw_path[: joint.start()].decode("latin-1"))
    return path, b"&".join(part for part in (more, query) if part)


async def _unusual(request: Request) -> tuple[str, bytes] | None:
    """The code and the query of a path that is more than a code; None when the path is another door's."""
    where, query = request["path"], request["query_string"]
    if "&" in where or "?" in where or ";" in where:
        where, query = _parted(request["raw_path"], query)
    if (code := _code(where)) is not None:
        return code, query
    if (first := _first(where)) is not None and await _is_link(request, first):
        return first, _query_below(request["raw_path"], request["query_string"])
    return None


def _first(path: str) -> str | None:
    """The code before another slash, as in `/k7m2xq9rt/clickID=42`, if it looks like one."""
    code = plain_code(path.strip("/").partition("/")[0])
    return code if _CODE_LIKE.fullmatch(code) else None


async def _is_link(request: Request, code: str) -> bool:
    """Whether there is a promo with that code, so that the path can be no other door's; or that cannot be known."""
    path: ClickPath = request["app"].state.services.clicks
    try:
        return await path.links.find(code, lambda: find_link(code)) is not None
    except Exception:
        # Whoever resolves it meets the same, and reports it.
        return True


def _query_below(raw_path: bytes, query: bytes) -> bytes:
    """The parameters that were written as further segments of the path, and those of the query."""
    path = raw_path.lstrip(b"/")
    slash = _SLASH.search(path)
    below = _PARTS.split(path[slash.end() :]) if slash else []
    return b"&".join([*(part for part in below if b"=" in part), *([query] if query else [])])


def _code(path: str) -> str | None:
    """The code of a tracking link's path, with any slashes around it; None when the path is another door's."""
    code = path.strip("/")
    if "/" in code:
        return NETWORK_PATH if code.lower() == _NETWORK_CODE else None
    if not code or code in RESERVED:
        return None
    return code[:_LONGEST_CODE].replace("\x00", "\ufffd")


def _click(path: ClickPath, request: Request, query: bytes) -> Click:
    headers = {name: value for name, value in request["headers"] if name in _WANTED}
    client = request["client"]
    ip = client[0] if client else None
    agent = headers.get(b"user-agent")
    user_agent = agent.decode("latin-1") if agent else None
    referrer = headers.get(b"referer")
    cookies = headers.get(b"cookie")
    return Click(
        query,
        ip,
        user_agent,
        referrer.decode("latin-1") if referrer else None,
        path.countries.of(ip) if ip else "ZZ",
        device_of(user_agent),
        language_of(headers.get(b"accept-language")),
        (visitor_of(cookies) if cookies else None) or path.visitor_ids.next(),
        network_of(ip),
    )


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
