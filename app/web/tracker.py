"""The demo's tracker: takes the postbacks of the demo's partners and shows them. Without the demo it does not exist."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse

from app.domain.errors import NotFound
from app.web.pages import page
from app.web.services import services_of
from app.web.tracker_calls import KEPT, Call, Calls

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

# Of what one call says, in characters and in bytes.
_LONGEST = 8_000
_TEST = "x-tributary-test"


async def take(request: Request) -> Response:
    """`GET` or `POST /tracker/…`: answers 200; `/tracker/503/…` answers 503, so that failures can be seen as well."""
    calls = _calls(request)
    path = f"/tracker/{request.path_params['path']}"[:_LONGEST]
    calls.take(
        Call(
            services_of(request).clock.now(),
            request.method,
            path,
            request.url.query[:_LONGEST],
            (await _body(request)).decode("utf-8", "replace"),
            _TEST in request.headers,
        )
    )
    first = path.split("/")[2]
    refused = re.fullmatch(r"[45][0-9]{2}", first) is not None
    return PlainTextResponse("refused" if refused else "thanks", int(first) if refused else 200)


async def listing(request: Request) -> Response:
    """`GET /tracker`: the last calls, the newest first."""
    calls = _calls(request)
    rows = "".join(_row(call) for call in reversed(calls.kept))
    table = f"<table><tr><th>Time (UTC)</th><th>Call</th><th>What it says</th></tr>{rows}</table>"
    words = (
        f"<p>{calls.taken:,} calls since this server was started; the last {KEPT} are shown. "
        "Reload the page to see more.</p>"
    )
    return page("Tracker", words + (table if calls.kept else "<p>Nothing has arrived yet.</p>"))


def _row(call: Call) -> str:
    said = f"{call.query}&{call.form}" if call.form else call.query
    pairs = parse_qsl(said, keep_blank_values=True)
    lines = "<br>".join(html.escape(f"{name} = {value}") for name, value in pairs)
    test = " (a test)" if call.is_test else ""
    return (
        f"<tr><td>{call.at:%Y-%m-%d %H:%M:%S}</td>"
        f"<td>{html.escape(call.method)} {html.escape(call.path)}{test}</td><td>{lines}</td></tr>"
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) >= _LONGEST:
            break
    return body[:_LONGEST]


def _calls(request: Request) -> Calls:
    services = services_of(request)
    if not services.settings.demo:
        raise NotFound("page")
    return services.tracker
