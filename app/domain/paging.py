"""Keyset paging: stable order with an id tie-break, any page for the price of the first (G21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.domain.errors import Invalid
from app.infra.database import fetch
from app.models.base import TenantModel

Row = TypeVar("Row", bound=TenantModel)

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Ordering:
    """Columns that are never null, all in one direction; the id is added as the last one.

    Or one column that the table does not have: `ranking` is SQL that selects `id` and a whole number as `value`, for
    all rows in one pass; a row that is not in it counts as 0. The value at the time of the page is kept in the cursor,
    so a row whose value has changed since may be missed or met again.
    """

    columns: tuple[str, ...]
    descending: bool = False
    ranking: str | None = None

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
    if ordering.ranking is None:
        found = await _by_columns(rows, ordering, request, descending)
    else:
        found = await _by_ranking(rows, ordering, request, descending)
    more = len(found) > request.size
    page = found[: request.size]
    if request.backward:
        return Page(page[::-1], has_next=request.key is not None, has_previous=more)
    return Page(page, has_next=more, has_previous=request.key is not None)


async def _by_columns(
    rows: QuerySet[Row], ordering: Ordering, request: PageRequest, descending: bool
) -> list[Row]:
    wanted = rows
    if request.key is not None:
        wanted = wanted.filter(_beyond(ordering.keys, request.key, descending))
    sign = "-" if descending else ""
    wanted = wanted.order_by(*(f"{sign}{name}" for name in ordering.keys))
    return await wanted.limit(request.size + 1)


_RANKED = """
WITH ranking AS ({ranking}), ranked AS (
    SELECT listed.id, COALESCE(ranking.value, 0) AS value
    FROM ({listed}) AS listed (id) LEFT JOIN ranking ON ranking.id = listed.id
)
SELECT id, value FROM ranked WHERE {beyond} ORDER BY value {direction}, id {direction} LIMIT {limit}
"""


async def _by_ranking(
    rows: QuerySet[Row], ordering: Ordering, request: PageRequest, descending: bool
) -> list[Row]:
    """The ids of the page by one pass over the ranking, then its rows."""
    listed = rows.values_list("id", flat=True)
    listed.sql()
    sql, values = listed.query.get_parameterized_sql()
    beyond = "TRUE"
    if request.key is not None:
        place = len(values)
        operator = "<" if descending else ">"
        beyond = f"(value, id) {operator} (${place + 1}::bigint, ${place + 2}::bigint)"
    statement = _RANKED.format(
        ranking=ordering.ranking,
        listed=sql,
        beyond=beyond,
        direction="DESC" if descending else "ASC",
        limit=request.size + 1,
    )
    ranked = await fetch(statement, *values, *(request.key or ()))
    present = {row.pk: row for row in await rows.filter(id__in=[each["id"] for each in ranked])}
    found = []
    for each in ranked:
        # One that was deleted in between is not there any more.
        if (row := present.get(each["id"])) is not None:
            setattr(row, ordering.columns[0], each["value"])
            found.append(row)
    return found


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
