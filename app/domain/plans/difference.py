"""What two documents of terms differ in: a list of paths with the values before and after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.plans.reading import write_terms
from app.domain.plans.terms import Terms
from app.infra.encoding import dumps_text


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. The values are as in the JSON, larger ones as JSON text; None: it is not there."""

    path: str
    before: str | None
    after: str | None


def difference(before: Terms, after: Terms) -> list[Change]:
    """The differences in the order of the terms. Rewards are compared by their keys, whatever their places."""
    return list(_compare("", _keyed(before), _keyed(after)))


def _keyed(terms: Terms) -> dict[str, Any]:
    """The JSON of terms, with rewards by key, so that one more does not change all that follow."""
    document = write_terms(terms)
    rewards = {
        reward["key"]: {name: value for name, value in reward.items() if name != "key"}
        for reward in document["rewards"]
    }
    return {**document, "rewards": rewards}


def _compare(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _compare(_join(path, name), before.get(name), after.get(name))
    elif _is_list_of_objects(before) and _is_list_of_objects(after):
        for place in range(max(len(before), len(after))):
            yield from _compare(_join(path, str(place)), _at(before, place), _at(after, place))
    else:
        yield Change(path, _shown(before), _shown(after))


def _is_list_of_objects(value: Any) -> bool:
    """Tiers, levels and caps are compared one by one; countries as a whole."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def _shown(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else dumps_text(value)
