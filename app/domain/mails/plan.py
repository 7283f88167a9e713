"""The planner of mails: which event is told to whom, by which template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.domain.accounts.links import Purpose, issue_link
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
    PARTNER_BLOCKED = "partner_blocked"
    PARTNER_UNBLOCKED = "partner_unblocked"
    USER_BLOCKED = "user_blocked"
    USER_UNBLOCKED = "user_unblocked"
    DOCUMENT_APPROVED = "document_approved"
    DOCUMENT_DECLINED = "document_declined"
    POSTBACK_DISABLED = "postback_disabled"
    POSTBACK_DRIFTED = "postback_drifted"


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
    "user.blocked": Template.USER_BLOCKED,
    "user.unblocked": Template.USER_UNBLOCKED,
}
# Told to the owners of the partner.
_TO_OWNERS = {
    "partner.approved": Template.PARTNER_APPROVED,
    "partner.rejected": Template.PARTNER_REJECTED,
    "partner.blocked": Template.PARTNER_BLOCKED,
    "partner.unblocked": Template.PARTNER_UNBLOCKED,
    "document.approved": Template.DOCUMENT_APPROVED,
    "document.declined": Template.DOCUMENT_DECLINED,
    "postback.disabled_after_failures": Template.POSTBACK_DISABLED,
    "postback.drifted": Template.POSTBACK_DRIFTED,
}

# What anybody can ask for who knows an address. An unlock mail is none of them: the next one comes only after the
# account was opened again.
FROM_STRANGERS = (
    Template.CONFIRM_EMAIL,
    Template.REGISTRATION_REPEATED,
    Template.RESET_PASSWORD,
)
# To one user: of each of those templates in an hour, and of all of them in a day.
MOST_IN_AN_HOUR, MOST_IN_A_DAY = 3, 10
# Links that are made here and not in the request, which does the same for every address (A61).
_LINKS = {
    "user.password_reset_requested": Purpose.RESET_PASSWORD,
    "user.confirmation_requested": Purpose.CONFIRM_EMAIL,
}
# Whether there is anything for such a link to do.
_MAY_HAVE = {
    Purpose.RESET_PASSWORD: "SELECT id FROM users WHERE id = $1 AND state = 'active'",
    Purpose.CONFIRM_EMAIL: """
    SELECT id FROM users WHERE id = $1 AND email_confirmed_at IS NULL AND password_hash IS NOT NULL
    """,
}
# Only what reaches a mailbox counts.
_COUNT_LATELY = """
SELECT count(*) FILTER (WHERE template = $2 AND created_at > $4) AS in_an_hour, count(*) AS in_a_day
FROM mails
WHERE user_id = $1 AND template = ANY($3::text[]) AND created_at > $5 AND state IN ('pending', 'sent')
"""
_INSERT_TO_SUBJECT = """
INSERT INTO mails (event_id, user_id, template, link_id, state, error, attempts, next_attempt_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7)
ON CONFLICT (event_id, user_id, template) DO NOTHING RETURNING id
"""
_SET_LINK = "UPDATE mails SET link_id = $2 WHERE id = $1"
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
    for event in events:
        if (template := _TO_SUBJECT.get(event.type)) is not None:
            added += await _plan_to_subject(scope, tx, event, template)
        elif (template := _TO_OWNERS.get(event.type)) is not None:
            owners = (event.id, event.partner_id, template.value, scope.now())
            added += len(await tx.fetch(_INSERT_TO_OWNERS, *owners))
    return added


async def _plan_to_subject(
    scope: Scope, tx: Transaction, event: LoggedEvent, template: Template
) -> int:
    """Plan the mail to whom the event is about; returns how many are to be sent. One too many is kept as suppressed."""
    user_id = event.subject_id
    purpose = _LINKS.get(event.type)
    if user_id is None:
        # Somebody asked for an address that nobody has.
        return 0
    if purpose is not None and not await tx.fetch(_MAY_HAVE[purpose], user_id):
        return 0
    reason = await _too_many(scope, tx, user_id, template)
    state = "pending" if reason is None else "suppressed"
    link_id = event.data.get("link_id")
    values = (event.id, user_id, template.value, link_id, state, reason, scope.now())
    inserted = await tx.fetch(_INSERT_TO_SUBJECT, *values)
    if not inserted or reason is not None:
        # A new link would withdraw the one that lies in the mailbox: whoever floods it must not end that one either.
        return 0
    if purpose is not None and link_id is None:
        made = await issue_link(scope, tx, user_id, purpose)
        await tx.fetch(_SET_LINK, inserted[0]["id"], made)
    return 1


async def _too_many(scope: Scope, tx: Transaction, user_id: int, template: Template) -> str | None:
    """Why a mail that strangers can ask for is one too many for this user; None when it is not."""
    if template not in FROM_STRANGERS:
        return None
    now = scope.now()
    templates = [item.value for item in FROM_STRANGERS]
    since = (now - timedelta(hours=1), now - timedelta(days=1))
    counts = (await tx.fetch(_COUNT_LATELY, user_id, template.value, templates, *since))[0]
    if counts["in_an_hour"] >= MOST_IN_AN_HOUR:
        return "too many mails of this kind within an hour"
    if counts["in_a_day"] >= MOST_IN_A_DAY:
        return "too many mails within a day"
    return None


@requires(Permission.OPERATE)
async def skip_history(_scope: Scope, position: int) -> None:
    """Start after a position: what was imported or seeded before it mails nobody."""
    async with transaction() as tx:
        await lock_reader(tx, READER)
        await move_reader(tx, READER, position)
