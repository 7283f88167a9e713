"""The values of a brand: each checked, and refused with its field, its limit and the way out. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from app.domain.errors import Invalid
from app.domain.text import clean_name
from app.domain.urls import clean_domain
from app.infra.clock import zone
from app.infra.money import LARGEST_AMOUNT, MoneyError, decimals_of

LONGEST_COOKIE_DAYS = 365
LONGEST_APPROVAL_DAYS = 365
PERCENT_DECIMALS = 4
MOST_DOMAINS = 100

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def clean_category(value: str) -> str:
    """Such as casino or shop: at most 64 characters, in lower case. Raises Invalid."""
    return clean_name(value, "category", 64).lower()


def clean_time_zone(value: str) -> str:
    """An IANA time zone. Raises Invalid."""
    try:
        return zone(value.strip()).key
    except ValueError as error:
        raise Invalid(f"timeZone: {error}", field=("timeZone",)) from None


def clean_currency(value: str) -> str:
    """An ISO 4217 code or a registered coin. Raises Invalid."""
    try:
        decimals_of(value)
    except MoneyError as error:
        raise Invalid(f"currency: {error}", field=("currency",)) from None
    return value


def clean_domains(values: Sequence[str]) -> list[str]:
    """Hosts in the order of the alphabet, each once. Raises Invalid."""
    if len(values) > MOST_DOMAINS:
        raise Invalid(
            f"domains: {len(values)} domains, at most {MOST_DOMAINS} are allowed; each stands for its "
            "subdomains as well",
            field=("domains",),
        )
    return sorted({clean_domain(value, "domains") for value in values})


def clean_stag_parameter(value: str) -> str:
    """The name of a query parameter. Raises Invalid."""
    name = value.strip()
    if not _PARAMETER.fullmatch(name):
        raise Invalid(
            "stagParameter: a letter, then at most 63 letters, digits and _ . -, such as stag",
            field=("stagParameter",),
        )
    return name


def clean_cookie_days(value: int, field: str = "cookieDays") -> int:
    """The attribution window in days, 1 to 365. Raises Invalid."""
    return _within(value, 1, LONGEST_COOKIE_DAYS, field)


def clean_approval_days(value: int, field: str = "approvalDays") -> int:
    """The days after which a sale or lead is accepted by itself, 0 to 365. Raises Invalid."""
    return _within(value, 0, LONGEST_APPROVAL_DAYS, field)


def clean_sale_percent(value: Decimal | None, field: str = "defaultSalePercent") -> Decimal | None:
    """A share of sales: above 0, at most 100, with at most four decimals. Raises Invalid."""
    if value is None:
        return None
    if not 0 < value <= 100 or _decimals(value) > PERCENT_DECIMALS:
        raise Invalid(
            f"{field} is {value:f}: a percentage is above 0 and at most 100, with at most "
            f"{PERCENT_DECIMALS} decimals",
            field=(field,),
        )
    return value


def clean_lead_amount(
    value: Decimal | None, currency: str, field: str = "defaultLeadAmount"
) -> Decimal | None:
    """An amount for each lead in the brand's currency, above 0. Raises Invalid."""
    if value is None:
        return None
    decimals = decimals_of(currency)
    if not 0 < value <= LARGEST_AMOUNT or _decimals(value) > decimals:
        raise Invalid(
            f"{field} is {value:f}: an amount is above 0 and has at most {decimals} decimals in {currency}",
            field=(field,),
        )
    return value


def _within(value: int, least: int, most: int, field: str) -> int:
    if not least <= value <= most:
        raise Invalid(f"{field} is {value}: {least} to {most} days are allowed", field=(field,))
    return value


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
