"""Money in GraphQL."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from app.infra import money
from app.infra.money import quantise
from app.schema.scalars import CurrencyCode


@strawberry.type(description="An amount with its currency.")
class Money:
    amount: Decimal = strawberry.field(
        description='With the decimals of its currency, such as "12.34".'
    )
    currency: CurrencyCode = strawberry.field(description="Such as EUR.")

    @classmethod
    def of(cls, value: money.Money) -> Money:
        """From the domain's value."""
        return cls(
            amount=quantise(value.amount, value.currency), currency=CurrencyCode(value.currency)
        )
