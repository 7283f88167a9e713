"""Exchange rates, as operators read and enter them (M40, O21)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from app.domain.exchange_rates import commands, reads
from app.domain.exchange_rates.lookup import MissingRate
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of, query
from app.schema.scalars import CurrencyCode
from app.schema.types.exchange_rate import (
    ExchangeRate,
    ExchangeRateFilterInput,
    ExchangeRatesPayload,
    FoundExchangeRate,
    ImportExchangeRatesInput,
    SetExchangeRatesInput,
)

_Day = Annotated[date, strawberry.argument(description="The business day.")]
_From = Annotated[
    CurrencyCode, strawberry.argument(name="from", description="Of what one unit is priced.")
]
_To = Annotated[CurrencyCode, strawberry.argument(name="to", description="What it is priced in.")]
# A whole file in one transaction.
IMPORT_COST = 500
SET_COST = 50


@strawberry.type
class ExchangeRateQueries:
    exchange_rates = connection(
        ExchangeRate,
        reads.exchange_rates,
        reads.ExchangeRateOrder,
        ExchangeRateFilterInput,
        "What currencies were worth, day by day (M40).",
    )

    @query(
        permission_of(reads.exchange_rate_on),
        "The rate that converts on a day: the currencies' own, its inverse, or by a third one; of the last earlier"
        " day where the day has none. Null: there is no rate at all, and amounts wait for one (M40).",
    )
    async def exchange_rate_on(
        self, info: Info[Any, Any], day: _Day, base: _From, currency: _To
    ) -> FoundExchangeRate | None:
        found = await reads.exchange_rate_on(scope_of(info), day, base, currency)
        return None if isinstance(found, MissingRate) else FoundExchangeRate.of(found)


@strawberry.type
class ExchangeRateMutations:
    @mutation(
        permission_of(commands.set_exchange_rates),
        "Enter exchange rates, all of them or none; the same ones again change nothing (M40).",
        cost=SET_COST,
    )
    async def set_exchange_rates(
        self, info: Info[Any, Any], input: SetExchangeRatesInput
    ) -> ExchangeRatesPayload:
        rates = [each.to_domain() for each in input.rates]
        made = await commands.set_exchange_rates(scope_of(info), rates, replace=input.replace)
        return ExchangeRatesPayload.of(made)

    @mutation(
        permission_of(commands.import_exchange_rates),
        "Enter the exchange rates of a CSV file, all of them or none (M40).",
        cost=IMPORT_COST,
    )
    async def import_exchange_rates(
        self, info: Info[Any, Any], input: ImportExchangeRatesInput
    ) -> ExchangeRatesPayload:
        made = await commands.import_exchange_rates(
            scope_of(info), input.csv, replace=input.replace
        )
        return ExchangeRatesPayload.of(made)
