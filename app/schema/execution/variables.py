"""The variables of a request, before anything reads them: few enough, of whole characters, and of their types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.infra.encoding import dumps_text
from app.schema.errors import refusal
from app.schema.execution.analysis import too_much
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_required_input_field,
    type_from_ast,
)

# Every list item and input field counts. What it bounds is the work of checking them one by one.
MOST_VALUES = 10_000
_MOST_PROBLEMS = 10
_LONGEST_NAME = 60


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


def check_types(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> None:
    """Refuse values that their types do not take, in JSON's words: which variable, where in it, and what is wanted.

    graphql-core checks them again before it runs the operation, but tells it in Python's words.
    """
    found = list(islice(_problems(schema, operation, variables), _MOST_PROBLEMS))
    if found:
        first = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise refusal(
            "INVALID_REQUEST",
            f"variable ${first.variable}{first.place}: {first.message}{more}",
            problems=[
                {"variable": item.variable, "path": list(item.path), "message": item.message}
                for item in found
            ],
        )


@dataclass(frozen=True, slots=True)
class _Problem:
    variable: str
    path: tuple[str | int, ...]
    message: str

    @property
    def place(self) -> str:
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)


_BUILT_IN = {
    "Int": "a whole number of at most 32 bits",
    "Float": "a number",
    "String": "a string",
    "Boolean": "true or false",
    "ID": "a string",
}


def _problems(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Iterator[_Problem]:
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        type_ = type_from_ast(schema, definition.type)
        if type_ is None or (name not in variables and definition.default_value is not None):
            continue
        if name not in variables and not isinstance(type_, GraphQLNonNull):
            continue
        for path, message in _below(type_, variables.get(name), ()):
            yield _Problem(name, path, message)


_Found = tuple[tuple[str | int, ...], str]


def _below(type_: Any, value: Any, path: tuple[str | int, ...]) -> Iterator[_Found]:
    if isinstance(type_, GraphQLNonNull):
        if value is None:
            yield path, f"{type_} must not be null or left out"
        else:
            yield from _below(type_.of_type, value, path)
    elif value is None:
        return
    elif isinstance(type_, GraphQLList):
        # One value stands for a list of one.
        items = value if isinstance(value, list) else [value]
        for place, item in enumerate(items):
            yield from _below(type_.of_type, item, (*path, place) if items is value else path)
    elif isinstance(type_, GraphQLInputObjectType):
        yield from _fields(type_, value, path)
    elif isinstance(type_, GraphQLEnumType):
        if not isinstance(value, str) or value not in type_.values:
            yield path, f"{type_} has no such value"
    elif isinstance(type_, GraphQLScalarType):
        wanted = _refused(type_, value)
        if wanted:
            yield path, wanted


def _fields(
    type_: GraphQLInputObjectType, value: Any, path: tuple[str | int, ...]
) -> Iterator[_Found]:
    if not isinstance(value, dict):
        yield path, f"{type_} is an object"
        return
    for name, field in type_.fields.items():
        if name in value:
            yield from _below(field.type, value[name], (*path, name))
        elif is_required_input_field(field):
            yield (*path, name), f"{field.type} must not be null or left out"
    for name in value:
        if name not in type_.fields:
            yield path, f"{type_} has no such field as {_shown(name)}"


def _refused(type_: GraphQLScalarType, value: Any) -> str | None:
    try:
        type_.parse_value(value)
    except (GraphQLError, ValueError, TypeError) as error:
        return f"{type_} is {_BUILT_IN[type_.name]}" if type_.name in _BUILT_IN else str(error)
    return None


def _shown(name: str) -> str:
    return dumps_text(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…")
