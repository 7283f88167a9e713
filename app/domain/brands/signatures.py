"""Intake signatures: what a brand's platform proves with its secret before anything of a request is read (W3)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.domain.errors import Unauthenticated
from app.infra.crypto import equal, sign_sha256, sign_sha512

# How far the clocks of a brand and of this server may differ.
TOLERANCE = timedelta(minutes=5)
# Secrets of this form are keys in base64, as the libraries of Standard Webhooks read them.
SECRET_PREFIX = "whsec_"  # noqa: S105
_LONGEST_ID = 256
_MOST_SIGNATURES = 16
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,10}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")

UNSIGNED = (
    "sign the request: send X-Authorization-Key, and either webhook-id, webhook-timestamp and webhook-signature "
    "(Standard Webhooks), or X-Authorization-Sign with the lower-case hex HMAC-SHA512 of the body"
)
UNMATCHED = "the key is unknown or the signature does not match the body"


@dataclass(frozen=True, slots=True)
class SignatureHeaders:
    """The headers that sign a request, as they were sent; None: absent."""

    key: str | None
    # X-Authorization-Sign
    sha512: str | None = None
    # Standard Webhooks
    webhook_id: str | None = None
    webhook_timestamp: str | None = None
    webhook_signature: str | None = None

    @property
    def standard(self) -> bool:
        """True when any header of Standard Webhooks is there: then all must be, and the other is not looked at."""
        return any((self.webhook_id, self.webhook_timestamp, self.webhook_signature))


@dataclass(frozen=True, slots=True)
class Signed:
    """When a request says it was signed, and its id: together they are taken once."""

    webhook_id: str
    at: datetime


def read_signed(headers: SignatureHeaders) -> Signed | None:
    """The id and time of a Standard Webhooks request; None when it is signed in the other way.

    Raises Unauthenticated when it is not signed at all, or a part of its headers is missing or badly written.
    """
    if not headers.key or not (headers.standard or headers.sha512):
        raise Unauthenticated(UNSIGNED)
    if not headers.standard:
        return None
    webhook_id, timestamp = headers.webhook_id or "", headers.webhook_timestamp or ""
    if not _VISIBLE.fullmatch(webhook_id) or len(webhook_id) > _LONGEST_ID:
        raise Unauthenticated(
            f"webhook-id is missing, longer than {_LONGEST_ID} characters or not visible ASCII: "
            "send an id of your own for the request"
        )
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Unauthenticated("webhook-timestamp is missing or not a Unix time in whole seconds")
    if not headers.webhook_signature:
        raise Unauthenticated(
            "webhook-signature is missing: send v1, a comma and the base64 HMAC-SHA256 of "
            "webhook-id.webhook-timestamp.body"
        )
    return Signed(webhook_id, datetime.fromtimestamp(int(timestamp), UTC))


def is_signed_with(secret: str, headers: SignatureHeaders, body: bytes) -> bool:
    """True when one of the signatures is that of the body under the secret; compared in constant time."""
    if not headers.standard:
        return equal(sign_sha512(secret, body), headers.sha512 or "")
    content = f"{headers.webhook_id}.{headers.webhook_timestamp}.".encode() + body
    wanted = "v1," + base64.b64encode(sign_sha256(signing_key(secret), content)).decode()
    given = (headers.webhook_signature or "").split()[:_MOST_SIGNATURES]
    return True in [equal(wanted, each) for each in given]


def signing_key(secret: str) -> bytes:
    """The bytes that key HMAC-SHA256: of a `whsec_` secret what its base64 says, of any other the secret itself."""
    if secret.startswith(SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def check_time(signed: Signed, now: datetime) -> None:
    """Raises Unauthenticated when the request was signed too long ago, or in the future."""
    minutes = int(TOLERANCE.total_seconds() // 60)
    if signed.at < now - TOLERANCE:
        raise Unauthenticated(
            f"webhook-timestamp is more than {minutes} minutes old: sign each attempt with the present time, "
            "and check the clock"
        )
    if signed.at > now + TOLERANCE:
        raise Unauthenticated(
            f"webhook-timestamp lies more than {minutes} minutes in the future: check the clock"
        )
