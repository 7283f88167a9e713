"""The page at `/`: where the doors of this server are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.web.pages import page
from app.web.services import services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import HTMLResponse

_DOORS = (
    '<p>The server behind an affiliate programme.</p><ul><li><a href="/partner/graphql">Partner GraphQL</a></li>'
    '<li><a href="/admin/graphql">Admin GraphQL</a></li><li><a href="/health/ready">Health</a></li>{inbox}'
    "{tracker}</ul>"
)


async def home(request: Request) -> HTMLResponse:
    """Links to the doors; also where unknown tracking links lead when no fallback URL is set."""
    settings = services_of(request).settings
    inbox = '<li><a href="/inbox">Mails that were sent</a></li>' if settings.inbox_dir else ""
    tracker = '<li><a href="/tracker">Postbacks that arrived</a></li>' if settings.demo else ""
    return page("Tributary", _DOORS.format(inbox=inbox, tracker=tracker))
