"""A probe that counts the work of argon2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from argon2 import PasswordHasher


@dataclass(slots=True)
class Argon2Work:
    """How often a password was verified and hashed."""

    verified: int = 0
    hashed: int = 0

    def take(self) -> tuple[int, int]:
        """(verified, hashed) since the last time."""
        found = (self.verified, self.hashed)
        self.verified = self.hashed = 0
        return found


@pytest.fixture
def argon2(monkeypatch: pytest.MonkeyPatch) -> Argon2Work:
    """Counts real verifications and hashes; nothing is replaced."""
    work = Argon2Work()
    verify, hash_ = PasswordHasher.verify, PasswordHasher.hash

    def counted_verify(self: PasswordHasher, *args: Any) -> Any:
        work.verified += 1
        return verify(self, *args)

    def counted_hash(self: PasswordHasher, *args: Any, **kwargs: Any) -> str:
        work.hashed += 1
        return hash_(self, *args, **kwargs)

    monkeypatch.setattr(PasswordHasher, "verify", counted_verify)
    monkeypatch.setattr(PasswordHasher, "hash", counted_hash)
    return work
