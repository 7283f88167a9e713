"""The variables of a request, before anything reads them: few enough, and of whole characters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.schema.errors import refusal
from app.schema.execution.analysis import too_much

# Every list item and input field counts. What it bounds is the work of checking them one by one.
MOST_VALUES = 10_000


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables with too many values, or with a text that no database and no answer can hold."""
    pending: list[Any] = [variables]
    values = 0
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            if not is_whole(value):
                raise broken_text("the variables")
            continue
        if isinstance(value, Mapping):
            for key in value:
                if not is_whole(key):
                    raise broken_text("the variables")
            below: Collection[Any] = value.values()
        elif isinstance(value, list):
            below = value
        else:
            continue
        values += len(below)
        if values > MOST_VALUES:
            raise too_much("variable_values", values, MOST_VALUES)
        pending.extend(below)


def is_whole(text: str) -> bool:
    """Whether a text has neither a NUL character nor half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def broken_text(where: str) -> Exception:
    """The refusal of a text that is not whole."""
    message = f"a text in {where} holds a NUL character or half of a surrogate pair: leave it out"
    return refusal("BAD_REQUEST", message)
