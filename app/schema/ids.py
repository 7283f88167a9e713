"""Ids as clients see them: typed and opaque (G20). Plain integers appear in the REST APIs only."""

from __future__ import annotations

import re

import strawberry

from app.domain import global_ids
from app.domain.errors import NotFound

_INNER_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def encode_id(type_name: str, row_id: int) -> strawberry.ID:
    """The opaque id of a row."""
    return strawberry.ID(global_ids.encode(type_name, row_id))


def split_id(value: str) -> tuple[str, int] | None:
    """The type name and the row id; None for anything that is no id of ours."""
    return global_ids.split(value)


def decode_id(type_name: str, value: str, field: str) -> int:
    """The row id again. Raises NotFound naming the field: a foreign, a wrong and a missing id look the same."""
    parts = split_id(value)
    if parts is None or parts[0] != type_name:
        raise NotFound(_words(type_name), field=(field,))
    return parts[1]


def decode_optional_id(type_name: str, value: str | None, field: str) -> int | None:
    """`decode_id`, or None for none."""
    return None if value is None else decode_id(type_name, value, field)


def _words(type_name: str) -> str:
    """`PostbackAttempt` as people say it."""
    return _INNER_CAPITAL.sub(" ", type_name).lower()
