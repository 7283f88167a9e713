"""`Node` and `node(id)`: every object with an id can be fetched again by it (G20)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from app.domain.errors import NotFound
from app.models.base import TenantModel
from app.schema.context import context_of
from app.schema.fields import Access, query
from app.schema.ids import split_id


@strawberry.interface(description="An object with an id that is unique among all objects.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque: hand it back unchanged.")


_Id = Annotated[strawberry.ID, strawberry.argument(description="The id of any object.")]


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A type that `node` can fetch: its model and its GraphQL type with `of(row)`."""

    model: type[TenantModel]
    type: Any


def node_field(kinds: tuple[NodeKind, ...]) -> Any:
    """The root field `node`, over the types that a schema offers."""
    by_name = {kind.type.__name__: kind for kind in kinds}

    async def node(info: Info[Any, Any], id: _Id) -> Node | None:
        parts = split_id(id)
        kind = by_name.get(parts[0]) if parts else None
        if parts is None or kind is None:
            raise NotFound("object", field=("id",))
        row = await context_of(info).loaders.one(kind.model, parts[1])
        if row is None:
            raise NotFound("object", field=("id",))
        found: Node = kind.type.of(row)
        return found

    resolver: Callable[..., Awaitable[Node | None]] = node
    description = (
        "Any object by its id. What does not exist for you is null, with the error NOT_FOUND."
    )
    return query(Access.SIGNED_IN, description)(resolver)
