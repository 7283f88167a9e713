"""G22: a scalar is exact and of the stated form, or it is refused with a sentence that says the form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from app.infra.encoding import loads
from app.schema.scalars import (
    Count,
    CountryCode,
    CurrencyCode,
    Cursor,
    Url,
    decimal_in,
    decimal_out,
    schema_config,
)
from graphql import GraphQLScalarType, is_specified_scalar_type
from tests.schema.builder import SCHEMAS


def _echo(type_: Any) -> Any:
    def echo(value: Any) -> Any:
        seen.append(value)
        return value

    echo.__annotations__ = {"value": type_, "return": type_}
    return strawberry.field(resolver=echo)


def _give(type_: Any) -> Any:
    def give() -> Any:
        return given_out[0]

    give.__annotations__ = {"return": type_}
    return strawberry.field(resolver=give)


seen: list[Any] = []
given_out: list[Any] = [None]
TYPES: dict[str, Any] = {
    "Decimal": Decimal,
    "DateTime": datetime,
    "Date": date,
    "Count": Count,
    "CurrencyCode": CurrencyCode,
    "CountryCode": CountryCode,
    "URL": Url,
    "Cursor": Cursor,
    "Int": int,
    "String": str,
    "ID": strawberry.ID,
    "Boolean": bool,
}
Query = strawberry.type(
    type(
        "Query",
        (),
        {f"in_{name.lower()}": _echo(type_) for name, type_ in TYPES.items()}
        | {f"out_{name.lower()}": _give(type_) for name, type_ in TYPES.items()},
    )
)
SCHEMA = strawberry.Schema(query=Query, config=schema_config())


def _field(direction: str, name: str) -> str:
    return direction + name.capitalize()


def read(name: str, value: Any) -> Any:
    """What a resolver gets of a variable's JSON value; raises ValueError with the sentence of a refusal."""
    seen.clear()
    document = f"query($v: {name}!) {{ {_field('in', name)}(value: $v) }}"
    return _result(SCHEMA.execute_sync(document, {"v": value}))


def read_literal(name: str, literal: str) -> Any:
    """What a resolver gets of a literal in the document; raises ValueError with the sentence of a refusal."""
    seen.clear()
    return _result(SCHEMA.execute_sync(f"{{ {_field('in', name)}(value: {literal}) }}"))


def _result(result: Any) -> Any:
    if result.errors:
        message = result.errors[0].message
        assert not message.startswith("Cannot query"), message
        raise ValueError(message)
    return seen[0]


def written(name: str, value: Any) -> Any:
    """What a client gets of a resolver's value; raises ValueError when it cannot be written."""
    given_out[0] = value
    result = SCHEMA.execute_sync(f"{{ {_field('out', name)} }}")
    if result.errors:
        raise ValueError(result.errors[0].message)
    assert result.data is not None
    return result.data[_field("out", name)]


def test_g22_every_scalar_of_both_schemas_has_its_table_here() -> None:
    named = {
        type_.name
        for schema in SCHEMAS.values()
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLScalarType) and not is_specified_scalar_type(type_)
    }
    # JSON is only written: what changed, in the log.
    assert named - {"JSON"} <= set(TYPES)


GOOD: list[tuple[str, str, Any]] = [
    ("Decimal", '"12.34"', Decimal("12.34")),
    ("Decimal", '"0"', Decimal(0)),
    ("Decimal", '"-0.10"', Decimal("-0.10")),
    ("Decimal", '"0.000000000000000001"', Decimal("1e-18")),
    ("Decimal", '"99999999999999999999.999999999999999999"', Decimal(f"{'9' * 20}.{'9' * 18}")),
    ("DateTime", '"2026-03-01T09:30:00Z"', datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
    ("DateTime", '"2026-03-01t09:30:00z"', datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
    ("DateTime", '"2026-03-01T09:30:00+02:00"', datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
    ("DateTime", '"2026-03-01T09:30:00.5Z"', datetime(2026, 3, 1, 9, 30, 0, 500_000, tzinfo=UTC)),
    (
        "DateTime",
        '"2026-03-01T09:30:00.123456789Z"',
        datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC),
    ),
    ("Date", '"2026-03-01"', date(2026, 3, 1)),
    ("Date", '"2024-02-29"', date(2024, 2, 29)),
    ("Count", "0", 0),
    ("Count", "9007199254740991", 2**53 - 1),
    ("CurrencyCode", '"EUR"', "EUR"),
    ("CurrencyCode", '"BTC"', "BTC"),
    ("CountryCode", '"RO"', "RO"),
    ("CountryCode", '"ZZ"', "ZZ"),
    ("URL", '"https://tracker.example/p?id=1#x"', "https://tracker.example/p?id=1#x"),
    ("URL", '"http://127.0.0.1:8000/"', "http://127.0.0.1:8000/"),
    ("URL", '"https://bücher.example/é"', "https://bücher.example/é"),
    ("Cursor", '"abc"', "abc"),
]

BAD: list[tuple[str, str]] = [
    *(
        ("Decimal", value)
        for value in (
            '"NaN"',
            '"sNaN"',
            '"Infinity"',
            '"-Infinity"',
            '"1e400"',
            '"1E2"',
            '"1_000"',
            '"1,5"',
            '"+1"',
            '"01"',
            '"1."',
            '".5"',
            '""',
            '" 1"',
            '"1 "',
            '"1\\n"',
            '"\u0661"',
            '"\uff11"',
            '"0x10"',
            '"--1"',
            '"1.0000000000000000001"',
            '"100000000000000000000"',
            "1",
            "1.5",
            "1e400",
            "12.34",
            "true",
            "[]",
            "{}",
        )
    ),
    *(
        ("DateTime", value)
        for value in (
            '"2026-03-01T09:30:00"',
            '"2026-03-01 09:30:00Z"',
            '"2026-03-01"',
            '"2026-03-01T09:30Z"',
            '"2026-03-01T09:30:00+0200"',
            '"2026-03-01T09:30:00+02"',
            '"2026-03-01T09:30:00+24:00"',
            '"2026-03-01T09:30:00 Z"',
            '"2026-03-01T09:30:00Z\\n"',
            '"2026-02-30T09:30:00Z"',
            '"2026-03-01T25:30:00Z"',
            '"2026-03-01T09:60:00Z"',
            '"2026-03-01T09:30:61Z"',
            '"2026-W09-7T09:30:00Z"',
            '"20260301T093000Z"',
            '"0000-01-01T00:00:00Z"',
            '"0001-01-01T00:00:00+14:00"',
            '"9999-12-31T23:59:59-14:00"',
            '"10000-01-01T00:00:00Z"',
            '"\u0662026-03-01T09:30:00Z"',
            '"now"',
            '""',
            "1772357400",
            "true",
        )
    ),
    *(
        ("Date", value)
        for value in (
            '"2026-3-1"',
            '"2026-02-29"',
            '"2026-13-01"',
            '"20260301"',
            '"2026-W09-7"',
            '"2026-03-01T00:00:00Z"',
            '"01.03.2026"',
            '"0000-01-01"',
            '"2026-03-01 "',
            '"today"',
            '""',
            "20260301",
        )
    ),
    *(
        ("Count", value)
        for value in ("-1", "1.0", "1.5", "9007199254740992", '"1"', "true", "[]", "1e3")
    ),
    *(
        ("CurrencyCode", value)
        for value in ('"eur"', '"EURO"', '"XXX"', '"ZZZ"', '"E"', '""', '"EUR "', "978", "true")
    ),
    *(
        ("CountryCode", value)
        for value in ('"ro"', '"ROU"', '"R"', '""', '"R1"', '"\u0420\u041e"', '"RO "', "1")
    ),
    *(
        ("URL", value)
        for value in (
            '"tracker.example"',
            '"//tracker.example/p"',
            '"/p"',
            '"ftp://tracker.example/"',
            '"javascript:alert(1)"',
            '"data:text/html,x"',
            '"http://"',
            '"https:///p"',
            '"https://[::1"',
            '"https://tracker.example/\\n"',
            '"https://tracker.example/\\u0000"',
            '"https://tracker.example/\\u202e"',
            f'"https://tracker.example/{"x" * 4_000}"',
            '""',
            "1",
        )
    ),
    *(("Cursor", value) for value in ('""', f'"{"x" * 2_001}"', "1", "true")),
    *(("Int", value) for value in ('"1"', "1.0", "1.5", "true", "2147483648", "-2147483649")),
    *(("ID", value) for value in ("1.5", "true", "[1]")),
    *(("String", value) for value in ("1", "true", "1.5")),
    *(("Boolean", value) for value in ("1", '"true"', "0")),
]


@pytest.mark.parametrize(("name", "json", "value"), GOOD)
def test_g22_a_value_of_the_stated_form_is_read(name: str, json: str, value: Any) -> None:
    found = read(name, loads(json))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("name", "json", "value"), GOOD)
def test_g22_a_literal_is_read_like_a_variable(name: str, json: str, value: Any) -> None:
    assert read_literal(name, json) == value


@pytest.mark.parametrize(("name", "json"), BAD)
def test_g22_a_value_of_another_form_is_refused(name: str, json: str) -> None:
    with pytest.raises(ValueError, match="Variable"):
        read(name, loads(json))


_OBJECTS = {"{}", "[]", "[1]"}


@pytest.mark.parametrize(("name", "json"), [item for item in BAD if item[1] not in _OBJECTS])
def test_g22_a_literal_of_another_form_is_refused(name: str, json: str) -> None:
    # An Int literal without a fraction is an ID as well, and an integral Float is no Int.
    with pytest.raises(ValueError, match=r"."):
        read_literal(name, json)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Decimal", 'a plain decimal string such as "12.34"'),
        ("DateTime", "an RFC 3339 time with an offset, such as 2026-03-01T09:30:00Z"),
        ("Date", "a day of the calendar, such as 2026-03-01"),
        ("Count", "a whole number from 0 to 9007199254740991"),
        ("CurrencyCode", "an ISO 4217 code or a registered coin, such as EUR"),
        ("CountryCode", "an ISO 3166 alpha-2 code in capitals, such as RO"),
        ("URL", "an absolute http or https address"),
        ("Cursor", "the value of an edge's cursor"),
    ],
)
def test_g22_a_refusal_says_the_form(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read(name, {"no": 1})
    with pytest.raises(ValueError, match=re.escape(words)):
        read_literal(name, "false")


WRITTEN: list[tuple[str, Any, Any]] = [
    ("Decimal", Decimal("12.340"), "12.340"),
    ("Decimal", Decimal("1E+3"), "1000"),
    ("Decimal", Decimal("1E-18"), "0.000000000000000001"),
    ("Decimal", Decimal("-0.00"), "0.00"),
    ("Decimal", Decimal("-1.5"), "-1.5"),
    ("DateTime", datetime(2026, 3, 1, 9, 30, tzinfo=UTC), "2026-03-01T09:30:00Z"),
    (
        "DateTime",
        datetime(2026, 3, 1, 9, 30, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        "2026-03-01T07:30:00.000005Z",
    ),
    ("Date", date(2026, 3, 1), "2026-03-01"),
    ("Count", 42, 42),
    ("CurrencyCode", "EUR", "EUR"),
    ("CountryCode", "ZZ", "ZZ"),
    ("URL", "https://a.example/", "https://a.example/"),
    ("Cursor", "abc", "abc"),
]

NOT_WRITTEN: list[tuple[str, Any]] = [
    ("Decimal", Decimal("NaN")),
    ("Decimal", Decimal("Infinity")),
    ("Decimal", 1.5),
    ("Decimal", 1),
    ("Decimal", "1.5"),
    ("DateTime", datetime(2026, 3, 1, 9, 30)),  # noqa: DTZ001
    ("DateTime", date(2026, 3, 1)),
    ("DateTime", "2026-03-01T09:30:00Z"),
    ("Date", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
    ("Date", "2026-03-01"),
    ("Count", -1),
    ("Count", 2**53),
    ("Count", 1.5),
    ("Count", True),
    ("Count", Decimal(1)),
    ("CurrencyCode", 978),
    ("CountryCode", 1),
    ("URL", b"https://a.example/"),
    ("Cursor", b"abc"),
]


@pytest.mark.parametrize(("name", "value", "text"), WRITTEN)
def test_g22_a_value_is_written_in_one_form(name: str, value: Any, text: Any) -> None:
    assert written(name, value) == text


@pytest.mark.parametrize(("name", "value"), NOT_WRITTEN)
def test_g22_an_inexact_value_is_never_written(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        written(name, value)


@given(st.decimals(min_value=-(10**20) + 1, max_value=10**20 - 1, places=18))
def test_g22_a_decimal_comes_back_as_it_was_written(value: Decimal) -> None:
    assert decimal_in(decimal_out(value)) == value


@given(st.text(max_size=30))
def test_g22_no_text_makes_a_scalar_fail_otherwise_than_by_refusing(text: str) -> None:
    for name, parse in _parsers().items():
        said = ""
        try:
            parse(text)
        except ValueError as error:
            said = str(error)
        assert not said or said.startswith(name)


def _parsers() -> dict[str, Callable[[Any], Any]]:
    found: dict[str, Callable[[Any], Any]] = {}
    for name in set(TYPES) - {"Int", "String", "ID", "Boolean"}:
        type_ = SCHEMA._schema.type_map[name]
        assert isinstance(type_, GraphQLScalarType)
        found[name] = type_.parse_value
    return found
