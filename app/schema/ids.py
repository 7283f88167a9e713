"""Ids as clients see them: typed and opaque (G20). Plain integers appear in the REST APIs only."""

from __future__ import annotations

import base64
import binascii

import strawberry

from app.domain.errors import NotFound


def encode_id(type_name: str, row_id: int) -> strawberry.ID:
    """The opaque id of a row."""
    return strawberry.ID(
        base64.urlsafe_b64encode(f"{type_name}:{row_id}".encode()).decode().rstrip("=")
    )


def split_id(value: str) -> tuple[str, int] | None:
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


def decode_id(type_name: str, value: str, field: str) -> int:
    """The row id again. Raises NotFound naming the field: a foreign, a wrong and a missing id look the same."""
    parts = split_id(value)
    if parts is None or parts[0] != type_name:
        raise NotFound(type_name.lower(), field=(field,))
    return parts[1]


def decode_optional_id(type_name: str, value: str | None, field: str) -> int | None:
    """`decode_id`, or None for none."""
    return None if value is None else decode_id(type_name, value, field)
