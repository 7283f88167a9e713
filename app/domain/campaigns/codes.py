"""Promo codes: the paths of tracking links."""

from __future__ import annotations

import secrets

# No letters or digits that are read as one another; 31^9 codes, so that nobody finds one by guessing.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
LENGTH = 9

# First path segments of this server's own routes: no code may be one of them. A test compares it with the routes.
RESERVED = frozenset(
    {
        "account",
        "admin",
        "api",
        "banners",
        "events",
        "favicon.ico",
        "files",
        "graphiql-assets",
        "health",
        "inbox",
        "metrics",
        "partner",
        "robots.txt",
        "tracker",
        "users",
    }
)


def random_code() -> str:
    """A new promo code that is not reserved."""
    while (code := "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))) in RESERVED:
        continue
    return code
