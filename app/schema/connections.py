"""Lists as Relay connections by keyset (G21): `first` or `last` is required, cursors are signed, counts are asked for.

A list is one line of a schema:

    campaigns = connection(Campaign, reads.campaigns, reads.CampaignOrder, CampaignFilterInput, "Your campaigns.")
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, EnumMeta, StrEnum
from typing import Annotated, Any, Generic, Protocol, TypeVar

import strawberry
from strawberry.types import Info
from tortoise.queryset import QuerySet

from app.domain.errors import Invalid
from app.domain.paging import LARGEST_PAGE, Listing, Ordering, PageRequest, fetch_page, key_of
from app.domain.scope import Scope
from app.infra.crypto import CursorSigner
from app.schema.context import context_of, scope_of
from app.schema.fields import COST, PER_ITEM, permission_of, query
from app.schema.node import LISTED, Listed
from app.schema.scalars import Count, Cursor

Node = TypeVar("Node")

LIST_COST = 2
TOTAL_COUNT_COST = 10


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether there is more before it; true as well for any page asked for with `after`."
    )
    start_cursor: Cursor | None = strawberry.field(
        description="Of the first edge; null on an empty page."
    )
    end_cursor: Cursor | None = strawberry.field(
        description="Of the last edge; null on an empty page."
    )


@strawberry.type(description="One item of a list, with its place.")
class Edge(Generic[Node]):
    cursor: Cursor = strawberry.field(
        description="The place of this item: for `after` and `before`."
    )
    node: Node = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(
        description="The items with their cursors.", metadata={PER_ITEM: True}
    )
    nodes: list[Node] = strawberry.field(description="The items alone.", metadata={PER_ITEM: True})
    page_info: PageInfo = strawberry.field(description="Where this page lies.")
    rows: strawberry.Private[QuerySet[Any]]

    @strawberry.field(
        description="How many items the whole list has. Counted only when it is selected, and charged.",
        metadata={COST: TOTAL_COUNT_COST},
    )
    async def total_count(self) -> Count:
        return Count(await self.rows.count())


class NodeType(Protocol):
    """A GraphQL type that is made from a model."""

    @classmethod
    def of(cls, row: Any) -> Any: ...


def connection(
    node: Any,
    listing: Callable[..., Awaitable[Listing[Any]]],
    orders: type[StrEnum],
    filters: Any,
    description: str,
) -> Any:
    """A root field that lists rows of the domain's `listing`, with its permission.

    `orders` are the orders it offers, the first being the default; `filters` is a GraphQL input with `to_domain()`,
    or None for a list without a choice, whose listing takes the scope alone.
    """
    graphql_orders = order_enum(orders)

    def rows(scope: Scope, chosen: Any = None) -> Awaitable[Listing[Any]]:
        if filters is None:
            return listing(scope)
        return listing(scope, (chosen or filters()).to_domain())

    async def page(info: Info[Any, Any], order: Any, place: Place, chosen: Any) -> Any:
        found = await rows(scope_of(info), chosen)
        return await page_of(info, node, found, orders(order.value), place)

    # The annotations follow below: they depend on what is listed.
    async def resolve(  # type: ignore[no-untyped-def]
        info: Info[Any, Any],
        *,
        order_by,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter=None,
    ):
        return await page(info, order_by, Place(first, after, last, before), filter)

    async def resolve_all(  # type: ignore[no-untyped-def]
        info: Info[Any, Any],
        *,
        order_by,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ):
        return await page(info, order_by, Place(first, after, last, before), None)

    resolver = resolve_all if filters is None else resolve
    resolver.__annotations__ = {
        "info": Info,
        "first": Annotated[
            int | None,
            strawberry.argument(description=f"How many from the start, 1 to {LARGEST_PAGE}."),
        ],
        "after": Annotated[
            Cursor | None, strawberry.argument(description="With `first`: only what follows.")
        ],
        "last": Annotated[
            int | None,
            strawberry.argument(description=f"How many from the end, 1 to {LARGEST_PAGE}."),
        ],
        "before": Annotated[
            Cursor | None, strawberry.argument(description="With `last`: only what precedes.")
        ],
        "order_by": Annotated[
            graphql_orders, strawberry.argument(description="Ties are ordered by id.")
        ],
        "return": Connection[node],
    }
    if filters is not None:
        words = strawberry.argument(description="Which items; none: all.")
        resolver.__annotations__["filter"] = Annotated[filters | None, words]
    defaults = {**(resolver.__kwdefaults__ or {}), "order_by": next(iter(graphql_orders))}
    resolver.__kwdefaults__ = defaults
    field = query(permission_of(listing), description, cost=LIST_COST, paged=True)(resolver)
    field.metadata = {**field.metadata, LISTED: Listed(node, rows)}
    return field


_BUSIEST = (
    "The most {} of the brand's last 30 business days first, by what is folded into the rollups: those of the last "
    "moments do not move a row yet. A row that moves between two pages may be missed or met again."
)
_order_enums: dict[type[StrEnum], Any] = {}


def order_enum(orders: type[StrEnum]) -> Any:
    """The GraphQL enum of a listing's orders; one for both schemas."""
    if orders not in _order_enums:
        words = {
            "NEWEST": "The newest first.",
            "OLDEST": "The oldest first.",
            "MOST_VISITS": _BUSIEST.format("visits"),
            "MOST_REGISTRATIONS": _BUSIEST.format("registrations"),
        }
        members = {
            member.name: strawberry.enum_value(
                member.value,
                description=words.get(member.name, f"By {member.name.lower()}, ascending."),
            )
            for member in orders
        }
        made: EnumMeta = Enum(orders.__name__, members)  # type: ignore[misc]
        _order_enums[orders] = strawberry.enum(made, description=orders.__doc__)
    return _order_enums[orders]


@dataclass(frozen=True, slots=True)
class Place:
    """The page arguments of a list, as the client gave them."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


async def page_of(
    info: Info[Any, Any], node: Any, listing: Listing[Any], order: StrEnum, place: Place
) -> Any:
    """The asked page of a listing as a connection. Raises Invalid for impossible arguments and foreign cursors."""
    context = context_of(info)
    ordering = listing.orderings[order]
    # A cursor belongs to its list and order: another list's means nothing here.
    label = f"{node.__name__}.{order.value}"
    request = page_request(place, ordering, label, context.services.cursors)
    page = await fetch_page(listing.rows, ordering, request)
    context.cost.settle(info, request.size, len(page.rows))
    cursors = [
        encode_cursor(label, key_of(row, ordering), context.services.cursors) for row in page.rows
    ]
    nodes = [node.of(row) for row in page.rows]
    return Connection(
        edges=[Edge(cursor=cursor, node=item) for cursor, item in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        rows=listing.rows,
    )


def page_request(place: Place, ordering: Ordering, label: str, signer: CursorSigner) -> PageRequest:
    """The page that `first`/`after` or `last`/`before` ask for."""
    first, last, after, before = place.first, place.last, place.after, place.before
    if (first is None) == (last is None):
        raise Invalid(
            f"ask for `first` or `last`, one of them, from 1 to {LARGEST_PAGE}", field=("first",)
        )
    if first is not None and before is not None:
        raise Invalid("`before` goes with `last`: use `after` with `first`", field=("before",))
    if last is not None and after is not None:
        raise Invalid("`after` goes with `first`: use `before` with `last`", field=("after",))
    cursor, field = (after, "after") if first is not None else (before, "before")
    key = None if cursor is None else decode_cursor(label, cursor, ordering, signer, field)
    return PageRequest(first or last or 0, backward=first is None, key=key)


def encode_cursor(label: str, key: tuple[Any, ...], signer: CursorSigner) -> Cursor:
    """The signed cursor of a row."""
    values = [[_kind(value), str(value)] for value in key]
    return Cursor(signer.sign(json.dumps([label, values], separators=(",", ":")).encode()))


def decode_cursor(
    label: str, cursor: str, ordering: Ordering, signer: CursorSigner, field: str
) -> tuple[Any, ...]:
    """The key again; raises Invalid for a cursor that is not of this list and order."""
    payload = signer.verify(cursor)
    if payload is not None:
        stored_label, values = json.loads(payload)
        if stored_label == label and len(values) == len(ordering.keys):
            return tuple(_READ[kind](text) for kind, text in values)
    raise Invalid(f"{field} is not a cursor of this list in this order", field=(field,))


_READ: dict[str, Callable[[str], Any]] = {
    "i": int,
    "s": str,
    "d": Decimal,
    "t": datetime.fromisoformat,
    "y": date.fromisoformat,
}


def _kind(value: Any) -> str:
    # A time is a day as well: it comes first.
    for kind, type_ in (("i", int), ("s", str), ("d", Decimal), ("t", datetime), ("y", date)):
        if isinstance(value, type_):
            return kind
    raise TypeError(f"{type(value).__name__} cannot order a list")
