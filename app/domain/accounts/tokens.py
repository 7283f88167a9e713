"""Static tokens: the statistic token of report feeds (A66), and API tokens of integrators' scripts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.accounts.sessions import new_api_token, require_session
from app.domain.accounts.users import Audience
from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.crypto import SecretBox, hash_token, new_token
from app.infra.database import transaction
from app.infra.encoding import dumps_text
from app.models import ApiToken, User

_SET_STATISTIC = "UPDATE users SET statistic_token = $2, statistic_token_hash = $3 WHERE id = $1"
_INSERT = """
INSERT INTO api_tokens (user_id, name, token_hash, permissions, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
_REVOKE = "UPDATE api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id"


class ApiTokenOrder(StrEnum):
    """The orders of API tokens."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    ApiTokenOrder.NEWEST: Ordering(("id",), descending=True),
    ApiTokenOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class NewApiToken:
    """A token with a part of its user's permissions."""

    name: str
    permissions: Collection[Permission]
    expires_at: datetime | None = None


@requires(Permission.READ_ACCOUNT)
async def statistic_token(scope: Scope, *, box: SecretBox) -> str | None:
    """The signed-in user's statistic token, or None when there is none."""
    require_session(scope)
    user = await scope.query(User).get(id=scope.actor.id)
    return None if user.statistic_token is None else box.decrypt(user.statistic_token)


@requires(Permission.READ_ACCOUNT)
async def issue_statistic_token(scope: Scope, *, box: SecretBox) -> str:
    """Make a new statistic token for the signed-in user; the earlier one stops working at once."""
    require_session(scope)
    token = new_token()
    async with transaction() as tx:
        await tx.fetch(_SET_STATISTIC, scope.actor.id, box.encrypt(token), hash_token(token))
        subject = Subject("user", scope.actor.id)
        await record(scope, tx, "user.statistic_token_issued", subject, partner_id=scope.partner_id)
    return token


@requires(Permission.READ_ACCOUNT)
async def expire_statistic_token(scope: Scope, user_id: int | None = None) -> None:
    """Expire one's own statistic token, or a teammate's when one manages the team or the staff (A66).

    Raises NotFound, Forbidden.
    """
    wanted = user_id or scope.actor.id
    if wanted != scope.actor.id:
        manages = Permission.MANAGE_TEAM if scope.partner_id else Permission.MANAGE_STAFF
        # Before anything is looked up: whoever may not do it learns of nobody.
        if manages not in scope.permissions:
            raise Forbidden("only an owner expires a teammate's token")
        if not await scope.query(User).filter(id=wanted, partner_id=scope.partner_id).exists():
            raise NotFound("user", field=("userId",))
    await _expire(scope, wanted, scope.partner_id)


@requires(Permission.MANAGE_PARTNERS)
async def expire_statistic_token_of_partner_user(scope: Scope, user_id: int) -> None:
    """Expire the statistic token of a partner's team member (O21). Raises NotFound."""
    found = await scope.query(User).get_or_none(id=user_id, audience=Audience.PARTNER.value)
    if found is None:
        raise NotFound("user", field=("userId",))
    await _expire(scope, user_id, found.partner_id)


async def _expire(scope: Scope, user_id: int | None, partner_id: int | None) -> None:
    async with transaction() as tx:
        await tx.fetch(_SET_STATISTIC, user_id, None, None)
        subject = Subject("user", user_id)
        await record(scope, tx, "user.statistic_token_expired", subject, partner_id=partner_id)


@requires(Permission.MANAGE_API_TOKENS)
async def api_tokens(scope: Scope) -> Listing[ApiToken]:
    """The signed-in user's tokens that were not revoked."""
    rows = scope.query(ApiToken).filter(user_id=scope.actor.id, revoked_at=None)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_API_TOKENS)
async def create_api_token(scope: Scope, new: NewApiToken) -> tuple[ApiToken, str]:
    """Make a token for a script; its text is shown only here. Raises Invalid for what the user may not do itself."""
    require_session(scope)
    name = clean_name(new.name, "name", 100)
    if not new.permissions:
        raise Invalid("name at least one permission", field=("permissions",))
    if missing := set(new.permissions) - scope.permissions:
        raise Invalid(
            f"you do not have the permission {sorted(missing)[0]}", field=("permissions",)
        )
    if new.expires_at is not None and new.expires_at <= scope.machine_now():
        raise Invalid("expiresAt lies in the past", field=("expiresAt",))
    token = new_api_token()
    async with transaction() as tx:
        rows = await tx.fetch(
            _INSERT,
            scope.actor.id,
            name,
            hash_token(token),
            dumps_text(sorted(new.permissions)),
            scope.machine_now(),
            new.expires_at,
        )
        token_id = int(rows[0]["id"])
        data = {"permissions": sorted(new.permissions), "expires_at": new.expires_at}
        subject = Subject("api_token", token_id)
        await record(
            scope, tx, "api_token.created", subject, partner_id=scope.partner_id, data=data
        )
    return await scope.query(ApiToken).get(id=token_id), token


@requires(Permission.MANAGE_API_TOKENS)
async def revoke_api_token(scope: Scope, token_id: int) -> None:
    """End a token of one's own. Raises NotFound."""
    if not await scope.query(ApiToken).filter(id=token_id, user_id=scope.actor.id).exists():
        raise NotFound("token", field=("tokenId",))
    async with transaction() as tx:
        if not await tx.fetch(_REVOKE, token_id, scope.machine_now()):
            raise NotFound("token", field=("tokenId",))
        subject = Subject("api_token", token_id)
        await record(scope, tx, "api_token.revoked", subject, partner_id=scope.partner_id)
