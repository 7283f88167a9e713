"""Postback URL templates: `${name}` in a URL becomes a value of the event or a tag of the visit (A14–A16). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

LONGEST_TEMPLATE = 4_000
# What stands between the braces may be any parameter's name, but nothing that ends a pair or begins another variable.
VARIABLE = re.compile(r"\$\{([^{}$&=?#/\s]+)\}")


class Unresolved(StrEnum):
    """What becomes of a variable without a value (A15)."""

    # The whole `key=${name}` is left out; outside the query the variable becomes empty.
    DROP = "drop"
    EMPTY = "empty"
    # `${name}` stays as it is.
    LITERAL = "literal"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A part that is kept or left out as a whole: texts and names in turn, beginning and ending with a text."""

    texts: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read once and is filled in many times."""

    url: str
    head: _Pair
    has_query: bool
    pairs: tuple[_Pair, ...]
    tail: _Pair

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable, in the order of the URL, each once."""
        parts = (self.head, *self.pairs, self.tail)
        return tuple(dict.fromkeys(name for part in parts for name in part.names))


@lru_cache(maxsize=4096)
def read_template(url: str) -> Template:
    """Take a template apart. Never fails: what is no variable is text."""
    rest, hash_mark, fragment = url.partition("#")
    head, mark, query = rest.partition("?")
    pairs = tuple(_pair(pair) for pair in query.split("&")) if mark else ()
    return Template(url, _pair(head), bool(mark), pairs, _pair(hash_mark + fragment))


def _pair(text: str) -> _Pair:
    pieces = VARIABLE.split(text)
    return _Pair(tuple(pieces[::2]), tuple(pieces[1::2]))


def render(
    template: str, values: Mapping[str, str], unresolved: Unresolved = Unresolved.DROP
) -> str:
    """The URL with every variable replaced and URL-encoded.

    A query pair with a variable that has no value is left out, unless `unresolved` says otherwise (A15).
    """
    parsed = read_template(template)
    head = _fill(parsed.head, values, unresolved)
    tail = _fill(parsed.tail, values, unresolved)
    if not parsed.has_query:
        return head + tail
    kept = [
        _fill(pair, values, unresolved)
        for pair in parsed.pairs
        if unresolved is not Unresolved.DROP or all(name in values for name in pair.names)
    ]
    return f"{head}?{'&'.join(kept)}{tail}"


def as_sent(url: str) -> str:
    """What of a filled-in URL reaches a tracker: nothing from a `#` on."""
    return url.partition("#")[0]


def _fill(part: _Pair, values: Mapping[str, str], unresolved: Unresolved) -> str:
    if not part.names:
        return part.texts[0]
    pieces = [part.texts[0]]
    for name, text in zip(part.names, part.texts[1:], strict=True):
        value = values.get(name)
        if value is not None:
            pieces.append(quote(value, safe=""))
        elif unresolved is Unresolved.LITERAL:
            pieces.append(f"${{{name}}}")
        pieces.append(text)
    return "".join(pieces)
