"""Operations made from a schema, so that the tests cover fields that are added later as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.schema import admin, partner
from app.schema.assemble import root_fields
from app.schema.execution.analysis import field_metadata
from app.schema.fields import ACCESS, PAGED, Requirement
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

SCHEMAS: Mapping[str, GraphQLSchema] = {
    "partner": partner.schema._schema,
    "admin": admin.schema._schema,
}

SCALARS: Mapping[str, Any] = {
    "String": "some text",
    "ID": "bm90aGluZzox",
    "Int": 1,
    "Float": 1.5,
    "Boolean": False,
    "Decimal": "1.25",
    "DateTime": "2026-03-01T09:30:00Z",
    "Date": "2026-03-01",
    "Count": 1,
    "CurrencyCode": "EUR",
    "CountryCode": "RO",
    "URL": "https://tracker.example/p",
    "Cursor": "a cursor",
    "JSON": {},
}


@dataclass(frozen=True, slots=True)
class RootField:
    """A field of Query, Mutation or Subscription."""

    schema: str
    # query, mutation or subscription
    kind: str
    name: str
    definition: GraphQLField

    @property
    def requirement(self) -> Requirement:
        """Who may use it."""
        found: Requirement = field_metadata(self.definition)[ACCESS]
        return found

    @property
    def is_list(self) -> bool:
        """Whether it is a connection."""
        return bool(field_metadata(self.definition).get(PAGED))

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def all_root_fields() -> list[RootField]:
    """Every root field of both schemas."""
    return [
        RootField(name, root.lower(), field, definition)
        for name, schema in SCHEMAS.items()
        for root, field, definition in root_fields(schema)
    ]


def all_lists() -> list[RootField]:
    """Every connection at the root of both schemas."""
    return [field for field in all_root_fields() if field.is_list]


@dataclass(frozen=True, slots=True)
class Operation:
    """A document with its variables."""

    text: str
    variables: dict[str, Any]


def operation(
    field: RootField, arguments: Mapping[str, Any] | None = None, selection: str | None = None
) -> Operation:
    """The field with its required arguments, or with the given ones besides; `__typename` of what it returns."""
    values = {
        name: minimal(argument.type)
        for name, argument in field.definition.args.items()
        if is_required_argument(argument)
    } | dict(arguments or {})
    declared = ", ".join(f"${name}: {field.definition.args[name].type}" for name in values)
    passed = ", ".join(f"{name}: ${name}" for name in values)
    if selection is None:
        leaf = is_leaf_type(get_named_type(field.definition.type))
        selection = "" if leaf else "{ __typename }"
    head = f"{field.kind}({declared})" if declared else field.kind
    return Operation(
        f"{head} {{ {field.name}{f'({passed})' if passed else ''} {selection} }}", values
    )


def minimal(type_: Any, scalars: Mapping[str, Any] = SCALARS) -> Any:
    """A valid value of an input type, with nothing that may be left out."""
    if isinstance(type_, GraphQLNonNull):
        return minimal(type_.of_type, scalars)
    if isinstance(type_, GraphQLList):
        return [minimal(type_.of_type, scalars)]
    if isinstance(type_, GraphQLInputObjectType):
        return {
            name: minimal(field.type, scalars)
            for name, field in type_.fields.items()
            if is_required_input_field(field)
        }
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    return scalars[str(type_)]


Path = tuple[str, ...]


def input_paths(field: RootField, wanted: Callable[[Any], bool]) -> Iterator[Path]:
    """The paths of a field's arguments and input fields whose named type is wanted."""
    for name, argument in field.definition.args.items():
        yield from _below((name,), argument, wanted, ())


def _below(
    path: Path,
    definition: GraphQLArgument | GraphQLInputField,
    wanted: Callable[[Any], bool],
    above: tuple[str, ...],
) -> Iterator[Path]:
    named = get_named_type(definition.type)
    if wanted(named):
        yield path
    if isinstance(named, GraphQLInputObjectType) and named.name not in above:
        for name, field in named.fields.items():
            yield from _below((*path, name), field, wanted, (*above, named.name))


def input_type(field: RootField, path: Path) -> GraphQLInputType:
    """The type of the argument or input field at a path."""
    type_: GraphQLInputType = field.definition.args[path[0]].type
    for name in path[1:]:
        named = get_named_type(type_)
        assert isinstance(named, GraphQLInputObjectType)
        type_ = named.fields[name].type
    return type_


def with_value(field: RootField, path: Path, value: Any, base: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments `base` with a value put at a path; lists on the way get one item."""
    arguments = {name: _copy(item) for name, item in base.items()}
    types = [input_type(field, path[: place + 1]) for place in range(len(path))]
    inside = value
    if _is_list(types[-1]):
        inside = [value]
    holder: dict[str, Any] = arguments
    for name, type_ in zip(path[:-1], types[:-1], strict=True):
        present = holder.get(name)
        if isinstance(present, list):
            present = present[0] if present else None
        below = present if isinstance(present, dict) else minimal(get_named_type(type_))
        holder[name] = [below] if _is_list(type_) else below
        holder = below
    holder[path[-1]] = inside
    return arguments


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _is_list(type_: GraphQLInputType) -> bool:
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    return isinstance(type_, GraphQLList)


def whole_selection(type_: Any, depth: int) -> str:
    """Every field of a type that needs no argument; objects below, down to a depth."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    parts = ["__typename"]
    for name, field in named.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(get_named_type(field.type)):
            parts.append(name)
        elif depth > 0:
            parts.append(f"{name} {whole_selection(field.type, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def output_types(schema: GraphQLSchema) -> Iterator[GraphQLObjectType | GraphQLInterfaceType]:
    """The object types and interfaces of a schema, without those of GraphQL itself."""
    for name, type_ in schema.type_map.items():
        if not name.startswith("__") and isinstance(
            type_, GraphQLObjectType | GraphQLInterfaceType
        ):
            yield type_
