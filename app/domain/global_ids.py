"""Ids as clients of GraphQL see them: typed and opaque (G20). The other doors take and give the same ones."""

from __future__ import annotations

import base64
import binascii


def encode(type_name: str, row_id: int) -> str:
    """The opaque id of a row."""
    return base64.urlsafe_b64encode(f"{type_name}:{row_id}".encode()).decode().rstrip("=")


def split(value: str) -> tuple[str, int] | None:
    """The type name and the row id; None for anything that is no id of ours."""
    try:
        padded = value + "=" * (-len(value) % 4)
        name, _, number = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    if not number.isdecimal() or len(number) > 18 or str(int(number)) != number:
        return None
    return name, int(number)
