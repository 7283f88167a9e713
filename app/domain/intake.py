"""What the intake endpoints share: reading items field by field, and one brand's intake after another (W3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.countries import told_country
from app.domain.errors import Invalid
from app.domain.scope import Scope
from app.infra.database import Transaction
from app.infra.money import MoneyError, decimals_of, parse_amount, parse_minor_units

# Items of one transaction: large enough to be fast, small enough to lock briefly.
CHUNK = 1_000
CLOCK_SKEW = timedelta(minutes=5)
LARGEST_COUNT = 10**12
# Far enough from the ends of time for every time zone.
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

# The visit 0 stands for none: a coupon or an operator decided.
_STAG = re.compile(r"([1-9][0-9]{0,17})_(0|[1-9][0-9]{0,18})")
# What JSON can say and PostgreSQL cannot keep: NUL and lone surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INSTEAD_OF_NEGATIVE = (
    "money that was paid back is a chargeback (chargebacks_sum); what was told wrongly is corrected by sending its "
    "interval again with the right total"
)
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")


@dataclass(frozen=True, slots=True)
class Stag:
    """A parsed `{promo_id}_{visit_id}`."""

    promo_id: int
    visit_id: int

    def __str__(self) -> str:
        return f"{self.promo_id}_{self.visit_id}"


async def lock_brand_intake(tx: Transaction, brand_id: int) -> None:
    """One transaction at a time takes in the data of a brand: the later one sees what the earlier one did."""
    await tx.fetch("SELECT pg_advisory_xact_lock(hashtextextended('intake', $1))", brand_id)


class Item:
    """One item of a batch, read field by field; every refusal is Invalid and names the field."""

    def __init__(self, raw: Any) -> None:
        if not isinstance(raw, Mapping):
            raise Invalid("the item is not a JSON object")
        self._raw = raw

    def has(self, name: str) -> bool:
        """True when the field is there and not null."""
        return self._raw.get(name) is not None

    def names(self) -> Iterable[str]:
        """The fields that were sent, null or not."""
        return self._raw.keys()

    def raw(self, name: str) -> Any:
        """A field as it was sent."""
        return self._raw.get(name)

    def text(self, name: str, longest: int) -> str | None:
        """A text, or None when it is absent; integers are taken as text, as some platforms send ids."""
        value = self._raw.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value or _UNSTORABLE.search(value):
            raise Invalid(f"{name} is not a text", field=(name,))
        if len(value) > longest:
            raise Invalid(f"{name} is longer than {longest} characters", field=(name,))
        return value

    def required_text(self, name: str, longest: int) -> str:
        """A text that must be there."""
        value = self.text(name, longest)
        if value is None:
            raise Invalid(f"{name} is missing", field=(name,))
        return value

    def time(self, name: str) -> datetime | None:
        """An ISO 8601 time with an offset, in UTC, or None when it is absent."""
        value = self._raw.get(name)
        return None if value is None else parse_time(value, name)

    def past_time(self, name: str, scope: Scope) -> datetime | None:
        """A time that does not lie in the future, or None when it is absent."""
        value = self.time(name)
        if value is not None and value > scope.now() + CLOCK_SKEW:
            raise Invalid(
                f"{name} lies in the future: check the clock and the offset", field=(name,)
            )
        return value

    def required_time(self, name: str, scope: Scope) -> datetime:
        """A time that must be there and not lie in the future."""
        value = self.past_time(name, scope)
        if value is None:
            raise Invalid(f"{name} is missing", field=(name,))
        return value

    def stag(self, name: str = "tag") -> Stag | None:
        """A stag, or None when it is absent."""
        value = self.text(name, 64)
        if value is None:
            return None
        match = _STAG.fullmatch(value)
        if match is None or int(match[2]) >= 2**63:
            raise Invalid(
                f"{name} is not of the form promo_visit, such as 17_2212091133", field=(name,)
            )
        return Stag(int(match[1]), int(match[2]))

    def country(self) -> str | None:
        """The code of a player's country; None when it is absent or the brand does not know it."""
        value = self.text("country", 2)
        return None if value is None else told_country(value, "country")

    def currency(self, default: str) -> str:
        """A currency code; the brand's own when it is absent."""
        value = self.text("currency", 8) or default
        try:
            decimals_of(value)
        except MoneyError as error:
            raise Invalid(f"currency: {error}", field=("currency",)) from None
        return value

    def count(self, name: str) -> Decimal:
        """A whole number from 0; 0 when it is absent."""
        value = self._raw[name] if self.has(name) else 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
            raise Invalid(f"{name} is not a whole number from 0 to {LARGEST_COUNT}", field=(name,))
        return Decimal(value)

    def amount(
        self, name: str, currency: str, *, signed: bool = False, instead: str = _INSTEAD_OF_NEGATIVE
    ) -> Decimal | None:
        """An amount as a decimal string, or under `{name}_cents` in minor units; None when neither is there.

        From 0 unless `signed`, and at most LARGEST_AMOUNT either way, in the currency. `instead` says what to send
        instead of less than 0.
        """
        cents = f"{name}_cents"
        blamed = cents if self.has(cents) else name
        try:
            value = self._amount(name, cents, currency)
        except MoneyError as error:
            raise Invalid(f"{blamed}: {error}", field=(blamed,)) from None
        if value is not None and value < 0 and not signed:
            raise Invalid(f"{blamed} is less than 0: {instead}", field=(blamed,))
        return value

    def _amount(self, name: str, cents: str, currency: str) -> Decimal | None:
        if self.has(cents):
            if self.has(name):
                raise Invalid(f"send {name} or {cents}, not both", field=(cents,))
            return parse_minor_units(self._raw[cents], currency)
        return parse_amount(self._raw[name], currency) if self.has(name) else None

    def boolean(self, name: str) -> bool | None:
        """True or false, or None when it is absent."""
        value = self._raw.get(name)
        if value is not None and not isinstance(value, bool):
            raise Invalid(f"{name} is neither true nor false", field=(name,))
        return value

    def integer(self, name: str) -> int | None:
        """A whole number from 0 that fits 63 bits, or None when it is absent."""
        value = self._raw.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise Invalid(f"{name} is not a whole number from 0 to {2**63 - 1}", field=(name,))
        return value


def is_storable(value: str) -> bool:
    """True when PostgreSQL can keep the text."""
    return not _UNSTORABLE.search(value)


def parse_time(value: Any, field: str) -> datetime:
    """An ISO 8601 time with an offset, in UTC. Raises Invalid naming the field."""
    if isinstance(value, str) and _OFFSET.search(value):
        try:
            at = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            if EARLIEST <= at <= LATEST:
                return at
            raise Invalid(f"{field} lies outside the years that can be recorded", field=(field,))
    raise Invalid(
        f"{field} is not an ISO 8601 time with an offset, such as 2026-03-01T09:30:00Z",
        field=(field,),
    )
