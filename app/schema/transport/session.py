"""The session of a request: a bearer token, or a cookie together with a header that no form can send (G13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import cookie_parser

if TYPE_CHECKING:
    from starlette.datastructures import Headers

SESSION_COOKIE = "tributary_session"
# Any of these makes a browser ask before it sends the request across origins.
PREFLIGHT_HEADERS = ("graphql-require-preflight", "apollo-require-preflight", "x-requested-with")


def session_token(headers: Headers) -> str | None:
    """The session token of a request, or None. A cookie without a preflight header does not count."""
    token = bearer(headers.get("authorization"))
    if token is not None:
        return token
    if not any(name in headers for name in PREFLIGHT_HEADERS):
        return None
    # As browsers do: a cookie of somebody else that no rule allows does not hide ours.
    return cookie_parser("; ".join(headers.getlist("cookie"))).get(SESSION_COOKIE) or None


def bearer(value: object) -> str | None:
    """The token of an `Authorization: Bearer …` value."""
    scheme, _, token = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if scheme.lower() != "bearer":
        return None
    # No token of ours has them: halves of surrogate pairs, which JSON can escape, must not reach the hash.
    return token.strip().encode(errors="replace").decode() or None


def session_cookie(token: str, seconds: int, *, secure: bool) -> str:
    """The Set-Cookie value of a new session; no seconds end it."""
    flags = "; Secure" if secure else ""
    return f"{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{flags}"
