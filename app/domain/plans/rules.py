"""The rules of single values in a plan's terms: each reads one value, or says what is wrong and what would be right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from app.infra.money import LARGEST_AMOUNT, MoneyError, decimals_of

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,18})?", re.ASCII)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
PERCENT_DECIMALS = 4


class WrongValue(Exception):
    """A value breaks its rule; the text names the limit and the fix."""


class Rule(Protocol):
    """Reads one value."""

    def read(self, value: Any, currency: str | None) -> Any:
        """The value as the model holds it; `currency` is that of the terms, None when it is wrong itself."""


def shown(value: Any) -> str:
    """A refused value as a message may quote it: short, whatever it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value[:40]}"' if value.isprintable() else "this text"
    return str(value)[:40] if isinstance(value, int | Decimal) else "this"


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of at least zero as a decimal string, with at most the decimals of the plan's currency."""

    # Whether nothing is an amount as well.
    zero: bool = True
    # False: it may be a number of players as well, which `checks.py` looks at.
    of_currency: bool = True

    def read(self, value: Any, currency: str | None) -> Decimal:
        """The amount."""
        amount = _decimal(value, "12.34")
        if amount > LARGEST_AMOUNT:
            raise WrongValue(f"{value} is too large: at most {LARGEST_AMOUNT:f} is allowed")
        if not amount and not self.zero:
            raise WrongValue("0 means nothing here: send more than 0, or leave it out")
        if self.of_currency and currency is not None:
            check_decimals(amount, currency)
        return amount


def check_decimals(amount: Decimal, currency: str) -> None:
    """Raise WrongValue for an amount with more decimals than its currency has."""
    decimals = decimals_of(currency)
    if _decimals(amount) > decimals:
        raise WrongValue(
            f"{amount:f} has more than the {decimals} decimals of {currency}: round it"
        )


@dataclass(frozen=True, slots=True)
class Percent:
    """A percent of a hundred as a decimal string: above 0 and up to 100, with at most four decimals."""

    zero: bool = False

    def read(self, value: Any, currency: str | None) -> Decimal:
        """The percent."""
        percent = _decimal(value, "12.5")
        least = "0" if self.zero else "more than 0"
        if percent > 100 or (not percent and not self.zero):
            raise WrongValue(f"{value} is no percent: send {least}, up to 100")
        if _decimals(percent) > PERCENT_DECIMALS:
            raise WrongValue(f"{value} has more than {PERCENT_DECIMALS} decimals: round it")
        return percent


def _decimals(value: Decimal) -> int:
    """How many decimals mean something."""
    return len(f"{value:f}".partition(".")[2].rstrip("0"))


def _decimal(value: Any, example: str) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise WrongValue(
            f'{shown(value)} is no decimal string of at least 0: send one such as "{example}"'
        )
    return Decimal(value)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two limits, both included."""

    least: int
    most: int

    def read(self, value: Any, currency: str | None) -> int:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongValue(
                f"{shown(value)} is no whole number: send one from {self.least} to {self.most}"
            )
        if not self.least <= value <= self.most:
            raise WrongValue(f"{shown(value)} is out of range: send {self.least} to {self.most}")
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, value: Any, currency: str | None) -> bool:
        """The flag."""
        if not isinstance(value, bool):
            raise WrongValue(f"{shown(value)} is neither true nor false: send one of them")
        return value


@dataclass(frozen=True, slots=True)
class Key:
    """A short name for programmes."""

    def read(self, value: Any, currency: str | None) -> str:
        """The name."""
        if not isinstance(value, str) or not _KEY.fullmatch(value):
            raise WrongValue(
                f"{shown(value)} is no key: send 1 to 32 of a-z, 0-9 and _, a letter first, such as revenue_share"
            )
        return value


@dataclass(frozen=True, slots=True)
class Country:
    """An ISO 3166 alpha-2 code."""

    def read(self, value: Any, currency: str | None) -> str:
        """The code."""
        if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
            raise WrongValue(
                f"{shown(value)} is no country: send ISO 3166 alpha-2 codes in capitals, such as RO"
            )
        return value


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code or a registered coin."""

    def read(self, value: Any, currency: str | None) -> str:
        """The code."""
        if isinstance(value, str):
            try:
                decimals_of(value)
            except MoneyError:
                pass
            else:
                return value
        raise WrongValue(
            f"{shown(value)} is no currency: send an ISO 4217 code or a registered coin, such as EUR"
        )
