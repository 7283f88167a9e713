"""`Node` and `node(id)`: every object with an id can be fetched again by it (G20)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from app.domain.errors import NotFound
from app.domain.paging import Listing
from app.domain.scope import Scope
from app.models.base import TenantModel
from app.schema.context import context_of, scope_of
from app.schema.execution.analysis import field_metadata
from app.schema.fields import Access, query
from app.schema.ids import split_id
from graphql import GraphQLSchema


@strawberry.interface(description="An object with an id that is unique among all objects.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque: hand it back unchanged.")


_Id = Annotated[strawberry.ID, strawberry.argument(description="The id of any object.")]


# What a root field lists, in its metadata.
LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list has: its GraphQL type with `of(row)`, and the rows that exist for a scope."""

    type: Any
    rows: Callable[[Scope], Awaitable[Listing[Any]]]


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A type without a list that `node` can fetch: its model and its GraphQL type with `of(row)`."""

    model: type[TenantModel]
    type: Any


def node_field(kinds: tuple[NodeKind, ...]) -> Any:
    """The root field `node`: what the lists of the schema have, and further kinds.

    A row of a list is fetched through the same domain function as the list, so that its permission and what exists
    for the caller are the same.
    """
    by_name = {kind.type.__name__: kind for kind in kinds}

    async def node(info: Info[Any, Any], id: _Id) -> Node | None:
        parts = split_id(id)
        if parts is None:
            raise NotFound("object", field=("id",))
        name, row_id = parts
        row, type_ = None, None
        if listed := lists_by_type(info._raw_info.schema).get(name):
            type_ = listed.type
            row = await (await listed.rows(scope_of(info))).rows.filter(id=row_id).first()
        elif kind := by_name.get(name):
            type_ = kind.type
            row = await context_of(info).loaders.one(kind.model, row_id)
        if row is None or type_ is None:
            raise NotFound("object", field=("id",))
        found: Node = type_.of(row)
        return found

    resolver: Callable[..., Awaitable[Node | None]] = node
    description = (
        "Any object by its id. What does not exist for you is null, with the error NOT_FOUND."
    )
    return query(Access.SIGNED_IN, description)(resolver)


@lru_cache(maxsize=8)
def lists_by_type(schema: GraphQLSchema) -> Mapping[str, Listed]:
    """The lists at the root of a schema, by the name of the type that they list; the first one of each type."""
    found: dict[str, Listed] = {}
    for definition in schema.query_type.fields.values() if schema.query_type else ():
        listed = field_metadata(definition).get(LISTED)
        if listed is not None:
            found.setdefault(listed.type.__name__, listed)
    return found
