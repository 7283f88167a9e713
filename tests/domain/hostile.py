"""Items that no decent platform would send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st


def nested(depth: int) -> Any:
    """A list in a list in a list …"""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([10**30, 10**4_000, -(10**4_000), 2**63, 2**63 - 1, 0, 1]),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.sampled_from([Decimal("1E+999999"), Decimal("1E-999999"), Decimal("-0")]),
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "\x00",
            "a\x00b",
            "\ud800",
            "x\udfff",
            "'; DROP TABLE players; --",
            "9" * 5_000,
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-03-10T12:00:00Z",
            "2026-03-10T12:00:00+99:99",
            "2026-03-10",
            "1_1",
            "999999999999999999_9223372036854775807",
            "1_99999999999999999999",
            "NaN",
            "Infinity",
            "1e5",
            "12.34",
            "-12.34",
            "0.001",
            "EUR",
            "XXX",
            "JPY",
            "RO",
            "\U0001f600" * 300,
        ]
    ),
    st.sampled_from([[], {}, {"a": {"b": []}}, nested(500)]),
)


def items(*names: str) -> st.SearchStrategy[Any]:
    """Items with some of those fields, or no items at all."""
    return st.one_of(values, st.dictionaries(st.sampled_from(names), values, max_size=len(names)))
