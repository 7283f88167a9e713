"""Intake keys: from a signed request to the scope of a brand (W3)."""

from __future__ import annotations

from datetime import timedelta

from app.domain.errors import Unauthenticated
from app.domain.scope import Scope
from app.infra.clock import Clock
from app.infra.crypto import SecretBox, equal, sign_sha512
from app.infra.database import fetch

_FIND_KEY = """
SELECT k.brand_id, k.secret, b.clock_offset
FROM brand_keys k JOIN brands b ON b.id = k.brand_id
WHERE k.key = $1 AND (k.expires_at IS NULL OR k.expires_at > $2)
"""
# Compared when the key is unknown, so that both refusals take the same steps.
_ABSENT = "no brand has this secret"


async def authenticate_brand(
    clock: Clock,
    request_id: str,
    ip: str | None,
    *,
    key: str | None,
    signature: str | None,
    body: bytes,
    box: SecretBox,
) -> Scope:
    """The scope of the brand that signed the body: lower-case hex HMAC-SHA512 under its secret.

    Raises Unauthenticated, with the same words for an unknown key and a wrong signature.
    """
    if not key or not signature:
        raise Unauthenticated(
            "sign the request: send X-Authorization-Key, and X-Authorization-Sign with the "
            "lower-case hex HMAC-SHA512 of the body"
        )
    rows = await fetch(_FIND_KEY, key, clock.now())
    secret = box.decrypt(rows[0]["secret"]) if rows else _ABSENT
    matched = equal(sign_sha512(secret, body), signature)
    if not rows or not matched:
        raise Unauthenticated("the key is unknown or the signature does not match the body")
    offset = timedelta(microseconds=rows[0]["clock_offset"])
    return Scope.brand(rows[0]["brand_id"], clock, request_id, offset=offset, ip=ip)
