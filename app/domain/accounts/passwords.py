"""Passwords: what a good one is, changing it, and resetting it by a mailed link."""

from __future__ import annotations

import asyncio
from typing import Any

from app.domain.accounts import queries
from app.domain.accounts.attempts import (
    CODE_BY_USER,
    MAIL_BY_ADDRESS,
    address_key,
    give_back_attempt,
    take_attempt,
)
from app.domain.accounts.links import Purpose, open_link, use_link
from app.domain.accounts.sessions import require_session
from app.domain.accounts.users import Audience, clean_email, find_by_email
from app.domain.errors import Invalid
from app.domain.events import Subject, record
from app.domain.scope import Actor, Scope
from app.infra.crypto import SecretBox, hash_password, verify_password
from app.infra.database import Row, Transaction, transaction

SHORTEST, LONGEST = 10, 200
_SET = "UPDATE users SET password_hash = $2, failed_attempts = 0 WHERE id = $1"
# A mailed link reached its owner: that proves the address as well.
_SET_BY_LINK = """
UPDATE users SET password_hash = $2, failed_attempts = 0, locked_at = NULL,
    email_confirmed_at = COALESCE(email_confirmed_at, $3)
WHERE id = $1
"""
_COMMON = frozenset(
    {
        "password",
        "passwort",
        "1234567890",
        "qwertyuiop",
        "letmein123",
        "iloveyou12",
        "administrator",
    }
)


def check_password(password: str, *personal: str) -> str:
    """The password, if it is good enough; raises Invalid saying what is missing."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"a password has {SHORTEST} to {LONGEST} characters", field=("password",))
    folded = password.casefold()
    if len(set(password)) < 5 or folded in _COMMON:
        raise Invalid("this password is too easy to guess: use several words", field=("password",))
    if any(len(part) >= 5 and part.casefold() in folded for part in personal):
        raise Invalid("the password must not hold your name or e-mail", field=("password",))
    return password


async def hash_off_loop(password: str) -> str:
    """Hash a password without blocking the event loop: argon2 is slow on purpose."""
    return await asyncio.to_thread(hash_password, password)


async def request_reset(scope: Scope, email: str, *, box: SecretBox) -> None:
    """Mail a link to set a new password, if the e-mail belongs to a user. The answer tells nothing (A61).

    The request is recorded with the same statements whoever has the address; the planner of mails does the rest.
    """
    await take_attempt(scope, MAIL_BY_ADDRESS, address_key(scope.ip))
    address = clean_email(email)
    async with transaction() as tx:
        user = await find_by_email(tx, box, address)
        await record_for(scope, tx, "user.password_reset_requested", user)


async def set_password_by_link(
    scope: Scope, token: str, password: str, *, box: SecretBox, purpose: Purpose
) -> int:
    """Set a password through a mailed link (reset or invitation) and end every session; returns the user's id."""
    link = await open_link(scope, box, token, purpose)
    hashed = await hash_off_loop(check_password(password))
    async with transaction() as tx:
        await use_link(scope, tx, link)
        user = (await tx.fetch(queries.LOCK_USER, link.user_id))[0]
        await tx.fetch(_SET_BY_LINK, user["id"], hashed, scope.machine_now())
        await tx.fetch(queries.TERMINATE_ALL, user["id"], scope.machine_now(), None)
        await record_for(scope, tx, "user.password_set", user, {"by": purpose.value})
    return link.user_id


async def change_password(scope: Scope, present: str, new: str, *, box: SecretBox) -> None:
    """Change the signed-in user's password; other sessions end.

    Raises Invalid for a wrong present one; many of them raise TooManyAttempts: a stolen session must not be the way
    to the password.
    """
    require_session(scope)
    await take_attempt(scope, CODE_BY_USER, str(scope.actor.id))
    async with transaction() as tx:
        user = (await tx.fetch(queries.LOCK_USER, scope.actor.id))[0]
    if not await asyncio.to_thread(verify_password, present, user["password_hash"]):
        raise Invalid("the present password is wrong", field=("presentPassword",))
    await give_back_attempt(scope, CODE_BY_USER, str(scope.actor.id))
    hashed = await hash_off_loop(check_password(new))
    async with transaction() as tx:
        await tx.fetch(_SET, scope.actor.id, hashed)
        await tx.fetch(queries.TERMINATE_ALL, scope.actor.id, scope.machine_now(), scope.session_id)
        subject = Subject("user", scope.actor.id)
        await record(scope, tx, "user.password_changed", subject, partner_id=scope.partner_id)


async def record_for(
    scope: Scope,
    tx: Transaction,
    event_type: str,
    user: Row | None,
    data: dict[str, Any] | None = None,
) -> int:
    """Record an event about a user that the user itself caused, before or without being signed in.

    Without a user it is a visitor's, about nobody: a request for an address that nobody has.
    """
    if user is None:
        return await record(scope, tx, event_type, Subject("user", None), data=data)
    actor = Actor(Audience(user["audience"]).actor_kind, user["id"])
    acting = Scope(
        actor, scope.clock, scope.request_id, frozenset(), ip=scope.ip, session_id=scope.session_id
    )
    return await record(
        acting,
        tx,
        event_type,
        Subject("user", user["id"]),
        partner_id=user["partner_id"],
        data=data,
    )
