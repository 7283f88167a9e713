"""Money: a Decimal with its currency; the registry of currencies and their number of decimals (M41)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

from babel.core import get_global

# Currency column of a row that carries no money: ISO 4217's own code for "no currency".
NO_CURRENCY = "XXX"

# Coins are registered here with the number of decimals in which they are paid.
_COINS = {"BTC": 8, "ETH": 18, "LTC": 8, "DOGE": 8, "TRX": 6, "USDT": 6, "USDC": 6}

# NUMERIC(38, 18): what one stored amount can hold.
STORED_DIGITS = 38
STORED_DECIMALS = 18
LARGEST_AMOUNT = Decimal(10) ** 15

# Arithmetic with amounts: wide enough for any sum of them, where Python's 28 digits would round a coin's.
EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)

_PLAIN_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,18})?")


class MoneyError(ValueError):
    """An amount or a currency code that cannot be money; the text says why."""


@lru_cache(maxsize=1)
def currencies() -> dict[str, int]:
    """Every known currency code with its number of decimals: ISO 4217 and the registered coins."""
    fractions = get_global("currency_fractions")
    default = fractions["DEFAULT"][0]
    codes = {code for code in get_global("all_currencies") if code != NO_CURRENCY}
    return {code: fractions.get(code, (default,))[0] for code in codes} | _COINS


def decimals_of(currency: str) -> int:
    """The number of decimals of a currency; raises MoneyError for an unknown code."""
    try:
        return currencies()[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not an ISO 4217 currency or a registered coin") from None


def quantise(amount: Decimal, currency: str) -> Decimal:
    """Round half-even to the currency's decimals: once, where an amount is created (M41)."""
    return EXACT.quantize(amount, _smallest(currency))


@lru_cache(maxsize=512)
def _smallest(currency: str) -> Decimal:
    return Decimal(1).scaleb(-decimals_of(currency))


def parse_amount(text: object, currency: str) -> Decimal:
    """Read an amount from a decimal string (never a float) and check it against its currency.

    Raises MoneyError when it is not a plain decimal, has more decimals than the currency,
    or is larger than LARGEST_AMOUNT.
    """
    if not isinstance(text, str) or not _PLAIN_DECIMAL.fullmatch(text):
        raise MoneyError(f'{_shown(text)} is not an amount: send a decimal string such as "12.34"')
    decimals = decimals_of(currency)
    if len(text.partition(".")[2].rstrip("0")) > decimals:
        raise MoneyError(f"{text} has more than the {decimals} decimals of {currency}")
    amount = Decimal(text)
    if amount.copy_abs() > LARGEST_AMOUNT:
        raise MoneyError(f"{text} is larger than {LARGEST_AMOUNT:f} either way")
    return amount


def parse_minor_units(value: object, currency: str) -> Decimal:
    """Read an amount given as an integer number of minor units; raises MoneyError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise MoneyError(f"{_shown(value)} is not a whole number of minor units")
    decimals = decimals_of(currency)
    if abs(value) > int(LARGEST_AMOUNT) * 10**decimals:
        raise MoneyError(f"the amount is larger than {LARGEST_AMOUNT:f} {currency} either way")
    return EXACT.scaleb(Decimal(value), -decimals)


def _shown(value: object) -> str:
    """A refused value as a message may quote it: short, whatever it is."""
    if isinstance(value, str | int | float | Decimal):
        text = str(value) if isinstance(value, Decimal) else repr(value)
        if len(text) <= 60:
            return text
    return f"this {type(value).__name__}"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency. Adding two currencies is a TypeError of the programme, not a conversion."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise MoneyError(f"{self.amount} is not a finite amount")

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise TypeError(f"cannot add {other.currency} to {self.currency}")
        return Money(EXACT.add(self.amount, other.amount), self.currency)

    def text(self) -> str:
        """The amount as a decimal string with exactly the currency's decimals."""
        return f"{quantise(self.amount, self.currency):f}"


def decimal_text(value: Decimal) -> str:
    """A finite Decimal without exponent or trailing zeros; raises MoneyError when it is not finite."""
    if not value.is_finite():
        raise MoneyError(f"{value} is not a finite number")
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain
