"""Team members and operators: invite, edit, roles, block, unlock (A64, O21)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.accounts import queries
from app.domain.accounts.links import Purpose, issue_link
from app.domain.accounts.owners import keep_an_owner
from app.domain.accounts.users import Audience, NewUser, clean_email, insert_user
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import PartnerRole, Permission, StaffRole, requires
from app.domain.personal import update_subject
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.crypto import SecretBox
from app.infra.database import Row, Transaction, transaction
from app.infra.encoding import dumps_text
from app.models import AccountLink, Brand, User

_SET_ROLE = "UPDATE users SET role = $2, brand_ids = $3 WHERE id = $1"
_SET_STATE = "UPDATE users SET state = $2 WHERE id = $1"


class UserOrder(StrEnum):
    """The orders of users."""

    OLDEST = "oldest"
    NEWEST = "newest"


_ORDERINGS = {
    UserOrder.OLDEST: Ordering(("id",)),
    UserOrder.NEWEST: Ordering(("id",), descending=True),
}


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to invite. `brand_ids` limits an advertiser."""

    email: str
    name: str
    role: PartnerRole | StaffRole
    brand_ids: tuple[int, ...] = ()


@requires(Permission.READ_ACCOUNT)
async def team(scope: Scope) -> Listing[User]:
    """The members of the scope's own team; of the staff, an advertiser sees itself alone."""
    rows = scope.query(User).filter(partner_id=scope.partner_id)
    if scope.brand_ids is not None:
        rows = rows.filter(id=scope.actor.id)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_TEAM)
async def invite_member(scope: Scope, new: Invitation, *, box: SecretBox) -> User:
    """Invite a team member: the set-password link is mailed. Raises Invalid or Conflict."""
    return await _invite(scope, Audience.PARTNER, new, box)


@requires(Permission.MANAGE_STAFF)
async def invite_operator(scope: Scope, new: Invitation, *, box: SecretBox) -> User:
    """Invite an operator or an advertiser. Raises Invalid or Conflict."""
    return await _invite(scope, Audience.STAFF, new, box)


@requires(Permission.OPERATE)
async def invite_first_owner(scope: Scope, email: str, name: str, *, box: SecretBox) -> str | None:
    """Invite an owner of the staff from the server's own command line, and return the link's token.

    None when the staff has an active owner already: further operators are invited by that one.
    """
    async with transaction() as tx:
        owners = await tx.fetch(queries.LOCK_OWNERS, Audience.STAFF.value, None)
        if owners:
            return None
    new = Invitation(email, name, StaffRole.OWNER)
    user = await _invite(scope, Audience.STAFF, new, box)
    link = await scope.query(AccountLink).get(user_id=user.id, purpose=Purpose.INVITATION.value)
    return box.link_token(link.id, link.nonce)


async def _invite(scope: Scope, audience: Audience, new: Invitation, box: SecretBox) -> User:
    email, name = clean_email(new.email), clean_name(new.name, "name", 200)
    brand_ids = await _checked_brands(scope, new.role, new.brand_ids)
    async with transaction() as tx:
        user = NewUser(audience, scope.partner_id, email, name, new.role, None, brand_ids)
        user_id = await insert_user(tx, box, user, scope.machine_now())
        if user_id is None:
            raise Conflict("this e-mail cannot be invited: it is in use", field=("email",))
        link_id = await issue_link(scope, tx, user_id, Purpose.INVITATION)
        data = {"role": new.role.value, "link_id": link_id, "brand_ids": brand_ids}
        await _record(scope, tx, "user.invited", user_id, data)
    return await scope.query(User).get(id=user_id)


@requires(Permission.MANAGE_TEAM)
async def edit_member(
    scope: Scope, user_id: int, *, name: str | None, role: PartnerRole | None, box: SecretBox
) -> User:
    """Change a team member's name or role. Raises NotFound, or LastOwner."""
    return await _edit(scope, user_id, name=name, role=role, brand_ids=(), box=box)


@requires(Permission.MANAGE_STAFF)
async def edit_operator(
    scope: Scope,
    user_id: int,
    *,
    name: str | None,
    role: StaffRole | None,
    brand_ids: tuple[int, ...],
    box: SecretBox,
) -> User:
    """Change an operator's name, role or brands. Raises NotFound, or LastOwner."""
    return await _edit(scope, user_id, name=name, role=role, brand_ids=brand_ids, box=box)


async def _edit(
    scope: Scope,
    user_id: int,
    *,
    name: str | None,
    role: PartnerRole | StaffRole | None,
    brand_ids: tuple[int, ...],
    box: SecretBox,
) -> User:
    cleaned = None if name is None else clean_name(name, "name", 200)
    if role is None and brand_ids:
        raise Invalid("brands are given together with the role advertiser", field=("brandIds",))
    limits = None if role is None else await _checked_brands(scope, role, brand_ids)
    async with transaction() as tx:
        user = await _lock_teammate(scope, tx, user_id)
        if cleaned is not None:
            await update_subject(tx, box, user["subject_id"], {"name": cleaned})
        if role is not None:
            if role.value != "owner":
                await keep_an_owner(tx, user)
            await tx.fetch(
                _SET_ROLE, user_id, role.value, None if limits is None else dumps_text(list(limits))
            )
        data = {
            "role": role.value if role else None,
            "renamed": cleaned is not None,
            "brand_ids": limits,
        }
        await _record(scope, tx, "user.edited", user_id, data)
    return await scope.query(User).get(id=user_id)


@requires(Permission.MANAGE_TEAM)
async def set_member_blocked(scope: Scope, user_id: int, *, blocked: bool) -> User:
    """Block a team member, which ends its sessions, or let it in again; the member gets a mail.

    Raises NotFound, Forbidden for oneself, LastOwner.
    """
    return await _set_blocked(scope, user_id, blocked)


@requires(Permission.MANAGE_STAFF)
async def set_operator_blocked(scope: Scope, user_id: int, *, blocked: bool) -> User:
    """Block an operator, which ends its sessions, or let it in again; the operator gets a mail.

    Raises NotFound, Forbidden for oneself, LastOwner.
    """
    return await _set_blocked(scope, user_id, blocked)


async def _set_blocked(scope: Scope, user_id: int, blocked: bool) -> User:
    if user_id == scope.actor.id:
        raise Forbidden("you cannot block yourself")
    async with transaction() as tx:
        user = await _lock_teammate(scope, tx, user_id)
        state = "blocked" if blocked else "active"
        if user["state"] != state:
            if blocked:
                await keep_an_owner(tx, user)
                await tx.fetch(queries.TERMINATE_ALL, user_id, scope.machine_now(), None)
            await tx.fetch(_SET_STATE, user_id, state)
            await _record(scope, tx, "user.blocked" if blocked else "user.unblocked", user_id, {})
    return await scope.query(User).get(id=user_id)


@requires(Permission.MANAGE_TEAM)
async def unlock_member(scope: Scope, user_id: int) -> User:
    """Unlock a team member that is locked after failures."""
    return await _unlock(scope, user_id)


@requires(Permission.MANAGE_STAFF)
async def unlock_operator(scope: Scope, user_id: int) -> User:
    """Unlock an operator that is locked after failures."""
    return await _unlock(scope, user_id)


@requires(Permission.MANAGE_PARTNERS)
async def unlock_partner_user(scope: Scope, user_id: int) -> User:
    """Unlock a partner's team member that is locked after failures. Raises NotFound."""
    found = await scope.query(User).get_or_none(id=user_id, audience=Audience.PARTNER.value)
    if found is None:
        raise NotFound("user", field=("userId",))
    async with transaction() as tx:
        await tx.fetch(queries.UNLOCK, user_id)
        await record(
            scope,
            tx,
            "user.unlocked",
            Subject("user", user_id),
            partner_id=found.partner_id,
            data={"by": "operator"},
        )
    return await scope.query(User).get(id=user_id)


async def _unlock(scope: Scope, user_id: int) -> User:
    async with transaction() as tx:
        await _lock_teammate(scope, tx, user_id)
        await tx.fetch(queries.UNLOCK, user_id)
        await _record(scope, tx, "user.unlocked", user_id, {"by": "teammate"})
    return await scope.query(User).get(id=user_id)


async def _lock_teammate(scope: Scope, tx: Transaction, user_id: int) -> Row:
    """The user's row, locked; raises NotFound for anybody outside the scope's own team."""
    if not await scope.query(User).filter(id=user_id, partner_id=scope.partner_id).exists():
        raise NotFound("user", field=("userId",))
    # The owners before the user, always: two who demote each other wait instead of deadlocking.
    audience = Audience.STAFF if scope.partner_id is None else Audience.PARTNER
    await tx.fetch(queries.LOCK_OWNERS, audience.value, scope.partner_id)
    return (await tx.fetch(queries.LOCK_USER, user_id))[0]


async def _checked_brands(
    scope: Scope, role: PartnerRole | StaffRole, brand_ids: tuple[int, ...]
) -> tuple[int, ...] | None:
    if role is not StaffRole.ADVERTISER:
        if brand_ids:
            raise Invalid("only advertisers are limited to brands", field=("brandIds",))
        return None
    found = await scope.query(Brand).filter(id__in=brand_ids).count()
    if not brand_ids or found != len(set(brand_ids)):
        raise Invalid("name the brands that this advertiser may see", field=("brandIds",))
    return tuple(sorted(set(brand_ids)))


async def _record(
    scope: Scope, tx: Transaction, event_type: str, user_id: int, data: dict[str, Any]
) -> None:
    subject = Subject("user", user_id)
    await record(scope, tx, event_type, subject, partner_id=scope.partner_id, data=data)
