"""Exchange rates in GraphQL (M40, O21)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import strawberry

from app import models
from app.domain.exchange_rates import commands, lookup
from app.domain.exchange_rates.reads import ExchangeRateFilter
from app.domain.exchange_rates.values import NewRate, RateSource
from app.schema.errors import UserError
from app.schema.ids import encode_id
from app.schema.node import Node
from app.schema.scalars import Count, CurrencyCode

_BASE = "The currency of which one unit is priced, such as EUR."
_CURRENCY = "The currency that it is priced in, such as RON."
_RATE = 'Units of `currency` for one unit of `base`, such as "4.9771".'


@strawberry.enum(description="Where a rate came from.")
class ExchangeRateSource(Enum):
    OPERATOR = strawberry.enum_value(
        RateSource.OPERATOR.value, description="An operator entered it."
    )
    UPLOAD = strawberry.enum_value(RateSource.UPLOAD.value, description="A file.")
    ECB = strawberry.enum_value(RateSource.ECB.value, description="The European Central Bank.")


@strawberry.enum(description="How the rate of two currencies was found (M40).")
class ExchangeRateWay(Enum):
    SAME = strawberry.enum_value(lookup.Way.SAME.value, description="They are one currency: 1.")
    DIRECT = strawberry.enum_value(lookup.Way.DIRECT.value, description="Their own rate.")
    INVERSE = strawberry.enum_value(
        lookup.Way.INVERSE.value, description="Their own rate, the other way round."
    )
    CROSS = strawberry.enum_value(
        lookup.Way.CROSS.value, description="Two rates, by a currency between them."
    )


@strawberry.type(description="What one unit of a currency was worth on a day. Never edited.")
class ExchangeRate(Node):
    day: date = strawberry.field(description="The business day.")
    base: CurrencyCode = strawberry.field(description=_BASE)
    currency: CurrencyCode = strawberry.field(description=_CURRENCY)
    rate: Decimal = strawberry.field(description=_RATE)
    source: ExchangeRateSource = strawberry.field(description="Where it came from.")
    created_at: datetime = strawberry.field(description="UTC.")
    superseded_at: datetime | None = strawberry.field(
        description="UTC: since when another one has its place. Null: it is in use."
    )

    @classmethod
    def of(cls, row: models.ExchangeRate) -> ExchangeRate:
        """From the model."""
        return cls(
            id=encode_id("ExchangeRate", row.id),
            day=row.day,
            base=CurrencyCode(row.base),
            currency=CurrencyCode(row.currency),
            rate=row.rate,
            source=ExchangeRateSource(row.source),
            created_at=row.created_at,
            superseded_at=row.superseded_at,
        )


@strawberry.type(description="A stored rate that another one was made from.")
class ExchangeRateLeg:
    rate_id: strawberry.ID = strawberry.field(description="Opaque id of the stored rate.")
    day: date = strawberry.field(description="Its day.")
    base: CurrencyCode = strawberry.field(description=_BASE)
    currency: CurrencyCode = strawberry.field(description=_CURRENCY)
    rate: Decimal = strawberry.field(description=_RATE)
    source: ExchangeRateSource = strawberry.field(description="Where it came from.")


@strawberry.type(description="The rate that converts on a day, and how it was found (M40).")
class FoundExchangeRate:
    rate: Decimal = strawberry.field(
        description="Units of the second currency for one of the first, with up to 50 digits."
    )
    way: ExchangeRateWay = strawberry.field(description="How it was found.")
    via: CurrencyCode | None = strawberry.field(
        description="The currency between, of a cross rate."
    )
    day: date = strawberry.field(
        description="The day of the rate that was used; of two, the earlier one."
    )
    is_earlier: bool = strawberry.field(
        description="Whether the day itself has no rate, and the last earlier one was used."
    )
    legs: list[ExchangeRateLeg] = strawberry.field(
        description="What it was made from: at most two."
    )

    @classmethod
    def of(cls, found: lookup.FoundRate) -> FoundExchangeRate:
        """From the domain's value."""
        return cls(
            rate=found.rate,
            way=ExchangeRateWay(found.way.value),
            via=CurrencyCode(found.via) if found.via else None,
            day=found.day,
            is_earlier=found.is_earlier,
            legs=[
                ExchangeRateLeg(
                    rate_id=encode_id("ExchangeRate", leg.id),
                    day=leg.day,
                    base=CurrencyCode(leg.base),
                    currency=CurrencyCode(leg.currency),
                    rate=leg.rate,
                    source=ExchangeRateSource(leg.source),
                )
                for leg in found.legs
            ],
        )


@strawberry.input(description="Which exchange rates.")
class ExchangeRateFilterInput:
    from_day: date | None = strawberry.field(default=None, description="Of this day or later.")
    to_day: date | None = strawberry.field(default=None, description="Of this day or earlier.")
    base: CurrencyCode | None = strawberry.field(default=None, description=_BASE)
    currency: CurrencyCode | None = strawberry.field(default=None, description=_CURRENCY)
    source: ExchangeRateSource | None = strawberry.field(
        default=None, description="Only those that came from there."
    )
    superseded: bool = strawberry.field(
        default=False, description="Those as well that others have taken the place of."
    )

    def to_domain(self) -> ExchangeRateFilter:
        """The domain's filter."""
        return ExchangeRateFilter(
            self.from_day,
            self.to_day,
            self.base,
            self.currency,
            RateSource(str(self.source.value)) if self.source else None,
            bool(self.superseded),
        )


@strawberry.input(description="A rate of one day.")
class ExchangeRateInput:
    day: date = strawberry.field(description="The business day, at the latest today's.")
    base: CurrencyCode = strawberry.field(description=_BASE)
    currency: CurrencyCode = strawberry.field(description=_CURRENCY)
    rate: Decimal = strawberry.field(description=_RATE)

    def to_domain(self) -> NewRate:
        """The domain's value."""
        return NewRate(self.day, self.base, self.currency, self.rate)


_REPLACE = (
    "Put them in the place of other rates between the same two currencies on the same day,"
    " which are kept as superseded. Otherwise such a rate is refused."
)


@strawberry.input(description="Rates: all of them are entered, or none.")
class SetExchangeRatesInput:
    rates: list[ExchangeRateInput] = strawberry.field(description="At most 1,000.")
    replace: bool = strawberry.field(default=False, description=_REPLACE)


@strawberry.input(description="A file of rates: all of them are entered, or none.")
class ImportExchangeRatesInput:
    csv: str = strawberry.field(
        description="Lines of `day,base,currency,rate`, which is the first line, such as"
        " `2026-03-01,EUR,RON,4.9771`. At most 20,000 lines and 1 MiB."
    )
    replace: bool = strawberry.field(default=False, description=_REPLACE)


@strawberry.type(description="What became of the rates, or why none was entered.")
class ExchangeRatesPayload:
    entered: Count | None = strawberry.field(
        default=None, description="How many are new, such as 3."
    )
    replaced: Count | None = strawberry.field(
        default=None, description="How many took the place of another one, such as 1."
    )
    unchanged: Count | None = strawberry.field(
        default=None, description="How many were there already, such as 0."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="Empty on success. The path names the item or the line, such as"
        ' ["rates", "0", "rate"] or ["csv", "7", "rate"].',
    )

    @classmethod
    def of(cls, made: commands.Entered) -> ExchangeRatesPayload:
        """From the domain's value."""
        return cls(
            entered=Count(made.entered),
            replaced=Count(made.replaced),
            unchanged=Count(made.unchanged),
        )
