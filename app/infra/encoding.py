"""JSON in and out: numbers with a fraction are read as Decimal, never as float; Decimals are written as strings."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from app.infra.money import decimal_text


class JsonError(ValueError):
    """The bytes are not JSON that this server reads; the text says where or why."""


def dumps(value: Any) -> bytes:
    """Encode as JSON; Decimals become strings, times RFC 3339."""
    return orjson.dumps(value, default=_encode, option=orjson.OPT_NON_STR_KEYS)


def dumps_text(value: Any) -> str:
    """`dumps`, as text."""
    return dumps(value).decode()


def loads(data: bytes | str) -> Any:
    """Decode JSON with exact numbers. Raises JsonError for anything else, including NaN and deep nesting."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        return json.loads(text, parse_float=_exact, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise JsonError(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise JsonError("the document is nested too deeply") from None
    except JsonError:
        raise
    except ValueError:
        # Python's own limit for whole numbers, whose words are about Python.
        raise JsonError("a whole number has more than 4,300 digits") from None


def _exact(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        raise JsonError("a number has an exponent that is too large") from None


def _refuse_constant(name: str) -> Any:
    raise JsonError(f"{name} is not a JSON number")


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"cannot encode {type(value).__name__} as JSON")
