"""Keyset paging: stable order with an id tie-break, any page for the price of the first (G21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tortoise.expressions import Q, RawSQL
from tortoise.queryset import QuerySet

from app.domain.errors import Invalid
from app.models.base import TenantModel

Row = TypeVar("Row", bound=TenantModel)

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Ordering:
    """Columns that are never null, all in one direction; the id is added as the last one.

    A column may be computed: `computed` holds its SQL by name, of a row of the listed table, never null. Its value at
    the time of the page is kept in the cursor, so a row whose value has changed since may be missed or met again.
    """

    columns: tuple[str, ...]
    descending: bool = False
    computed: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns whose values make a cursor."""
        return self.columns if self.columns[-1:] == ("id",) else (*self.columns, "id")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """Rows that can be paged through: what exists for a scope, and the orders that are offered."""

    rows: QuerySet[Row]
    orderings: Mapping[Any, Ordering]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page: `size` rows after a key, or before it when `backward`. Raises Invalid for a bad size."""

    size: int
    backward: bool = False
    key: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= LARGEST_PAGE:
            field = "last" if self.backward else "first"
            raise Invalid(f"{field} is {self.size}: ask for 1 to {LARGEST_PAGE}", field=(field,))


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a page in the listing's order, and whether there are more on either side."""

    rows: list[Row]
    has_next: bool
    has_previous: bool


async def fetch_page(rows: QuerySet[Row], ordering: Ordering, request: PageRequest) -> Page[Row]:
    """Read one page. `request.key` holds the values of the ordering's keys, from a row's `key_of`."""
    descending = ordering.descending != request.backward
    # Only the orders that need them compute anything: other pages and the count of the list do not pay for it.
    computed: dict[str, Any] = {name: RawSQL(sql) for name, sql in ordering.computed.items()}
    wanted = rows.annotate(**computed) if computed else rows
    if request.key is not None:
        wanted = wanted.filter(_beyond(ordering.keys, request.key, descending))
    sign = "-" if descending else ""
    wanted = wanted.order_by(*(f"{sign}{name}" for name in ordering.keys))
    found = await wanted.limit(request.size + 1)
    more = len(found) > request.size
    page = found[: request.size]
    if request.backward:
        return Page(page[::-1], has_next=request.key is not None, has_previous=more)
    return Page(page, has_next=more, has_previous=request.key is not None)


def key_of(row: TenantModel, ordering: Ordering) -> tuple[Any, ...]:
    """The values that say where a row stands in the order."""
    return tuple(getattr(row, name) for name in ordering.keys)


def _beyond(names: tuple[str, ...], values: tuple[Any, ...], descending: bool) -> Q:
    """(a, b, id) > (x, y, z), spelled out; the first condition lets PostgreSQL use an index on `a`."""
    operator = "lt" if descending else "gt"
    alternatives = []
    for place, name in enumerate(names):
        equal = {names[i]: values[i] for i in range(place)}
        alternatives.append(Q(**equal, **{f"{name}__{operator}": values[place]}))
    return Q(**{f"{names[0]}__{operator}e": values[0]}) & Q(*alternatives, join_type="OR")
