"""Visit ids: 63-bit integers made before recording, in time order, unique across processes.

42 bits of milliseconds since 2020, 10 bits of node, 11 bits of counter. A process takes its node number from a
database sequence when it starts, so that two of the last 1024 processes never share one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
NODES = 1024
_NODE_BITS = 10
_COUNTER_BITS = 11
_COUNTERS = 1 << _COUNTER_BITS
_MILLISECOND = timedelta(milliseconds=1)


def first_visit_id(at: datetime) -> int:
    """The smallest id that a visit at that time can have."""
    return _milliseconds(at) << (_NODE_BITS + _COUNTER_BITS)


def visit_time(visit_id: int) -> datetime:
    """When a visit id was made, to the millisecond, in UTC."""
    return EPOCH + (visit_id >> (_NODE_BITS + _COUNTER_BITS)) * _MILLISECOND


def _milliseconds(at: datetime) -> int:
    return (at - EPOCH) // _MILLISECOND


class VisitIds:
    """The ids of one process: strictly increasing, also when the clock steps back."""

    def __init__(self, node: int) -> None:
        if not 0 <= node < NODES:
            raise ValueError(f"node {node} is not within 0 and {NODES - 1}")
        self._node = node
        self._last = 0
        self._counter = 0

    def next(self, at: datetime) -> int:
        """A new id for a visit at that time."""
        milliseconds = max(_milliseconds(at), self._last)
        if milliseconds > self._last:
            self._last, self._counter = milliseconds, 0
        elif self._counter == _COUNTERS - 1:
            self._last, self._counter = self._last + 1, 0
        else:
            self._counter += 1
        high = (self._last << _NODE_BITS) | self._node
        return (high << _COUNTER_BITS) | self._counter
