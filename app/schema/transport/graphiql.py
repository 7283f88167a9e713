"""GraphiQL for people (G04): the page and what it loads, all served by this server.

The files come from `frontend/graphiql`; `make graphiql` builds them.
"""

from __future__ import annotations

import mimetypes
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from starlette.responses import FileResponse, PlainTextResponse, Response

from app.schema.errors import present, refusal
from app.schema.execution.endpoint import OPERATIONS

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

    from app.schema.execution.endpoint import Endpoint

BUILD = Path(__file__).resolve().parents[3] / "frontend" / "graphiql" / "dist"
ASSETS = "/graphiql-assets"

_WORKERS = {"editor": "editor.worker", "json": "json.worker", "graphql": "graphql.worker"}
_NOT_BUILT = (
    "GraphiQL is not built on this server; the GraphQL endpoint itself works.\n"
    "Fix: run `make graphiql` where the server runs from, then reload this page.\n"
)
_SECURITY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_ASSET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_IMMUTABLE = "public, max-age=31536000, immutable"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_REFUSED = re.compile(r"q=0(\.0*)?")
_DAY = re.compile(r'"today(?:-(\d{1,4}))?(T\d\d:\d\d:\d\dZ)?"')

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} GraphQL · Tributary</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:image/svg+xml,{icon}">
<link rel="stylesheet" href="{assets}/{style}">
<link rel="license" href="{assets}/{licences}">
</head>
<body>
<div id="page"></div>
<noscript>GraphiQL needs JavaScript. The endpoint is the address of this page.</noscript>
<script type="application/json" id="configuration">{configuration}</script>
<script type="module" nonce="{nonce}" src="{assets}/{main}"></script>
</body>
</html>
"""
_ICON = (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' stroke='%230b6e99' "
    "stroke-width='2' stroke-linecap='round'%3E%3Cpath d='M3 2c0 6 5 5 5 12M13 2c0 6-5 5-5 12'/%3E%3C/svg%3E"
)


@dataclass(frozen=True, slots=True)
class ShippedOperation:
    """An operation of `graphql/operations`: the file's name, its text, and an example of its variables."""

    name: str
    query: str
    # JSON as text. The string "today" or "today-30" in it stands for a date, "todayT00:00:00Z" for a time of it.
    variables: str | None


@lru_cache
def shipped_operations(directory: Path) -> tuple[ShippedOperation, ...]:
    """The shipped operations of a schema: `me` first, log-in and log-out, which the page does itself, last."""
    found = [
        ShippedOperation(path.stem, path.read_text(encoding="utf-8"), _variables_beside(path))
        for path in directory.glob("*.graphql")
    ]
    last = {"login", "logout"}
    return tuple(sorted(found, key=lambda item: (item.name in last, item.name != "me", item.name)))


def _variables_beside(path: Path) -> str | None:
    example = path.with_suffix(".variables.json")
    return example.read_text(encoding="utf-8") if example.is_file() else None


def on_day(variables: str, today: date) -> str:
    """Example variables in which "today" and "today-30" are dates, "todayT00:00:00Z" and the like times."""

    def day(match: re.Match[str]) -> str:
        return f'"{today - timedelta(days=int(match[1] or 0))}{match[2] or ""}"'

    return _DAY.sub(day, variables)


def page(endpoint: Endpoint, request: Request) -> Response:
    """The GraphiQL page of an endpoint; a refusal when nobody may explore, a hint when it is not built."""
    explore = endpoint.services.settings.explore
    if explore == "nobody":
        message = "there is no page here: send operations with POST"
        error = present(refusal("NOT_FOUND", message), request.scope["request_id"])
        body = orjson.dumps({"errors": [error.formatted]})
        return Response(body, 404, _SECURITY, "application/json; charset=utf-8")
    manifest = _read_manifest()
    if manifest is None:
        return PlainTextResponse(_NOT_BUILT, 503, {**_SECURITY, "Cache-Control": "no-store"})
    nonce = secrets.token_urlsafe(18)
    html = _PAGE.format(
        title=endpoint.name.capitalize(),
        icon=_ICON,
        assets=ASSETS,
        nonce=nonce,
        configuration=_configuration(endpoint, manifest, request.url.path),
        **{name: escape(manifest[name]) for name in ("main", "style", "licences")},
    )
    headers = {
        **_SECURITY,
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_security_policy(nonce, request.url.netloc),
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return Response(html, 200, headers, "text/html; charset=utf-8")


def _read_manifest() -> dict[str, str] | None:
    """The names of the built files, read anew so that a build is seen at once; None when there is no build."""
    try:
        manifest: dict[str, str] = orjson.loads((BUILD / "manifest.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return manifest


def _configuration(endpoint: Endpoint, manifest: dict[str, str], url: str) -> str:
    """What the page's script reads, safe to stand inside a script element."""
    today = endpoint.services.clock.now().date()
    operations = [
        {**asdict(item), "variables": on_day(item.variables, today) if item.variables else None}
        for item in shipped_operations(OPERATIONS / endpoint.name)
    ]
    configuration = {
        "schema": endpoint.name,
        "url": url,
        "open": endpoint.services.settings.explore == "everyone",
        "workers": {label: f"{ASSETS}/{manifest[name]}" for label, name in _WORKERS.items()},
        "operations": operations,
    }
    return orjson.dumps(configuration).decode().replace("<", "\\u003c")


def content_security_policy(nonce: str, host: str) -> str:
    """What the page may load: this server's files only. Style attributes: see the decision in docs/decisions."""
    # Not every browser counts WebSocket as 'self'.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    directives = (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' 'nonce-{nonce}'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        f"connect-src 'self'{sockets}",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
    return "; ".join(directives)


def asset(request: Request) -> Response:
    """A built file. Its name changes with its content, so browsers keep it for ever."""
    name = request.path_params["name"]
    path = BUILD / "assets" / name
    if not _ASSET_NAME.fullmatch(name) or path.suffix in {".br", ".gz"} or not path.is_file():
        error = present(refusal("NOT_FOUND", "no such file"), request.scope["request_id"])
        body = orjson.dumps({"errors": [error.formatted]})
        return Response(body, 404, _SECURITY, "application/json; charset=utf-8")
    encoding, suffix = _encoding(request.headers)
    headers = {
        **_SECURITY,
        "Cache-Control": _IMMUTABLE,
        "Vary": "Accept-Encoding",
        # Workers take their policy from their own file.
        "Content-Security-Policy": "default-src 'none'; script-src 'self'",
    }
    if encoding:
        headers["Content-Encoding"] = encoding
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return FileResponse(path.with_name(name + suffix), 200, headers, media_type)


def _encoding(headers: Headers) -> tuple[str | None, str]:
    """The encoding that the browser takes, and the ending of the file's copy in it."""
    accepted = set()
    for part in headers.get("accept-encoding", "").split(","):
        name, _, quality = part.replace(" ", "").partition(";")
        if not _REFUSED.fullmatch(quality):
            accepted.add(name)
    return next((found for found in _ENCODINGS if found[0] in accepted), (None, ""))
