"""What reading the schema costs: a small document can ask for every field of every type many times over (G10)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil

from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    get_introspection_query,
    parse,
)

# The cost of the introspection that GraphiQL and code generators send; others are charged in proportion.
WHOLE_SCHEMA_COST = 1_000

META_FIELDS: Mapping[str, GraphQLField] = {
    "__schema": SchemaMetaFieldDef,
    "__type": TypeMetaFieldDef,
}


@lru_cache(maxsize=1)
def standard_introspection() -> DocumentNode:
    """What GraphiQL and code generators send."""
    return parse(get_introspection_query())


@lru_cache(maxsize=8)
def list_sizes(schema: GraphQLSchema) -> Mapping[tuple[str, str], int]:
    """How many items a list of the introspection types has in this schema, on average, by type and field."""
    types = [type_ for type_ in schema.type_map.values() if not type_.name.startswith("__")]
    composite = [
        type_ for type_ in types if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
    ]
    fields = [field for type_ in composite for field in type_.fields.values()]
    inputs = [len(type_.fields) for type_ in types if isinstance(type_, GraphQLInputObjectType)]
    values = [len(type_.values) for type_ in types if isinstance(type_, GraphQLEnumType)]
    implementing = [len(type_.interfaces) for type_ in composite]
    possible = [_possible(schema, type_) for type_ in types]
    of_types = len(types) or 1
    return {
        ("__Schema", "types"): len(schema.type_map),
        ("__Schema", "directives"): len(schema.directives),
        ("__Type", "fields"): ceil(len(fields) / of_types),
        ("__Type", "interfaces"): ceil(sum(implementing) / of_types),
        ("__Type", "possibleTypes"): ceil(sum(possible) / of_types),
        ("__Type", "enumValues"): ceil(sum(values) / of_types),
        ("__Type", "inputFields"): ceil(sum(inputs) / of_types),
        ("__Field", "args"): ceil(sum(len(field.args) for field in fields) / (len(fields) or 1)),
        ("__Directive", "args"): 1,
        ("__Directive", "locations"): 3,
    }


def _possible(schema: GraphQLSchema, type_: GraphQLNamedType) -> int:
    return len(schema.get_possible_types(type_)) if isinstance(type_, GraphQLInterfaceType) else 0
