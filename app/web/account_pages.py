"""Where the links of mails lead when no frontend is configured: a page with a button for each purpose.

Opening a page changes nothing, because mail scanners open links too: only its button does.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from app.domain.accounts.links import Purpose
from app.domain.accounts.passwords import set_password_by_link
from app.domain.accounts.registration import confirm_email
from app.domain.accounts.sign_in import unlock_by_link
from app.domain.errors import DomainError, NotFound
from app.domain.scope import Scope
from app.web.pages import page
from app.web.services import client_ip, request_id, services_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_LARGEST_FORM = 4_096
_TITLES = {
    "confirm-email": "Confirm your e-mail",
    "unlock": "Unlock your account",
    "reset-password": "Set a new password",
    "invitation": "Set a password",
}
_DONE = {
    "confirm-email": "Your e-mail is confirmed. You can sign in once your account is approved.",
    "unlock": "Your account is unlocked. You can sign in again.",
    "reset-password": "Your new password is set. You can sign in.",
    "invitation": "Your password is set. You can sign in.",
}


async def show(request: Request) -> Response:
    """`GET /account/{action}?token=…`: the button."""
    action = request.path_params["action"]
    if action not in _TITLES:
        raise NotFound("page")
    return _form(action, request.query_params.get("token", ""), None)


async def act(request: Request) -> Response:
    """`POST /account/{action}`: what the link is for."""
    action = request.path_params["action"]
    if action not in _TITLES:
        raise NotFound("page")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LARGEST_FORM:
            return _form(action, "", "the form is too large")
    fields = {name: values[0] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}
    token = fields.get("token", "")
    try:
        await _act(request, action, token, fields.get("password", ""))
    except DomainError as error:
        return _form(action, token, error.message)
    return page(_TITLES[action], f"<p>{_DONE[action]}</p>")


async def _act(request: Request, action: str, token: str, password: str) -> None:
    services = services_of(request)
    scope = Scope.visitor(services.clock, request_id(request), client_ip(request))
    box = services.box
    if action == "confirm-email":
        approve = services.settings.auto_approve_partners
        await confirm_email(scope, token, box=box, approve=approve)
    elif action == "unlock":
        await unlock_by_link(scope, token, box=box)
    else:
        purpose = Purpose.RESET_PASSWORD if action == "reset-password" else Purpose.INVITATION
        await set_password_by_link(scope, token, password, box=box, purpose=purpose)


def _form(action: str, token: str, error: str | None) -> Response:
    complaint = f'<p class="error">{html.escape(error)}</p>' if error else ""
    password = (
        '<label for="password">New password</label>'
        '<input id="password" name="password" type="password" autocomplete="new-password" required>'
        if action in {"reset-password", "invitation"}
        else ""
    )
    body = (
        f'{complaint}<form method="post" action="/account/{action}">'
        f'<input type="hidden" name="token" value="{html.escape(token, quote=True)}">'
        f"{password}<button>{_TITLES[action]}</button></form>"
    )
    return page(_TITLES[action], body, 400 if error else 200)
