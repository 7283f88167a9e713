"""The page at `/`: where the doors of this server are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from starlette.requests import Request

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tributary</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
</head><body><h1>Tributary</h1>
<p>The server behind an affiliate programme.</p>
<ul>
<li><a href="/partner/graphql">Partner GraphQL</a></li>
<li><a href="/admin/graphql">Admin GraphQL</a></li>
<li><a href="/health/ready">Health</a></li>
</ul></body></html>
"""


async def home(_request: Request) -> HTMLResponse:
    """Links to the doors; also where unknown tracking links lead when no fallback URL is set."""
    return HTMLResponse(_PAGE)
