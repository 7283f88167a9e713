"""Terms from JSON and to JSON: strict, with every mistake at its path; what was read is written again unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from app.domain.errors import Invalid
from app.domain.plans.checks import check_terms
from app.domain.plans.rules import Currency, WrongValue, shown
from app.domain.plans.terms import Terms

Path = tuple[str, ...]


class InvalidTerms(Invalid):
    """Terms that cannot be executed: every mistake, with the path of its key."""

    def __init__(self, mistakes: Sequence[tuple[Path, str]]) -> None:
        first = mistakes[0]
        more = f" (and {len(mistakes) - 1} more mistakes)" if len(mistakes) > 1 else ""
        super().__init__(f"{'.'.join(first[0])}: {first[1]}{more}", field=("terms", *first[0]))
        self.mistakes = tuple(mistakes)


def read_terms(document: Any) -> Terms:
    """The terms of a JSON document. Raises InvalidTerms with all its mistakes, never with the first alone.

    What belongs together (a reward's kind and its keys, say) is checked once every single value is right.
    """
    currency = document.get("currency") if isinstance(document, Mapping) else None
    reader = _Reader(currency if _is_currency(currency) else None)
    terms = reader.read(Terms, {}, document, ())
    mistakes = reader.mistakes or list(check_terms(terms))
    if mistakes:
        raise InvalidTerms(mistakes)
    read: Terms = terms
    return read


def write_terms(terms: Terms) -> dict[str, Any]:
    """The JSON of terms, keys in the order of the model: what is None or empty is left out."""
    written: dict[str, Any] = _write(terms)
    return written


def _is_currency(value: Any) -> bool:
    try:
        Currency().read(value, None)
    except WrongValue:
        return False
    return True


# Stands for a value that is wrong, until all mistakes are found.
_WRONG: Any = object()


@dataclass(slots=True)
class _Reader:
    """Reads values by the types and rules of the model, and collects what is wrong."""

    currency: str | None
    mistakes: list[tuple[Path, str]] = field(default_factory=list)

    def read(self, kind: Any, rules: Mapping[str, Any], value: Any, path: Path) -> Any:
        """The value as the model holds it; _WRONG, with a mistake noted, when it is none."""
        if isinstance(kind, UnionType):
            kind = next(part for part in get_args(kind) if part is not type(None))
        if get_origin(kind) is tuple:
            return self._list(get_args(kind)[0], rules, value, path)
        if is_dataclass(kind) and isinstance(kind, type):
            return self._object(kind, value, path)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return self._choice(kind, value, path)
        try:
            return rules["rule"].read(value, self.currency)
        except WrongValue as mistake:
            return self._wrong(path, str(mistake))

    def _wrong(self, path: Path, message: str) -> Any:
        self.mistakes.append((path, message))
        return _WRONG

    def _choice(self, kind: type[StrEnum], value: Any, path: Path) -> Any:
        if isinstance(value, str) and value in list(kind):
            return kind(value)
        choices = ", ".join(member.value for member in kind)
        return self._wrong(path, f"{shown(value)} is no choice: send one of {choices}")

    def _list(self, kind: Any, rules: Mapping[str, Any], value: Any, path: Path) -> Any:
        least, most = rules["least"], rules["most"]
        if not isinstance(value, list):
            return self._wrong(path, f"{shown(value)} is no list: send {least} to {most} items")
        if not least <= len(value) <= most:
            return self._wrong(path, f"there are {len(value)} items: send {least} to {most}")
        items = [
            self.read(kind, rules, item, (*path, str(place))) for place, item in enumerate(value)
        ]
        return tuple(items)

    def _object(self, kind: Any, value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._wrong(path, f"{shown(value)} is no object: send one with its keys")
        known, hints = {item.name: item for item in fields(kind)}, _hints(kind)
        found: dict[str, Any] = {}
        for name in value:
            if name not in known:
                allowed = ", ".join(known)
                self._wrong((*path, str(name)[:40]), f"there is no such key: use {allowed}")
        for name, item in known.items():
            if name in value:
                found[name] = self.read(hints[name], item.metadata, value[name], (*path, name))
            elif _is_required(item):
                self._wrong((*path, name), "it is missing: send it")
        complete = all(item is not _WRONG for item in found.values()) and not self.mistakes
        return kind(**found) if complete else _WRONG


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


@lru_cache(maxsize=64)
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _write(value: Any) -> Any:
    if is_dataclass(value):
        return dict(_written(value))
    if isinstance(value, tuple):
        return [_write(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    # The digits as they were given: 50.00 stays 50.00.
    return f"{value:f}" if isinstance(value, Decimal) else value


def _written(value: Any) -> Iterator[tuple[str, Any]]:
    for item in fields(value):
        inside = getattr(value, item.name)
        if inside is not None and inside != ():
            yield item.name, _write(inside)
