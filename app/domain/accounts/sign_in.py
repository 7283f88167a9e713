"""Signing in with e-mail, password and, when it is on, a TOTP or recovery code (A61, A62)."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.accounts import queries
from app.domain.accounts.attempts import (
    CODE_BY_USER,
    SIGN_IN_BY_ADDRESS,
    address_key,
    check_attempts,
    count_attempt,
    give_back_attempt,
    take_attempt,
)
from app.domain.accounts.links import Purpose, issue_link, open_link, use_link
from app.domain.accounts.passwords import record_for
from app.domain.accounts.two_factor import CodeMatch, match_code, take
from app.domain.accounts.users import Audience
from app.domain.errors import DomainError
from app.domain.scope import Scope
from app.infra.crypto import SecretBox, hash_token, new_token, verify_password
from app.infra.database import Row, Transaction, fetch, transaction

FAILURES_BEFORE_LOCK = 5


class SignInRefused(DomainError):
    """The e-mail or the password is wrong; which of them is not told."""

    code = "SIGN_IN_REFUSED"


class AccountLocked(DomainError):
    """The password is right, but the account is locked after failures: the unlock link was mailed."""

    code = "ACCOUNT_LOCKED"


class AccountBlocked(DomainError):
    """The password is right, but an operator or owner has blocked the account."""

    code = "ACCOUNT_BLOCKED"


class AccountPending(DomainError):
    """The password is right, but the account waits: for its e-mail's confirmation, or for approval."""

    code = "ACCOUNT_PENDING"


class OtpRequired(DomainError):
    """The password is right and 2FA is on: the code of the authenticator app is needed as well."""

    code = "OTP_REQUIRED"


class OtpRefused(DomainError):
    """The code is wrong, or was used before."""

    code = "OTP_REFUSED"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with. `otp` may be a recovery code."""

    email: str
    password: str
    otp: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """Where a session is, and how long it may last."""

    user_agent: str | None
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. The token is shown here, once, and never stored."""

    token: str
    user_id: int
    session_id: int
    expires_at: datetime
    # The public name of a network session (N01); None for others.
    client: str | None = None


async def sign_in(
    scope: Scope,
    audience: Audience,
    credentials: Credentials,
    *,
    box: SecretBox,
    device: Device,
) -> SignedIn:
    """Open a session for the user with that e-mail.

    Exactly one argon2 verification is made on every path. Lock and block are told only after the right password.
    Raises SignInRefused, AccountLocked, AccountBlocked, AccountPending, OtpRequired, OtpRefused, TooManyAttempts.
    """
    user, match = await prove(scope, audience, credentials, box=box)
    token = new_token()
    session_id, expires_at = await _enter(scope, user, match, device, token=token)
    return SignedIn(token, user["id"], session_id, expires_at)


async def sign_in_network(
    scope: Scope, credentials: Credentials, *, box: SecretBox, device: Device
) -> SignedIn:
    """Open a session of the network API (N01): its tokens are derived, generation by generation (N03)."""
    user, match = await prove(scope, None, credentials, box=box)
    client = secrets.token_urlsafe(16)
    session_id, expires_at = await _enter(scope, user, match, device, client=client)
    token = box.session_tokens(client, 0)[0]
    return SignedIn(token, user["id"], session_id, expires_at, client)


async def _enter(
    scope: Scope,
    user: Row,
    match: CodeMatch | None,
    device: Device,
    *,
    token: str | None = None,
    client: str | None = None,
) -> tuple[int, datetime]:
    """Take the code and open the session, if the account is still what the credentials were proven against."""
    async with transaction() as tx:
        # Locked, blocked or given another password while argon2 was at work: of many guesses at once, those
        # beyond the limit must not win.
        present = (await tx.fetch(queries.LOCK_USER, user["id"]))[0]
        if present["password_hash"] != user["password_hash"]:
            raise _wrong()
        _check_state(present)
        if (present["totp_secret"] is None) != (match is None):
            raise _wrong()
        taken = await take_code(scope, tx, user, match)
        if taken:
            return await open_session(scope, tx, user, device, token=token, client=client)
    await _count_code(scope, user)
    raise OtpRefused("the code is wrong or was used before: wait for the next one", field=("otp",))


async def prove(
    scope: Scope, audience: Audience | None, credentials: Credentials, *, box: SecretBox
) -> tuple[Row, CodeMatch | None]:
    """The user that the credentials belong to, and the code that is to be taken. Opens nothing yet."""
    address = address_key(scope.ip)
    await take_attempt(scope, SIGN_IN_BY_ADDRESS, address)
    rows = await fetch(queries.FIND_USER, box.digests(credentials.email.strip().lower()))
    user = rows[0] if rows and audience in {None, rows[0]["audience"]} else None
    stored = user["password_hash"] if user else None
    # argon2 is slow on purpose: keep it off the event loop.
    if not await asyncio.to_thread(verify_password, credentials.password, stored) or user is None:
        await _count_failure(scope, user, "password")
        raise _wrong()
    await give_back_attempt(scope, SIGN_IN_BY_ADDRESS, address)
    _check_state(user)
    if user["totp_secret"] is None:
        return user, None
    return user, await _prove_code(scope, user, credentials.otp, box)


def _wrong() -> SignInRefused:
    return SignInRefused("the e-mail or the password is wrong", field=("password",))


async def _prove_code(scope: Scope, user: Row, otp: str | None, box: SecretBox) -> CodeMatch:
    if not (otp or "").strip():
        raise OtpRequired(
            "2FA is on: send the code of your authenticator app as `otp`", field=("otp",)
        )
    await check_attempts(scope, CODE_BY_USER, str(user["id"]))
    match = match_code(box.decrypt(user["totp_secret"]), otp or "", scope.machine_now())
    if match.step is None and match.recovery_hash is None:
        await _count_code(scope, user)
        raise OtpRefused(
            match.message, field=("otp",), clock_offset_seconds=match.clock_offset_seconds
        )
    return match


async def _count_code(scope: Scope, user: Row) -> None:
    await count_attempt(scope, CODE_BY_USER, str(user["id"]))
    await _count_failure(scope, user, "code")


def _check_state(user: Row) -> None:
    """What the right password may be told."""
    if user["state"] == "blocked" or user["partner_state"] in {"blocked", "rejected"}:
        raise AccountBlocked(
            "this account is blocked: contact your affiliate manager or account owner"
        )
    if user["locked_at"] is not None:
        raise AccountLocked(
            "this account is locked after failed attempts: open the link that was mailed"
        )
    if user["email_confirmed_at"] is None:
        raise AccountPending("confirm your e-mail first: open the link that was mailed")
    if user["partner_state"] == "pending":
        raise AccountPending("your account waits for approval: you will get a mail")


async def _count_failure(scope: Scope, user: Row | None, what: str) -> None:
    """Count a failure of an account; the one that is too many locks it and mails the unlock link.

    Without an account the same statement finds nothing to count, so that it takes as long (A61).
    """
    async with transaction() as tx:
        user_id = 0 if user is None else user["id"]
        rows = await tx.fetch(
            queries.COUNT_FAILURE, user_id, FAILURES_BEFORE_LOCK, scope.machine_now()
        )
        if user is not None and rows and rows[0]["newly_locked"]:
            link_id = await issue_link(scope, tx, user["id"], Purpose.UNLOCK)
            data: dict[str, Any] = {"link_id": link_id, "after": what}
            await record_for(scope, tx, "user.locked", user, data)


async def take_code(scope: Scope, tx: Transaction, user: Row, match: CodeMatch | None) -> bool:
    """Use up the code: of two requests with the same one, the second finds it used (A62)."""
    if match is None:
        return True
    taken = await take(scope, tx, user, match)
    if taken and match.recovery_hash is not None:
        await record_for(scope, tx, "user.recovery_code_used", user)
    return taken


async def open_session(
    scope: Scope,
    tx: Transaction,
    user: Row,
    device: Device,
    *,
    token: str | None = None,
    client: str | None = None,
) -> tuple[int, datetime]:
    """Write a session and its event; returns its id and its end."""
    now = scope.machine_now()
    rows = await tx.fetch(
        queries.INSERT_SESSION,
        user["id"],
        hash_token(token) if token else None,
        client,
        scope.ip,
        (device.user_agent or "")[:500] or None,
        now,
        now + device.lifetime,
    )
    session_id = int(rows[0]["id"])
    await tx.fetch(queries.STAMP_SIGN_IN, user["id"], now)
    acting = Scope.visitor(scope.clock, scope.request_id, scope.ip).in_session(session_id)
    await record_for(acting, tx, "user.signed_in", user)
    return session_id, now + device.lifetime


async def unlock_by_link(scope: Scope, token: str, *, box: SecretBox) -> None:
    """Open a locked account through the mailed link. Raises LinkRefused."""
    link = await open_link(scope, box, token, Purpose.UNLOCK)
    async with transaction() as tx:
        await use_link(scope, tx, link)
        user = (await tx.fetch(queries.LOCK_USER, link.user_id))[0]
        await tx.fetch(queries.UNLOCK, user["id"])
        await record_for(scope, tx, "user.unlocked", user, {"by": "link"})
