"""Strict scalars (G22): a value is exact and of the stated form, or it is refused with a sentence."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NewType

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from app.infra.money import decimal_text

Count = NewType("Count", int)
CurrencyCode = NewType("CurrencyCode", str)

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?")
_CURRENCY = re.compile(r"[A-Z]{3,8}")
_LARGEST_EXACT = 2**53 - 1


def parse_decimal(value: Any) -> Decimal:
    """A plain decimal string; raises ValueError for floats, exponents, NaN and more than 18 decimals."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise ValueError('Decimal is a plain decimal string such as "12.34"')


def _parse_count(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_EXACT:
        return value
    raise ValueError("Count is a whole number from 0")


def _parse_currency(value: Any) -> str:
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value
    raise ValueError("CurrencyCode is an ISO 4217 code or a registered coin, such as EUR")


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, such as "12.34". Never a float.',
        serialize=decimal_text,
        parse_value=parse_decimal,
    ),
    Count: strawberry.scalar(
        name="Count",
        description="A whole number from 0 up to 9007199254740991, such as 42.",
        serialize=int,
        parse_value=_parse_count,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="An ISO 4217 currency code, or the code of a registered coin, such as EUR.",
        serialize=str,
        parse_value=_parse_currency,
    ),
}


def schema_config() -> StrawberryConfig:
    """The configuration that both schemas share."""
    return StrawberryConfig(scalar_map=SCALARS)
