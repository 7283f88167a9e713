"""G21: keyset pages are stable whatever is inserted and deleted between them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.paging import (
    LARGEST_PAGE,
    Listing,
    Ordering,
    PageRequest,
    fetch_page,
    key_of,
)
from app.models import TrafficSource
from app.settings import Settings
from tests.conftest import NOW
from tests.schema.statements import statements

ORDERINGS = {
    "id": Ordering(("id",)),
    "newest": Ordering(("id",), descending=True),
    # Few moments, many rows: ties everywhere.
    "time": Ordering(("created_at",)),
    "time, descending": Ordering(("created_at",), descending=True),
    "name": Ordering(("name",)),
    "time and name": Ordering(("created_at", "name")),
}

_numbers = itertools.count()
# What happens between two pages: rows made at one of four moments, and rows deleted.
changes = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
    ),
    max_size=4,
)


async def _make(moment: int) -> TrafficSource:
    number = next(_numbers)
    # Names do not follow the ids.
    name = f"{number * 7919 % 1000:03}-{number}"
    return await TrafficSource.create(name=name, created_at=NOW + timedelta(hours=moment))


async def _change(change: tuple[str, int]) -> None:
    kind, number = change
    if kind == "make":
        await _make(number)
        return
    ids = await TrafficSource.all().order_by("id").values_list("id", flat=True)
    if ids:
        await TrafficSource.filter(id=ids[number % len(ids)]).delete()


def _place(ordering: Ordering, row: TrafficSource) -> tuple[Any, ...]:
    return key_of(row, ordering)


async def _whole(ordering: Ordering) -> list[TrafficSource]:
    rows = await TrafficSource.all()
    return sorted(rows, key=lambda row: _place(ordering, row), reverse=ordering.descending)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.integers(0, 3), max_size=12),
    st.sampled_from(sorted(ORDERINGS)),
    st.integers(1, 6),
    st.booleans(),
    st.lists(changes, max_size=8),
)
async def test_g21_no_row_that_stays_is_missed_or_seen_twice(
    database: Settings,
    moments: list[int],
    order: str,
    size: int,
    backward: bool,
    between: list[list[tuple[str, int]]],
) -> None:
    await TrafficSource.all().delete()
    for moment in moments:
        await _make(moment)
    ordering = ORDERINGS[order]
    before = {row.id for row in await _whole(ordering)}
    seen: list[TrafficSource] = []
    key: tuple[Any, ...] | None = None
    for round_ in itertools.count():
        page = await fetch_page(TrafficSource.all(), ordering, PageRequest(size, backward, key))
        assert len(page.rows) <= size
        rows = page.rows[::-1] if backward else page.rows
        seen += rows
        if not (page.has_previous if backward else page.has_next):
            break
        key = key_of(rows[-1], ordering)
        for change in between[round_] if round_ < len(between) else ():
            await _change(change)
    stayed = before & {row.id for row in await _whole(ordering)}
    ids = [row.id for row in seen]
    assert len(set(ids)) == len(ids)
    assert stayed <= set(ids)
    keys = [_place(ordering, row) for row in seen]
    assert keys == sorted(keys, reverse=ordering.descending != backward)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.integers(0, 3), max_size=9), st.sampled_from(sorted(ORDERINGS)), st.data())
async def test_g21_a_page_is_what_lies_beside_its_key_in_the_whole_list(
    database: Settings, moments: list[int], order: str, data: st.DataObject
) -> None:
    await TrafficSource.all().delete()
    for moment in moments:
        await _make(moment)
    ordering = ORDERINGS[order]
    whole = await _whole(ordering)
    place = data.draw(st.integers(0, len(whole) - 1)) if whole else None
    size = data.draw(st.integers(1, 4))
    key = None if place is None else key_of(whole[place], ordering)
    after = await fetch_page(TrafficSource.all(), ordering, PageRequest(size, False, key))
    before = await fetch_page(TrafficSource.all(), ordering, PageRequest(size, True, key))
    place = -1 if place is None else place
    following, preceding = whole[place + 1 :], whole[: max(place, 0)]
    assert [row.id for row in after.rows] == [row.id for row in following[:size]]
    assert after.has_next is (len(following) > size)
    assert [row.id for row in before.rows] == [row.id for row in preceding[-size:]]
    assert before.has_previous is (len(preceding) > size)


@pytest.mark.parametrize("size", [0, -1, LARGEST_PAGE + 1, 10**30])
@pytest.mark.parametrize(("backward", "side"), [(False, "first"), (True, "last")])
def test_g21_a_page_of_another_size_is_refused_naming_the_limit(
    size: int, backward: bool, side: str
) -> None:
    with pytest.raises(
        Invalid, match=f"^{side} is {size}: ask for 1 to {LARGEST_PAGE}$"
    ) as refused:
        PageRequest(size, backward)
    assert refused.value.field == (side,)


def test_g21_the_id_breaks_ties_and_is_not_added_twice() -> None:
    assert Ordering(("name",)).keys == ("name", "id")
    assert Ordering(("created_at", "id")).keys == ("created_at", "id")


async def test_g21_a_page_reads_one_row_more_than_it_has(database: Settings) -> None:
    for moment in range(4):
        await _make(moment)
    listing = Listing(TrafficSource.all(), ORDERINGS)
    page = await fetch_page(listing.rows, ORDERINGS["time"], PageRequest(3))
    assert (len(page.rows), page.has_next, page.has_previous) == (3, True, False)


async def test_g21_a_page_far_inside_a_list_starts_at_its_key_and_skips_nothing(
    database: Settings,
) -> None:
    row = await _make(1)
    request = PageRequest(10, False, (row.created_at, row.id))
    async with statements() as sent:
        await fetch_page(TrafficSource.all(), ORDERINGS["time"], request)
    (sql,) = sent
    assert '"created_at">=' in sql
    assert "OFFSET" not in sql.upper()
