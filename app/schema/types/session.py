"""Signing in and out, in both schemas."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.accounts import sessions, sign_in
from app.domain.accounts.sign_in import Credentials, Device
from app.domain.accounts.users import Audience
from app.schema.context import context_of, user_of, visitor_scope
from app.schema.errors import UserError
from app.schema.transport.session import session_cookie


@strawberry.input(description="E-mail, password and, when 2FA is on, a code.")
class LoginInput:
    email: str = strawberry.field(description="Such as partner@demo.test.")
    password: str = strawberry.field(description="The password.")
    otp: str | None = strawberry.field(
        default=None,
        description="The code of the authenticator app when 2FA is on; spaces are ignored.",
    )
    cookie: bool = strawberry.field(
        default=False,
        description="True: keep the session in an HttpOnly cookie as well. Requests that rely on it must send "
        "the header GraphQL-Require-Preflight.",
    )


@strawberry.type(description="A new session, or why there is none.")
class LoginPayload:
    token: str | None = strawberry.field(
        default=None, description="Send it as `Authorization: Bearer <token>`. Shown only here."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="UTC.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Empty on success; OTP_REQUIRED when the password is right and a code is needed.",
    )


@strawberry.type(description="Whether a session was ended.")
class LogoutPayload:
    ended: bool = strawberry.field(description="False when it had ended before.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


async def log_in(info: Info[Any, Any], audience: Audience, credentials: LoginInput) -> LoginPayload:
    """Open a session for a user of that audience."""
    context = context_of(info)
    settings = context.services.settings
    signed_in = await sign_in.sign_in(
        visitor_scope(info),
        audience,
        Credentials(credentials.email, credentials.password, credentials.otp),
        box=context.services.box,
        device=Device(context.caller.user_agent, timedelta(seconds=settings.session_lifetime)),
    )
    if credentials.cookie:
        secure = settings.base_url.startswith("https://")
        cookie = session_cookie(signed_in.token, settings.session_lifetime, secure=secure)
        context.headers.append(("Set-Cookie", cookie))
    return LoginPayload(token=signed_in.token, expires_at=signed_in.expires_at)


async def log_out(info: Info[Any, Any]) -> LogoutPayload:
    """End the session of this request."""
    context = context_of(info)
    context.headers.append(("Set-Cookie", session_cookie("", 0, secure=False)))
    ended = await sessions.sign_out(user_of(info).scope)
    return LogoutPayload(ended=ended)
