"""The exchange rates of the demo programme: what one euro was worth on each of its days (M40)."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

from app.domain.exchange_rates.commands import set_exchange_rates
from app.domain.exchange_rates.values import NewRate
from app.domain.scope import Scope

_FIRST = {"CAD": "1.4870", "GBP": "0.8425", "RON": "4.9765", "USD": "1.0790"}
# The most that a rate moves in a day, in hundredths of a per cent.
_LARGEST_STEP = 40
_SEED = 20_260_307


async def make_exchange_rates(operator: Scope, first_day: date, days: int) -> None:
    """Enter a rate of each currency for each day, the same ones for everybody.

    The scope's clock stands at the last day or later.
    """
    # Dice of their own: the rest of the demo stays as it is.
    dice = random.Random(_SEED)  # noqa: S311
    value = {currency: Decimal(rate) for currency, rate in _FIRST.items()}
    rates = []
    for number in range(days):
        day = first_day + timedelta(days=number)
        for currency, before in value.items():
            step = Decimal(10_000 + dice.randint(-_LARGEST_STEP, _LARGEST_STEP)) / 10_000
            value[currency] = (before * step).quantize(Decimal("0.0001"))
            rates.append(NewRate(day, "EUR", currency, value[currency]))
    await set_exchange_rates(operator, rates)
