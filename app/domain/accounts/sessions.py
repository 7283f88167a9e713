"""Sessions and tokens: from a token to a scope, the only place where a caller's authority is made (A63, N03)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.accounts import queries
from app.domain.accounts.users import Audience, scope_of_user
from app.domain.errors import Forbidden, NotFound, Unauthenticated
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.clock import Clock
from app.infra.crypto import SecretBox, equal, hash_token
from app.infra.database import Row, fetch, transaction
from app.infra.encoding import loads
from app.models import Session, User

API_TOKEN_PREFIX = "trib_"  # noqa: S105
# A session is stamped as used at most this often.
_TOUCH_EVERY = timedelta(minutes=1)
# How long earlier tokens of a network session are accepted, sliding with use (N03).
NETWORK_GRACE = timedelta(minutes=10)


class SessionOrder(StrEnum):
    """The orders of sessions."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    SessionOrder.NEWEST: Ordering(("id",), descending=True),
    SessionOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Who a token belongs to, and the scope in which this user's requests run."""

    id: int
    subject_id: int
    role: str
    scope: Scope
    partner_name: str | None
    time_zone: str
    language: str
    # The currency of this user's reports: the user's own choice, else the partner's.
    report_currency: str | None
    session_id: int | None
    # Kinds of mail that the user has switched off.
    unwanted_mails: tuple[str, ...] = ()


async def authenticate(
    audience: Audience, token: str, clock: Clock, request_id: str, ip: str | None
) -> SignedInUser:
    """The user of a session token or API token. Raises Unauthenticated for a wrong, ended or expired one."""
    now = clock.now()
    is_api_token = token.startswith(API_TOKEN_PREFIX)
    query = queries.FIND_API_TOKEN if is_api_token else queries.FIND_SESSION
    rows = await fetch(query, hash_token(token), now)
    if not rows or rows[0]["audience"] != audience:
        raise Unauthenticated
    row = rows[0]
    permissions = None
    if is_api_token:
        permissions = frozenset(Permission(name) for name in loads(row["permissions"]))
    await _touch(row, now)
    return _signed_in(row, scope_of_user(row, clock, request_id, ip, permissions))


async def _touch(row: Row, now: datetime) -> None:
    if row["last_used_at"] is not None and now - row["last_used_at"] < _TOUCH_EVERY:
        return
    if row["session_id"] is not None:
        await fetch(queries.TOUCH_SESSION, row["session_id"], now)
    else:
        await fetch(queries.TOUCH_API_TOKEN, row["api_token_id"], now)


def _signed_in(row: Row, scope: Scope) -> SignedInUser:
    return SignedInUser(
        row["user_id"],
        row["subject_id"],
        row["role"],
        scope,
        row["partner_name"],
        row["time_zone"],
        row["language"],
        row["report_currency"] or row["partner_currency"],
        row["session_id"],
        tuple(sorted(kind for kind, on in loads(row["mail_preferences"]).items() if not on)),
    )


@dataclass(frozen=True, slots=True)
class NetworkUser:
    """Who a network token belongs to, and the token for the next request (N03)."""

    user: SignedInUser
    token: str
    client: str
    expires_at: datetime


async def authenticate_network(
    client: str, token: str, clock: Clock, request_id: str, ip: str | None, *, box: SecretBox
) -> NetworkUser:
    """The user of a network token, and the token to send next (N03).

    The present token is answered with a new one. An earlier one is accepted within the grace, which slides with
    use, and is answered with the present one, so that requests in a row or in parallel with one token all work.
    Raises Unauthenticated.
    """
    now = clock.now()
    rows = await fetch(queries.FIND_NETWORK_SESSION, client, now)
    if not rows:
        raise Unauthenticated
    row = rows[0]
    generation = row["generation"]
    if _is_generation(box, client, generation, token):
        stepped = await fetch(queries.NEXT_GENERATION, row["session_id"], generation, now)
        # Somebody else made the step at the same moment: the present token is theirs as well.
        generation = stepped[0]["generation"] if stepped else generation + 1
    elif _is_earlier(box, client, generation, token) and now - row["last_used_at"] <= NETWORK_GRACE:
        await fetch(queries.TOUCH_SESSION, row["session_id"], now)
    else:
        raise Unauthenticated
    user = _signed_in(row, scope_of_user(row, clock, request_id, ip))
    return NetworkUser(user, box.session_tokens(client, generation)[0], client, row["expires_at"])


def _is_generation(box: SecretBox, client: str, generation: int, token: str) -> bool:
    # A list, not a generator: every comparison is made, whichever matches.
    return True in [equal(known, token) for known in box.session_tokens(client, generation)]


def _is_earlier(box: SecretBox, client: str, generation: int, token: str) -> bool:
    """Whether it is one of the last tokens before the present one."""
    earliest = max(0, generation - 50)
    return True in [
        _is_generation(box, client, number, token) for number in range(earliest, generation)
    ]


def require_session(scope: Scope) -> None:
    """Refuse a script's token what only its user may do: change how one signs in, and make further tokens.

    Such a token carries a few permissions and can be revoked; none of them may turn it into more. Raises Forbidden.
    """
    if scope.session_id is None:
        raise Forbidden("this needs a session: sign in instead of using an API token")


async def sign_out(scope: Scope) -> bool:
    """End the session of this request; False when it had ended, or when an API token was used."""
    if scope.session_id is None:
        return False
    return await _terminate(scope, scope.session_id)


@requires(Permission.READ_ACCOUNT)
async def own_sessions(scope: Scope, user_id: int | None = None) -> Listing[Session]:
    """The live sessions of the signed-in user, or of a teammate when the user manages the team (A63)."""
    wanted = await _allowed_user(scope, user_id)
    rows = scope.query(Session).filter(
        user_id=wanted, terminated_at=None, expires_at__gt=scope.machine_now()
    )
    return Listing(rows, _ORDERINGS)


@requires(Permission.READ_ACCOUNT)
async def terminate_session(scope: Scope, session_id: int) -> None:
    """End a session of one's own, or of a teammate. Raises NotFound."""
    require_session(scope)
    session = await scope.query(Session).get_or_none(id=session_id, terminated_at=None)
    if session is None:
        raise NotFound("session", field=("sessionId",))
    try:
        await _allowed_user(scope, session.user_id)
    except NotFound:
        raise NotFound("session", field=("sessionId",)) from None
    if not await _terminate(scope, session_id):
        raise NotFound("session", field=("sessionId",))


async def _allowed_user(scope: Scope, user_id: int | None) -> int:
    """The user itself, or somebody whom it manages; raises NotFound for anybody else."""
    own = scope.actor.id or 0
    if user_id is None or user_id == own:
        return own
    manages = Permission.MANAGE_TEAM if scope.partner_id is not None else Permission.MANAGE_STAFF
    if manages not in scope.permissions or not await scope.query(User).filter(id=user_id).exists():
        raise NotFound("user", field=("userId",))
    return user_id


async def _terminate(scope: Scope, session_id: int) -> bool:
    async with transaction() as tx:
        rows = await tx.fetch(queries.TERMINATE_SESSION, session_id, scope.machine_now())
        if rows:
            data: dict[str, Any] = {"user_id": rows[0]["user_id"]}
            subject = Subject("session", session_id)
            partner_id = rows[0]["partner_id"]
            await record(scope, tx, "session.terminated", subject, partner_id=partner_id, data=data)
    return bool(rows)


def new_api_token() -> str:
    """A token for a script: recognisable, random."""
    return API_TOKEN_PREFIX + secrets.token_urlsafe(32)
