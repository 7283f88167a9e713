"""The daily file of the European Central Bank: its reference rates as XML, read strictly.

The reader keeps a day and some numbers, never a tree. A document type is refused, so that there are no entities to
expand and nothing to fetch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.parsers import expat

BASE = "EUR"
LARGEST_FILE = 1024 * 1024
MOST_RATES = 200
# One euro has never been worth less or more of any currency in the file: beyond it, something is broken.
SMALLEST_RATE = Decimal("0.0001")
LARGEST_RATE = Decimal(10_000_000)

_CUBE = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_RATE = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10})?", re.ASCII)


class MalformedFile(Exception):
    """The file cannot be the bank's; the text says why."""


@dataclass(frozen=True, slots=True)
class DailyRates:
    """Units of each currency for one euro, on a day."""

    day: date
    rates: Mapping[str, Decimal]


def read_daily_file(text: str) -> DailyRates:
    """The rates of a daily file. Raises MalformedFile for anything that is not exactly one day of sane rates."""
    if len(text) > LARGEST_FILE:
        raise MalformedFile(f"it has more than {LARGEST_FILE} characters")
    reader = _Reader()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.StartElementHandler = reader.element
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise MalformedFile(f"it is not XML: {error}") from None
    if reader.day is None or not reader.rates:
        raise MalformedFile("it has no day with rates")
    return DailyRates(reader.day, reader.rates)


class _Reader:
    """What was met so far."""

    def __init__(self) -> None:
        self.day: date | None = None
        self.rates: dict[str, Decimal] = {}

    def refuse_doctype(self, *_declaration: object) -> None:
        raise MalformedFile("it declares a document type")

    def element(self, name: str, attributes: dict[str, str]) -> None:
        if name != _CUBE:
            return
        if "time" in attributes:
            self._take_day(attributes["time"])
        if "currency" in attributes or "rate" in attributes:
            self._take_rate(attributes.get("currency", ""), attributes.get("rate", ""))

    def _take_day(self, value: str) -> None:
        if self.day is not None:
            raise MalformedFile("it has more than one day")
        try:
            if _DAY.fullmatch(value):
                self.day = date.fromisoformat(value)
                return
        except ValueError:
            pass
        raise MalformedFile(f"{value[:40]!r} is no day")

    def _take_rate(self, currency: str, rate: str) -> None:
        if self.day is None:
            raise MalformedFile("it has a rate before its day")
        if not _CURRENCY.fullmatch(currency) or currency == BASE or currency in self.rates:
            raise MalformedFile(f"{currency[:40]!r} is no currency, or comes twice")
        if not _RATE.fullmatch(rate) or not SMALLEST_RATE <= Decimal(rate) <= LARGEST_RATE:
            raise MalformedFile(f"{rate[:40]!r} is no rate of {currency}")
        if len(self.rates) == MOST_RATES:
            raise MalformedFile(f"it has more than {MOST_RATES} rates")
        self.rates[currency] = Decimal(rate)
