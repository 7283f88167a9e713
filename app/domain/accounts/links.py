"""Mailed links: confirm an e-mail, set or reset a password, unlock. Each works once and for a limited time.

The token of a link is derived from its row and the server's key when the mail is written; nothing that opens an
account is stored, logged or part of an event.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.domain.accounts import queries
from app.domain.accounts.attempts import (
    LINK_BY_ADDRESS,
    address_key,
    check_attempts,
    count_attempt,
)
from app.domain.errors import DomainError
from app.domain.scope import Scope
from app.infra.crypto import SecretBox
from app.infra.database import Transaction, fetch


class Purpose(StrEnum):
    """What a link is for."""

    CONFIRM_EMAIL = "confirm_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105
    UNLOCK = "unlock"
    INVITATION = "invitation"


_LIFETIMES = {
    Purpose.CONFIRM_EMAIL: timedelta(days=3),
    Purpose.RESET_PASSWORD: timedelta(hours=2),
    Purpose.UNLOCK: timedelta(days=1),
    Purpose.INVITATION: timedelta(days=7),
}


class LinkRefused(DomainError):
    """The link is wrong, was used, or has expired: the three look the same."""

    code = "LINK_REFUSED"


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that was presented with its right token."""

    id: int
    user_id: int


async def issue_link(scope: Scope, tx: Transaction, user_id: int, purpose: Purpose) -> int:
    """Make a link and withdraw the earlier ones of that purpose; returns its id, for the mail."""
    now = scope.machine_now()
    await tx.fetch(queries.WITHDRAW_LINKS, user_id, purpose.value, now)
    expires_at = now + _LIFETIMES[purpose]
    nonce = secrets.token_hex(16)
    rows = await tx.fetch(queries.INSERT_LINK, user_id, purpose.value, nonce, now, expires_at)
    return int(rows[0]["id"])


async def open_link(scope: Scope, box: SecretBox, token: str, purpose: Purpose) -> OpenLink:
    """The link of a token. Raises LinkRefused; repeated failures from an address raise TooManyAttempts."""
    await check_attempts(scope, LINK_BY_ADDRESS, address_key(scope.ip))
    number, _, _ = token.partition(".")
    rows = []
    if number.isdecimal() and len(number) <= 18:
        rows = await fetch(queries.FIND_LINK, int(number), purpose.value, scope.machine_now())
    if not rows or not box.is_link_token(token, rows[0]["id"], rows[0]["nonce"]):
        await count_attempt(scope, LINK_BY_ADDRESS, address_key(scope.ip))
        raise refused()
    return OpenLink(rows[0]["id"], rows[0]["user_id"])


async def use_link(scope: Scope, tx: Transaction, link: OpenLink) -> None:
    """Take the link, in the transaction of what it does. Raises LinkRefused when somebody was faster."""
    if not await tx.fetch(queries.USE_LINK, link.id, scope.machine_now()):
        raise refused()


def refused() -> LinkRefused:
    """The one answer to every link that does not work."""
    return LinkRefused(
        "the link is wrong, was used or has expired: ask for a new one", field=("token",)
    )
