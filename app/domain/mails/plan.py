"""The planner of mails: which event is told to whom, by which template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.events import LoggedEvent, lock_reader, move_reader, read_log
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import Transaction, transaction

READER = "mails"


class Template(StrEnum):
    """The mails that there are; each is a text and an HTML template of that name."""

    CONFIRM_EMAIL = "confirm_email"
    REGISTRATION_REPEATED = "registration_repeated"
    RESET_PASSWORD = "reset_password"  # noqa: S105
    UNLOCK = "unlock"
    INVITATION = "invitation"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    TWO_FACTOR_ENABLED = "two_factor_enabled"
    TWO_FACTOR_DISABLED = "two_factor_disabled"
    PARTNER_APPROVED = "partner_approved"
    PARTNER_REJECTED = "partner_rejected"
    DOCUMENT_APPROVED = "document_approved"
    DOCUMENT_DECLINED = "document_declined"


# Told to the user that the event is about.
_TO_SUBJECT = {
    "partner.registered": Template.CONFIRM_EMAIL,
    "user.confirmation_requested": Template.CONFIRM_EMAIL,
    "user.registration_repeated": Template.REGISTRATION_REPEATED,
    "user.password_reset_requested": Template.RESET_PASSWORD,
    "user.locked": Template.UNLOCK,
    "user.invited": Template.INVITATION,
    "user.password_changed": Template.PASSWORD_CHANGED,
    "user.password_set": Template.PASSWORD_CHANGED,
    "user.two_factor_enabled": Template.TWO_FACTOR_ENABLED,
    "user.two_factor_disabled": Template.TWO_FACTOR_DISABLED,
}
# Told to the owners of the partner.
_TO_OWNERS = {
    "partner.approved": Template.PARTNER_APPROVED,
    "partner.rejected": Template.PARTNER_REJECTED,
    "document.approved": Template.DOCUMENT_APPROVED,
    "document.declined": Template.DOCUMENT_DECLINED,
}

_INSERT_TO_SUBJECT = """
INSERT INTO mails (event_id, user_id, template, link_id, state, attempts, next_attempt_at, created_at)
VALUES ($1, $2, $3, $4, 'pending', 0, $5, $5)
ON CONFLICT (event_id, user_id, template) DO NOTHING RETURNING id
"""
_INSERT_TO_OWNERS = """
INSERT INTO mails (event_id, user_id, template, state, attempts, next_attempt_at, created_at)
SELECT $1, id, $3, 'pending', 0, $4, $4 FROM users
WHERE partner_id = $2 AND role = 'owner' AND state = 'active'
ON CONFLICT (event_id, user_id, template) DO NOTHING RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """How far one step of the planner came, and how many mails it added."""

    moved: int
    mails: int


@requires(Permission.OPERATE)
async def plan_mails(scope: Scope, recordings: int = 500) -> Planned:
    """Plan the mails of the next recordings. Safe to run twice and at once: the position is locked."""
    async with transaction() as tx:
        after = await lock_reader(tx, READER)
        events, reached = await read_log(scope, after, recordings)
        added = await _plan(scope, tx, events)
        if reached > after:
            await move_reader(tx, READER, reached)
    return Planned(reached - after, added)


async def _plan(scope: Scope, tx: Transaction, events: Sequence[LoggedEvent]) -> int:
    added = 0
    now = scope.now()
    for event in events:
        if (template := _TO_SUBJECT.get(event.type)) is not None:
            link_id = event.data.get("link_id")
            values = (event.id, event.subject_id, template.value, link_id, now)
            added += len(await tx.fetch(_INSERT_TO_SUBJECT, *values))
        elif (template := _TO_OWNERS.get(event.type)) is not None:
            owners = (event.id, event.partner_id, template.value, now)
            added += len(await tx.fetch(_INSERT_TO_OWNERS, *owners))
    return added


@requires(Permission.OPERATE)
async def skip_history(_scope: Scope, position: int) -> None:
    """Start after a position: what was imported or seeded before it mails nobody."""
    async with transaction() as tx:
        await lock_reader(tx, READER)
        await move_reader(tx, READER, position)
