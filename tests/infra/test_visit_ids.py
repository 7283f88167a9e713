"""Visit ids: in time order, unique over processes, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.visit_ids import EPOCH, NODES, VisitIds, first_visit_id, visit_time

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
COUNTERS = 2_048

steps = st.lists(
    st.integers(-5_000, 5_000).map(lambda n: timedelta(milliseconds=n)), min_size=1, max_size=200
)
# Until the year 2150, to the microsecond.
moments = st.integers(10**6, 130 * 365 * 86_400 * 10**6).map(
    lambda microseconds: EPOCH + timedelta(microseconds=microseconds)
)


@given(steps)
def test_ids_increase_strictly_even_when_the_clock_steps_back(steps: list[timedelta]) -> None:
    ids, now, made = VisitIds(7), NOW, []
    for step in steps:
        now += step
        made.append(ids.next(now))

    assert made == sorted(set(made))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=300))
def test_ids_of_all_nodes_are_unique(calls: list[tuple[int, int]]) -> None:
    nodes = [VisitIds(node) for node in (0, 1, 2, 511, 1_022, 1_023)]

    made = [nodes[node].next(NOW + timedelta(milliseconds=at)) for node, at in calls]

    assert len(set(made)) == len(made)


def test_more_ids_than_fit_a_millisecond_go_on_in_the_next_one() -> None:
    ids = VisitIds(3)

    made = [ids.next(NOW) for _ in range(3 * COUNTERS + 1)]

    assert made == sorted(set(made))
    assert visit_time(made[COUNTERS - 1]) == NOW
    assert visit_time(made[COUNTERS]) == NOW + timedelta(milliseconds=1)
    assert visit_time(made[-1]) == NOW + timedelta(milliseconds=3)


@given(
    moments,
    st.integers(0, NODES - 1),
)
def test_an_id_tells_its_time_to_the_millisecond_and_fits_63_bits(at: datetime, node: int) -> None:
    visit_id = VisitIds(node).next(at)

    assert 0 <= visit_id < 2**63
    assert timedelta(0) <= at - visit_time(visit_id) < timedelta(milliseconds=1)


@given(
    moments,
    st.integers(0, NODES - 1),
)
def test_the_first_id_of_a_moment_parts_earlier_ids_from_later_ones(
    at: datetime, node: int
) -> None:
    at = at.replace(microsecond=0)
    boundary = first_visit_id(at)

    assert VisitIds(node).next(at) >= boundary
    assert VisitIds(node).next(at - timedelta(milliseconds=1)) < boundary


@pytest.mark.parametrize("node", [-1, NODES, 10**6])
def test_a_node_that_does_not_fit_its_bits_is_refused(node: int) -> None:
    with pytest.raises(ValueError, match="is not within"):
        VisitIds(node)
