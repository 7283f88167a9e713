"""Strict scalars (G22): a value is exact and of the stated form, or it is refused with a sentence."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType
from urllib.parse import urlsplit

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from app.infra.money import MoneyError, decimals_of

Count = NewType("Count", int)
CurrencyCode = NewType("CurrencyCode", str)
CountryCode = NewType("CountryCode", str)
Url = NewType("Url", str)
Cursor = NewType("Cursor", str)

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_LARGEST_EXACT = 2**53 - 1
_LONGEST_URL = 4_000


def decimal_out(value: Decimal) -> str:
    """A finite decimal in plain digits, as many as it has; zero has no sign."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError("Decimal is made from a finite Decimal")
    return f"{value if value else value.copy_abs():f}"


def decimal_in(value: Any) -> Decimal:
    """A plain decimal string; raises ValueError for floats, exponents, NaN and more than 18 decimals."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        decimal = Decimal(value)
        return decimal if decimal else decimal.copy_abs()
    raise ValueError(
        'Decimal is a plain decimal string such as "12.34", with at most 20 digits and 18 decimals'
    )


def date_time_in(value: Any) -> datetime:
    """An RFC 3339 time with an offset, in UTC."""
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        try:
            # Python keeps microseconds; further digits of RFC 3339 are cut.
            text = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value.upper())
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("DateTime is an RFC 3339 time with an offset, such as 2026-03-01T09:30:00Z")


def date_time_out(value: datetime) -> str:
    """RFC 3339 in UTC, ending in Z."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("DateTime is made from a time with a zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def date_in(value: Any) -> date:
    """An ISO 8601 date."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("Date is a day of the calendar, such as 2026-03-01")


def date_out(value: date) -> str:
    """The ISO 8601 date; a time is none."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("Date is made from a day")  # noqa: TRY004
    return value.isoformat()


def count(value: Any) -> int:
    """A whole number that every JSON reader keeps exactly; in and out."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_EXACT:
        return value
    raise ValueError(f"Count is a whole number from 0 to {_LARGEST_EXACT}")


def _currency_in(value: Any) -> str:
    if isinstance(value, str):
        try:
            decimals_of(value)
        except MoneyError:
            pass
        else:
            return value
    raise ValueError("CurrencyCode is an ISO 4217 code or a registered coin, such as EUR")


def _country_in(value: Any) -> str:
    if isinstance(value, str) and _COUNTRY.fullmatch(value):
        return value
    raise ValueError("CountryCode is an ISO 3166 alpha-2 code in capitals, such as RO")


def _url_in(value: Any) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST_URL and value.isprintable():
        try:
            parts = urlsplit(value)
            if parts.scheme in {"http", "https"} and parts.hostname:
                return value
        except ValueError:
            pass
    raise ValueError(
        f"URL is an absolute http or https address of at most {_LONGEST_URL} characters"
    )


def _text_out(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("only a text is written here")  # noqa: TRY004
    return value


def _cursor_in(value: Any) -> str:
    if isinstance(value, str) and value and len(value) <= 2_000:
        return value
    raise ValueError("Cursor is the value of an edge's cursor, or of pageInfo, unchanged")


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, such as "12.34". Never a float.',
        serialize=decimal_out,
        parse_value=decimal_in,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description='A moment as RFC 3339 with an offset, such as "2026-03-01T09:30:00Z". Answers are in UTC.',
        serialize=date_time_out,
        parse_value=date_time_in,
    ),
    date: strawberry.scalar(
        name="Date",
        description='A day of the calendar, such as "2026-03-01".',
        serialize=date_out,
        parse_value=date_in,
    ),
    Count: strawberry.scalar(
        name="Count",
        description="A whole number from 0 up to 9007199254740991, such as 42.",
        serialize=count,
        parse_value=count,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description='An ISO 4217 currency code, or the code of a registered coin, such as "EUR".',
        serialize=_text_out,
        parse_value=_currency_in,
    ),
    CountryCode: strawberry.scalar(
        name="CountryCode",
        description='An ISO 3166 alpha-2 country code, such as "RO"; "ZZ" where the country is unknown.',
        serialize=_text_out,
        parse_value=_country_in,
    ),
    Url: strawberry.scalar(
        name="URL",
        description='An absolute http or https address, such as "https://tracker.example/p".',
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=_text_out,
        parse_value=_url_in,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A place in a list. Opaque and signed: hand it back unchanged.",
        serialize=_text_out,
        parse_value=_cursor_in,
    ),
}


def schema_config() -> StrawberryConfig:
    """The configuration that both schemas share."""
    return StrawberryConfig(scalar_map=SCALARS)
