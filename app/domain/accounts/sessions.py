"""From a token to a Scope: the only place where a caller's authority is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.domain.accounts import queries
from app.domain.accounts.sign_in import Audience
from app.domain.errors import Unauthenticated
from app.domain.events import Subject, record
from app.domain.permissions import (
    PARTNER_PERMISSIONS,
    STAFF_PERMISSIONS,
    PartnerRole,
    StaffRole,
)
from app.domain.scope import Actor, Scope
from app.infra.clock import Clock, clock_at_offset
from app.infra.crypto import hash_token
from app.infra.database import fetch, transaction
from app.infra.encoding import loads


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Who a session belongs to, and the scope in which this user's requests run."""

    id: int
    email: str
    name: str
    role: str
    scope: Scope
    partner_name: str | None = None


async def authenticate(
    audience: Audience, token: str, clock: Clock, request_id: str, ip: str | None
) -> SignedInUser:
    """The user of a session token. Raises Unauthenticated for a wrong, ended or expired one."""
    query = (
        queries.FIND_PARTNER_SESSION
        if audience is Audience.PARTNER
        else queries.FIND_OPERATOR_SESSION
    )
    rows = await fetch(query, hash_token(token), clock.now())
    if not rows:
        raise Unauthenticated
    row = rows[0]
    if audience is Audience.PARTNER:
        scope = Scope(
            Actor(audience.value, row["user_id"]),
            clock_at_offset(clock, timedelta(microseconds=row["clock_offset"])),
            request_id,
            PARTNER_PERMISSIONS[PartnerRole(row["role"])],
            partner_id=row["partner_id"],
            ip=ip,
        )
    else:
        brand_ids = loads(row["brand_ids"]) if row["brand_ids"] is not None else None
        scope = Scope(
            Actor(audience.value, row["user_id"]),
            clock,
            request_id,
            STAFF_PERMISSIONS[StaffRole(row["role"])],
            brand_ids=frozenset(brand_ids) if brand_ids is not None else None,
            ip=ip,
        )
    return SignedInUser(
        row["user_id"], row["email"], row["name"], row["role"], scope, row.get("partner_name")
    )


async def sign_out(scope: Scope, token: str) -> bool:
    """End the session of a token; False when it had ended before."""
    async with transaction() as tx:
        rows = await tx.fetch(queries.TERMINATE_SESSION, hash_token(token), scope.now())
        if rows:
            subject = Subject("session", rows[0]["id"])
            await record(scope, tx, "session.terminated", subject, partner_id=scope.partner_id)
    return bool(rows)
