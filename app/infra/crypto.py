"""Secrets: passwords, tokens, encryption at rest and signatures.

Passwords are argon2id; tokens are random and stored as SHA-256; what must be read again (TOTP secrets, brand
secrets) is encrypted with a key derived from `TRIBUTARY_SECRET_KEYS`: the first key writes, every key reads.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_passwords = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified when no account exists, so that an unknown e-mail costs the same as a wrong password (A61).
_NOBODY = _passwords.hash(secrets.token_urlsafe(16))


class DecryptionError(Exception):
    """No configured key can read the value: a key was removed from TRIBUTARY_SECRET_KEYS too early."""


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its own salt."""
    return _passwords.hash(_bytes(password))


def verify_password(password: str, stored: str | None) -> bool:
    """True when the password is right. Does the same work when there is no stored hash."""
    try:
        matched = _passwords.verify(stored or _NOBODY, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return matched and stored is not None


def new_token() -> str:
    """A random token of 256 bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def new_signing_secret() -> str:
    """A random secret of 256 bits in the form of Standard Webhooks: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def hash_token(token: str) -> str:
    """What is stored of a token, in hex. Tokens are random, so a plain SHA-256 is enough."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def sign_sha512(secret: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA512: the intake signature of W3."""
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def sign_sha256(key: bytes, content: bytes) -> bytes:
    """HMAC-SHA256: the signature of Standard Webhooks (W3, W5)."""
    return hmac.new(key, content, hashlib.sha256).digest()


def equal(left: str, right: str) -> bool:
    """Compare two strings in constant time."""
    return hmac.compare_digest(_bytes(left), _bytes(right))


def _bytes(text: str) -> bytes:
    # What clients send as JSON may hold lone surrogates, which plain UTF-8 refuses.
    return text.encode("utf-8", "surrogatepass")


class SecretBox:
    """Encrypts values at rest. The first key encrypts, all of them decrypt, so that keys can rotate."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        if not keys:
            raise ValueError("at least one secret key is needed")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])
        self._digest_keys = [_derive(key, b"tributary digests") for key in keys]
        # Of visitors' fingerprints (M04), the same in every process. A new first key makes a new one.
        self.fingerprint_key = _derive(keys[0], b"tributary visitor fingerprints")

    def encrypt(self, text: str) -> bytes:
        """Encrypt and authenticate a text under the first key."""
        return self._fernet.encrypt(text.encode())

    def reencrypt(self, data: bytes) -> bytes:
        """The same secret under the first key; raises DecryptionError when no key can read it."""
        try:
            return self._fernet.rotate(data)
        except InvalidToken:
            raise DecryptionError("no key of TRIBUTARY_SECRET_KEYS can read this value") from None

    def digests(self, text: str) -> list[str]:
        """Keyed hashes by which a text is found without being stored: the first is written, any may match."""
        return [
            hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
            for key in self._digest_keys
        ]

    def link_token(self, link_id: int, nonce: str) -> str:
        """The token of a mailed link, derived from its row: nothing secret is stored (A60, A61)."""
        return f"{link_id}.{_link_signature(self._digest_keys[0], link_id, nonce)}"

    def is_link_token(self, token: str, link_id: int, nonce: str) -> bool:
        """True when the token belongs to the row, under any of the keys; compared in constant time."""
        return True in [
            equal(token, f"{link_id}.{_link_signature(key, link_id, nonce)}")
            for key in self._digest_keys
        ]

    def session_tokens(self, client: str, generation: int) -> list[str]:
        """The tokens of a network session's generation: the first is given out, any is accepted (N03)."""
        return [
            hmac.new(key, f"session {client} {generation}".encode(), hashlib.sha256).hexdigest()
            for key in self._digest_keys
        ]

    def decrypt(self, data: bytes) -> str:
        """The text again; raises DecryptionError when no key fits or the data was changed."""
        try:
            return self._fernet.decrypt(data).decode()
        except InvalidToken:
            raise DecryptionError("no key of TRIBUTARY_SECRET_KEYS can read this value") from None


class CursorSigner:
    """Signs what a client must hand back unchanged. Any configured key verifies, so that keys can rotate."""

    _SIGNATURE = 16

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = [hashlib.sha256(f"cursor {key}".encode()).digest() for key in keys]

    def sign(self, payload: bytes) -> str:
        """The payload with its signature, as URL-safe text."""
        signature = hmac.new(self._keys[0], payload, hashlib.sha256).digest()[: self._SIGNATURE]
        return base64.urlsafe_b64encode(signature + payload).decode().rstrip("=")

    def verify(self, text: str) -> bytes | None:
        """The payload again; None when it was not signed by us."""
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        signature, payload = data[: self._SIGNATURE], data[self._SIGNATURE :]
        for key in self._keys:
            wanted = hmac.new(key, payload, hashlib.sha256).digest()[: self._SIGNATURE]
            if hmac.compare_digest(wanted, signature):
                return payload
        return None


class SubjectKey:
    """The key of one person's data (A6A)."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._fernet = Fernet(key.encode())

    @classmethod
    def new(cls) -> SubjectKey:
        """A fresh key."""
        return cls(Fernet.generate_key().decode())

    def seal(self, data: bytes) -> bytes:
        """Encrypt a person's data."""
        return self._fernet.encrypt(data)

    def unseal(self, data: bytes) -> bytes:
        """The data again; raises DecryptionError when it is not under this key."""
        try:
            return self._fernet.decrypt(data)
        except InvalidToken:
            raise DecryptionError("the data is not under this person's key") from None


def _link_signature(key: bytes, link_id: int, nonce: str) -> str:
    digest = hmac.new(key, f"link {link_id} {nonce}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _derive(key: str, info: bytes = b"tributary secret box") -> bytes:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
