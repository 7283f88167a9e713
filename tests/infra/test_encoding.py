"""JSON: numbers stay exact in both directions, and whatever is no JSON is a JsonError."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.encoding import JsonError, dumps, dumps_text, loads

# JSON text has no lone surrogates once it is UTF-8.
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_values_survive_being_written_and_read_again(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps_text(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_a_json_error(data: bytes) -> None:
    with contextlib.suppress(JsonError):
        loads(data)


@given(st.text('{}[]":,0123456789.eE+-truefalsn \\u', max_size=60))
def test_any_text_like_json_is_json_or_a_json_error(text: str) -> None:
    with contextlib.suppress(JsonError):
        loads(text)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-1e15, max_value=1e15)
)
def test_decimals_travel_as_exact_strings(value: Decimal) -> None:
    assert Decimal(loads(dumps([value]))[0]) == value


def test_numbers_with_a_fraction_are_read_exactly_never_as_floats() -> None:
    (value,) = loads(b"[0.1000000000000000055511151231257827]")

    assert type(value) is Decimal
    assert value == Decimal("0.1000000000000000055511151231257827")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[1,]",
        b"{'a': 1}",
        b"[1] x",
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"\xff\xfe",
        b'["\xff"]',
        b"\xef\xbb\xbf[]",
        b'["\x00"]',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"9" * 5_000 + b"]",
        b"[1e99999999999999999999]",
        b"[1e-99999999999999999999]",
        b"[1.5e99999999999999999999]",
    ],
    ids=lambda document: repr(document[:24]),
)
def test_what_is_not_json_is_a_json_error_that_says_why(document: bytes) -> None:
    with pytest.raises(JsonError) as refusal:
        loads(document)

    assert 0 < len(str(refusal.value)) < 200


def test_a_json_error_says_where() -> None:
    with pytest.raises(JsonError, match="line 2, column 4"):
        loads(b'{"a": 1,\n   b}')


def test_times_are_written_in_rfc_3339() -> None:
    moment = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)

    written = dumps({"at": moment, "day": date(2026, 3, 10), "took": timedelta(seconds=1.5)})

    assert json.loads(written) == {
        "at": "2026-03-10T12:30:00+00:00",
        "day": "2026-03-10",
        "took": 1.5,
    }


def test_what_has_no_json_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        dumps(object())
