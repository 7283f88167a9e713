"""Dynamic tags: the custom parameters of a tracking link, kept with the visit (A11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

MOST_TAGS = 30
LONGEST_NAME = 64
LONGEST_VALUE = 1_000

# What a replaced byte or character becomes.
_REPLACED = "\ufffd"
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BAD_ESCAPE_KEPT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# PostgreSQL keeps no NUL in text, and control characters would end up in partners' URLs and files.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Tags(NamedTuple):
    """The tags by name; `corrupted` says that something was cut, replaced or left out."""

    values: dict[str, str]
    corrupted: bool


def pairs_of(query: bytes) -> list[bytes]:
    """The parameters of a raw query string. Links that were copied out of HTML have `&amp;` between them."""
    return (query.replace(b"&amp;", b"&") if b"&amp;" in query else query).split(b"&")


def parse_tags(query: bytes) -> Tags:
    """Read the tags of a raw query string. Never fails: what cannot be kept as it is gets cut or replaced.

    Limits: MOST_TAGS tags, LONGEST_NAME and LONGEST_VALUE characters. Of a repeated name the first value is kept.
    """
    values: dict[str, str] = {}
    corrupted = False
    for pair in pairs_of(query):
        raw_name, _, raw_value = pair.partition(b"=")
        name, bad_name = _name(raw_name)
        if not name:
            continue
        value, bad_value = _decode(raw_value, LONGEST_VALUE)
        if len(values) >= MOST_TAGS and name not in values:
            return Tags(values, corrupted=True)
        values.setdefault(name, value)
        corrupted = corrupted or bad_name or bad_value
    return Tags(values, corrupted)


def broken_tags(values: Mapping[str, str]) -> frozenset[str]:
    """Of a visit that is marked as corrupted: the names of the tags that are, as far as what was kept tells."""
    broken = {
        name
        for name, value in values.items()
        if _looks_broken(name, LONGEST_NAME) or _looks_broken(value, LONGEST_VALUE)
    }
    if not broken and len(values) < MOST_TAGS:
        # A bad escape may look like a good one once the others are decoded: `%%32F` is kept as `%2F`.
        broken = {name for name, value in values.items() if "%" in name or "%" in value}
    return frozenset(broken)


def _looks_broken(kept: str, longest: int) -> bool:
    return len(kept) >= longest or _REPLACED in kept or bool(_BAD_ESCAPE_KEPT.search(kept))


def _name(raw: bytes) -> tuple[str, bool]:
    if len(raw) <= LONGEST_NAME and raw.isalnum():
        return raw.decode("ascii"), False
    # A question mark too many, as in `??clickID=42`, is not part of the name.
    return _decode(raw.lstrip(b"?"), LONGEST_NAME)


def _decode(raw: bytes, longest: int) -> tuple[str, bool]:
    if len(raw) <= longest and raw.isalnum():
        # Most of them: nothing to decode, replace or cut.
        return raw.decode("ascii"), False
    bad = _BAD_ESCAPE.search(raw) is not None
    data = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text, bad = data.decode("utf-8", "replace"), True
    clean = _CONTROL.sub(_REPLACED, text)
    return clean[:longest], bad or clean != text or len(clean) > longest
