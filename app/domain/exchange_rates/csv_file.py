"""Rates from an uploaded CSV file: `day,base,currency,rate`, every mistake with its line (O21)."""

from __future__ import annotations

import csv
import re
from datetime import date
from decimal import Decimal

from app.domain.errors import Invalid
from app.domain.exchange_rates.values import NewRate

LARGEST_FILE = 1024 * 1024
MOST_LINES = 20_000
HEADER = ("day", "base", "currency", "rate")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RATE = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,18})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z0-9]{2,8}", re.ASCII)


def read_rates(text: str) -> list[tuple[int, NewRate]]:
    """The rates of a file, each with the number of its line; empty lines are skipped.

    Raises Invalid naming the line, what is wrong there and what to send. Only plain days, codes in capitals and plain
    decimals pass, so that nothing which is kept can act as a formula in a spreadsheet.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_FILE:
        raise _refused(f"the file has {size} bytes, at most {LARGEST_FILE} are allowed: split it")
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MOST_LINES:
        raise _refused(
            f"the file has {len(lines)} lines, at most {MOST_LINES} are allowed: split it"
        )
    if not lines or tuple(_cells(lines[0], 1)) != HEADER:
        raise _refused(f"line 1: the first line is not {','.join(HEADER)}: begin with it", "1")
    found = [
        (number, _rate(_cells(line, number), number))
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    if not found:
        raise _refused("the file has no rates below its first line: add some")
    return found


def _cells(line: str, number: int) -> list[str]:
    try:
        (cells,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        raise _refused(f"line {number}: this is not CSV: check its quotes", str(number)) from None
    return [cell.strip() for cell in cells]


def _rate(cells: list[str], number: int) -> NewRate:
    if len(cells) != len(HEADER):
        reason = f"line {number}: {len(cells)} values, {len(HEADER)} are needed: {','.join(HEADER)}"
        raise _refused(reason, str(number))
    day, base, currency, rate = cells
    for field, code in (("base", base), ("currency", currency)):
        if not _CURRENCY.fullmatch(code):
            raise _refused(
                f"line {number}: {_shown(code)} is no currency: send a code such as EUR",
                str(number),
                field,
            )
    if not _RATE.fullmatch(rate):
        raise _refused(
            f"line {number}: {_shown(rate)} is no rate: send a plain decimal such as 4.9771,"
            " with at most 16 digits and 18 decimals",
            str(number),
            "rate",
        )
    return NewRate(_day(day, number), base, currency, Decimal(rate))


def _day(value: str, number: int) -> date:
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _refused(
        f"line {number}: {_shown(value)} is no day: send one such as 2026-03-01", str(number), "day"
    )


def _shown(value: str) -> str:
    """A refused value, short enough for a message."""
    return repr(value[:40])


def _refused(reason: str, *path: str) -> Invalid:
    return Invalid(reason, field=("csv", *path))
