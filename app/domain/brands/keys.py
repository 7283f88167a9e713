"""Intake keys: from a signed request to the scope of a brand (W3)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.brands.signatures import (
    TOLERANCE,
    UNMATCHED,
    SignatureHeaders,
    check_time,
    is_signed_with,
    read_signed,
)
from app.domain.errors import Invalid, NotFound, Unauthenticated
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.clock import Clock
from app.infra.crypto import SecretBox, new_signing_secret
from app.infra.database import fetch, transaction
from app.models import Brand, BrandKey

_FIND_KEY = """
SELECT k.brand_id, k.secret, k.expires_at, b.clock_offset
FROM brand_keys k JOIN brands b ON b.id = k.brand_id
WHERE k.key = $1
"""
# Compared when the key is unknown, so that both refusals take the same steps.
_ABSENT = "no brand has this secret"
_TAKE_SIGNATURE = """
INSERT INTO intake_signatures (brand_id, webhook_id, signed_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING brand_id
"""
_FORGET_SIGNATURES = "DELETE FROM intake_signatures WHERE signed_at < $1 RETURNING brand_id"


async def authenticate_brand(
    clock: Clock,
    request_id: str,
    ip: str | None,
    *,
    headers: SignatureHeaders,
    body: bytes,
    box: SecretBox,
) -> Scope:
    """The scope of the brand that signed the body (W3).

    Raises Unauthenticated, with the same words for an unknown key and a wrong signature. What is said of the time, of
    repeats and of the key's end, only the holder of the secret hears. The time is this server's, also of a brand
    whose clock was moved.
    """
    signed = read_signed(headers)
    rows = await fetch(_FIND_KEY, headers.key)
    secret = box.decrypt(rows[0]["secret"]) if rows else _ABSENT
    matched = is_signed_with(secret, headers, body)
    if not rows or not matched:
        raise Unauthenticated(UNMATCHED)
    brand_id = rows[0]["brand_id"]
    if signed is not None:
        check_time(signed, clock.now())
    # After the time: who repeats what was recorded long ago learns nothing of the key.
    _check_end(rows[0]["expires_at"], clock.now())
    if signed and not await fetch(_TAKE_SIGNATURE, brand_id, signed.webhook_id, signed.at):
        raise Unauthenticated(
            "this webhook-id and webhook-timestamp were received already: to send the request again, sign it with "
            "the present time"
        )
    offset = timedelta(microseconds=rows[0]["clock_offset"])
    return Scope.brand(brand_id, clock, request_id, offset=offset, ip=ip)


def _check_end(ends_at: datetime | None, now: datetime) -> None:
    if ends_at is not None and ends_at <= now:
        raise Unauthenticated(
            f"the key has ended, at {ends_at.isoformat(timespec='seconds')}: sign with another key of the brand and "
            "its secret"
        )


@requires(Permission.OPERATE)
async def forget_old_signatures(scope: Scope) -> int:
    """Forget the requests that are too old to be repeated anyway; returns how many."""
    return len(await fetch(_FORGET_SIGNATURES, scope.now() - 2 * TOLERANCE))


class BrandKeyOrder(StrEnum):
    """The orders of intake keys."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    BrandKeyOrder.NEWEST: Ordering(("id",), descending=True),
    BrandKeyOrder.OLDEST: Ordering(("id",)),
}
_INSERT_KEY = """
INSERT INTO brand_keys (brand_id, key, secret, created_at) VALUES ($1, $2, $3, $4) RETURNING id
"""
_EXPIRE_KEY = """
UPDATE brand_keys SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2) RETURNING id
"""


@requires(Permission.MANAGE_BRAND_KEYS)
async def brand_keys(scope: Scope) -> Listing[BrandKey]:
    """The intake keys of the brands within the scope's limits."""
    return Listing(scope.query(BrandKey), _ORDERINGS)


@requires(Permission.MANAGE_BRAND_KEYS)
async def create_brand_key(scope: Scope, brand_id: int, *, box: SecretBox) -> tuple[BrandKey, str]:
    """Make an intake key of a brand; its secret is shown only here. Several may be active, to rotate."""
    if not await scope.query(Brand).filter(id=brand_id).exists():
        raise NotFound("brand", field=("brandId",))
    secret = new_signing_secret()
    async with transaction() as tx:
        key = f"bk_{secrets.token_urlsafe(12)}"
        rows = await tx.fetch(_INSERT_KEY, brand_id, key, box.encrypt(secret), scope.now())
        key_id = int(rows[0]["id"])
        await record(
            scope, tx, "brand_key.created", Subject("brand_key", key_id), brand_id=brand_id
        )
    return await scope.query(BrandKey).get(id=key_id), secret


@requires(Permission.MANAGE_BRAND_KEYS)
async def expire_brand_key(scope: Scope, key_id: int, grace: timedelta) -> BrandKey:
    """End a key after a grace in which the brand moves to another one. Raises NotFound."""
    found = await scope.query(BrandKey).get_or_none(id=key_id)
    if found is None:
        raise NotFound("key", field=("keyId",))
    if not timedelta(0) <= grace <= timedelta(days=90):
        raise Invalid("the grace is 0 to 90 days", field=("graceHours",))
    async with transaction() as tx:
        await tx.fetch(_EXPIRE_KEY, key_id, scope.now() + grace)
        subject = Subject("brand_key", key_id)
        await record(scope, tx, "brand_key.expired", subject, brand_id=found.brand_id)
    return await scope.query(BrandKey).get(id=key_id)
