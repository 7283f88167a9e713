"""Signing in with e-mail, password and, when it is on, a TOTP code (A61, A62)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import pyotp

from app.domain.accounts import queries
from app.domain.errors import DomainError
from app.domain.events import Subject, record
from app.domain.scope import Actor, Scope
from app.infra.crypto import SecretBox, hash_token, new_token, verify_password
from app.infra.database import Transaction, transaction
from app.models import OperatorUser, PartnerUser

_STEP_SECONDS = 30


class SignInRefused(DomainError):
    """The e-mail or the password is wrong; which of them is not told."""

    code = "SIGN_IN_REFUSED"


class OtpRequired(DomainError):
    """The password is right and 2FA is on: the code of the authenticator app is needed as well."""

    code = "OTP_REQUIRED"


class OtpRefused(DomainError):
    """The TOTP code is wrong, or was used before."""

    code = "OTP_REFUSED"


class Audience(StrEnum):
    """Which of the two schemas a user signs in to."""

    PARTNER = "partner_user"
    ADMIN = "operator_user"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. The token is shown here, once, and stored only as a hash."""

    token: str
    user_id: int
    expires_at: datetime


async def sign_in(
    scope: Scope,
    audience: Audience,
    *,
    email: str,
    password: str,
    otp: str | None,
    box: SecretBox,
    lifetime: timedelta,
    user_agent: str | None,
) -> SignedIn:
    """Open a session for the user with that e-mail.

    Exactly one argon2 verification is made whatever the outcome. Raises SignInRefused, OtpRequired or OtpRefused.
    """
    user = await _find(audience, email)
    # argon2 is slow on purpose: keep it off the event loop.
    matched = await asyncio.to_thread(
        verify_password, password, user.password_hash if user else None
    )
    if user is None or not matched or user.state != "active":
        raise SignInRefused("the e-mail or the password is wrong", field=("password",))
    step = _matching_step(user, otp, box, scope.now()) if user.totp_secret is not None else None
    token = new_token()
    acting = Scope(
        Actor(audience.value, user.id), scope.clock, scope.request_id, frozenset(), ip=scope.ip
    )
    async with transaction() as tx:
        if step is not None and not await tx.fetch(queries.TAKE_TOTP_STEP[audience], user.id, step):
            raise _otp_refused()
        expires_at = await _open_session(acting, tx, audience, user.id, token, lifetime, user_agent)
        partner_id = user.partner_id if isinstance(user, PartnerUser) else None
        subject = Subject(audience.value, user.id)
        await record(acting, tx, "user.signed_in", subject, partner_id=partner_id)
    return SignedIn(token, user.id, expires_at)


async def _find(audience: Audience, email: str) -> PartnerUser | OperatorUser | None:
    # The one read that comes before there is any scope: it finds out who is asking.
    model = PartnerUser if audience is Audience.PARTNER else OperatorUser
    return await model.get_or_none(email=email.strip().lower())


def _matching_step(
    user: PartnerUser | OperatorUser, otp: str | None, box: SecretBox, now: datetime
) -> int:
    """The time step that the code belongs to, one step either way of now."""
    code = "".join((otp or "").split())
    if not code:
        raise OtpRequired(
            "2FA is on: send the code of your authenticator app as `otp`", field=("otp",)
        )
    totp = pyotp.TOTP(box.decrypt(user.totp_secret or b""))
    current = int(now.timestamp()) // _STEP_SECONDS
    for step in (current, current - 1, current + 1):
        if pyotp.utils.strings_equal(totp.at(step * _STEP_SECONDS), code):
            return step
    raise _otp_refused()


def _otp_refused() -> OtpRefused:
    return OtpRefused(
        "the code is wrong or was used before: wait for the next one, and check your device's clock",
        field=("otp",),
    )


async def _open_session(
    scope: Scope,
    tx: Transaction,
    audience: Audience,
    user_id: int,
    token: str,
    lifetime: timedelta,
    user_agent: str | None,
) -> datetime:
    now = scope.now()
    await tx.fetch(
        queries.INSERT_SESSION,
        hash_token(token),
        user_id if audience is Audience.PARTNER else None,
        user_id if audience is Audience.ADMIN else None,
        scope.ip,
        (user_agent or "")[:500] or None,
        now,
        now + lifetime,
    )
    await tx.fetch(queries.STAMP_SIGN_IN[audience], user_id, now)
    return now + lifetime
