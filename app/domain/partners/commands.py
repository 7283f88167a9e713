"""What operators decide about partners (A60, O21)."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.partners.reads import require_partner
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Transaction, transaction
from app.infra.encoding import dumps_text
from app.models import Partner, PartnerNote, User

_LOCK = "SELECT state FROM partners WHERE id = $1 FOR UPDATE"
_SET_STATE = "UPDATE partners SET state = $2 WHERE id = $1"
_ENSURE_PROFILE = """
INSERT INTO partner_profiles (partner_id, tags) VALUES ($1, '[]') ON CONFLICT (partner_id) DO NOTHING
"""
_SET_REASON = "UPDATE partner_profiles SET state_reason = $2 WHERE partner_id = $1"
_SET_MANAGER = "UPDATE partner_profiles SET manager_id = $2 WHERE partner_id = $1"
_SET_TAGS = "UPDATE partner_profiles SET tags = $2 WHERE partner_id = $1"
_INSERT_NOTE = """
INSERT INTO partner_notes (partner_id, author_id, text, created_at) VALUES ($1, $2, $3, $4) RETURNING id
"""
_END_SESSIONS = """
UPDATE sessions SET terminated_at = $2
WHERE terminated_at IS NULL AND user_id IN (SELECT id FROM users WHERE partner_id = $1)
"""
MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 20, 40, 4_000


@requires(Permission.MANAGE_PARTNERS)
async def approve_partner(scope: Scope, partner_id: int) -> Partner:
    """Let a pending or rejected partner in; its owners get a mail. Raises NotFound, Conflict."""
    return await _move(
        scope, partner_id, {"pending", "rejected"}, "active", "partner.approved", None
    )


@requires(Permission.MANAGE_PARTNERS)
async def reject_partner(scope: Scope, partner_id: int, reason: str) -> Partner:
    """Refuse a pending partner, with a reason. Raises NotFound, Conflict."""
    return await _move(scope, partner_id, {"pending"}, "rejected", "partner.rejected", reason)


@requires(Permission.MANAGE_PARTNERS)
async def block_partner(scope: Scope, partner_id: int, reason: str) -> Partner:
    """Stop a partner: its links lead to the fallback, its sessions end, its owners get a mail (M1D).

    The reason is for operators alone: what partners read of their log says that, and not why. Raises NotFound,
    Conflict.
    """
    return await _move(scope, partner_id, {"active"}, "blocked", "partner.blocked", reason)


@requires(Permission.MANAGE_PARTNERS)
async def unblock_partner(scope: Scope, partner_id: int) -> Partner:
    """Let a blocked partner work again; its owners get a mail. Raises NotFound, Conflict."""
    return await _move(scope, partner_id, {"blocked"}, "active", "partner.unblocked", None)


async def _move(
    scope: Scope, partner_id: int, from_states: set[str], to: str, event: str, reason: str | None
) -> Partner:
    cleaned = None if reason is None else clean_name(reason, "reason", 500)
    await require_partner(scope, partner_id)
    async with transaction() as tx:
        state = (await tx.fetch(_LOCK, partner_id))[0]["state"]
        if state not in from_states:
            raise Conflict(f"the partner is {state}", field=("partnerId",))
        await tx.fetch(_SET_STATE, partner_id, to)
        await tx.fetch(_ENSURE_PROFILE, partner_id)
        await tx.fetch(_SET_REASON, partner_id, cleaned)
        if to == "blocked":
            await tx.fetch(_END_SESSIONS, partner_id, scope.now())
            await _record(scope, tx, event, partner_id, {})
            await _record_for_staff(
                scope, tx, "partner.block_explained", partner_id, {"reason": cleaned}
            )
        else:
            await _record(scope, tx, event, partner_id, {"reason": cleaned})
    return await require_partner(scope, partner_id)


@requires(Permission.MANAGE_PARTNERS)
async def set_manager(scope: Scope, partner_id: int, manager_id: int | None) -> Partner:
    """Give a partner a personal manager, or none. Raises NotFound."""
    await require_partner(scope, partner_id)
    if manager_id is not None:
        staff = scope.query(User).filter(id=manager_id, audience="staff", state="active")
        if not await staff.exists():
            raise NotFound("operator", field=("managerId",))
    async with transaction() as tx:
        await tx.fetch(_ENSURE_PROFILE, partner_id)
        await tx.fetch(_SET_MANAGER, partner_id, manager_id)
        await _record(scope, tx, "partner.manager_set", partner_id, {"manager_id": manager_id})
    return await require_partner(scope, partner_id)


@requires(Permission.MANAGE_PARTNERS)
async def set_tags(scope: Scope, partner_id: int, tags: Sequence[str]) -> Partner:
    """Replace a partner's tags. Raises NotFound, Invalid."""
    cleaned = sorted({clean_name(tag, "tags", LONGEST_TAG) for tag in tags})
    if len(cleaned) > MOST_TAGS:
        raise Invalid(f"a partner has at most {MOST_TAGS} tags", field=("tags",))
    await require_partner(scope, partner_id)
    async with transaction() as tx:
        await tx.fetch(_ENSURE_PROFILE, partner_id)
        await tx.fetch(_SET_TAGS, partner_id, dumps_text(cleaned))
        await _record_for_staff(scope, tx, "partner.tags_set", partner_id, {"tags": cleaned})
    return await require_partner(scope, partner_id)


@requires(Permission.MANAGE_PARTNERS)
async def add_note(scope: Scope, partner_id: int, text: str) -> PartnerNote:
    """Write something down about a partner; partners never see it. Raises NotFound, Invalid."""
    note = text.strip()
    if not 1 <= len(note) <= LONGEST_NOTE or "\x00" in note:
        raise Invalid(f"a note has 1 to {LONGEST_NOTE} characters", field=("text",))
    await require_partner(scope, partner_id)
    async with transaction() as tx:
        rows = await tx.fetch(_INSERT_NOTE, partner_id, scope.actor.id, note, scope.now())
        note_id = int(rows[0]["id"])
        await _record_for_staff(scope, tx, "partner.note_added", partner_id, {"note_id": note_id})
    return await scope.query(PartnerNote).get(id=note_id)


async def _record_for_staff(
    scope: Scope, tx: Transaction, event_type: str, partner_id: int, data: dict[str, object]
) -> None:
    """An event about a partner that is not the partner's to read."""
    await record(scope, tx, event_type, Subject("partner", partner_id), data=data)


async def _record(
    scope: Scope, tx: Transaction, event_type: str, partner_id: int, data: dict[str, object]
) -> None:
    subject = Subject("partner", partner_id)
    await record(scope, tx, event_type, subject, partner_id=partner_id, data=data)
