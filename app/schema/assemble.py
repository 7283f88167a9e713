"""Building a schema, and refusing to build one whose root fields do not declare who may use them (G12, G25)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import strawberry

from app.schema.execution.analysis import field_metadata
from app.schema.fields import ACCESS
from app.schema.scalars import schema_config
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)


class SchemaMistake(Exception):
    """The schema breaks one of our own rules; the text names each place."""


def assemble(
    query: type, mutation: type, subscription: type, types: tuple[type, ...]
) -> strawberry.Schema:
    """A schema of these roots. Raises SchemaMistake naming every field without access or description."""
    schema = strawberry.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=types,
        config=schema_config(),
    )
    mistakes = [*undeclared(schema._schema), *undescribed(schema._schema)]
    if mistakes:
        raise SchemaMistake("\n".join(mistakes))
    return schema


def root_fields(schema: GraphQLSchema) -> Iterator[tuple[str, str, Any]]:
    """Every root field: (root type, name, definition)."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        if root is not None:
            for name, definition in root.fields.items():
                yield root.name, name, definition


def undeclared(schema: GraphQLSchema) -> list[str]:
    """Root fields that do not say who may use them."""
    return [
        f"{root}.{name} declares no access: use app.schema.fields.query, mutation or subscription"
        for root, name, definition in root_fields(schema)
        if ACCESS not in field_metadata(definition)
    ]


def undescribed(schema: GraphQLSchema) -> list[str]:
    """Types, fields, arguments and enum values without a description."""
    missing = []
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if not type_.description:
            missing.append(f"{name} has no description")
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in type_.fields.items():
                if not field.description:
                    missing.append(f"{name}.{field_name} has no description")
                missing += [
                    f"{name}.{field_name}({argument_name}) has no description"
                    for argument_name, argument in field.args.items()
                    if not argument.description and argument_name != "input"
                ]
        elif isinstance(type_, GraphQLInputObjectType):
            missing += [
                f"{name}.{key} has no description"
                for key, item in type_.fields.items()
                if not item.description
            ]
        elif isinstance(type_, GraphQLEnumType):
            missing += [
                f"{name}.{key} has no description"
                for key, item in type_.values.items()
                if not item.description
            ]
    return [line for line in missing if line.split(" ")[0] not in _BUILT_IN]


_BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}
