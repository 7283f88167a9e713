"""Brands, landings and commission plans in GraphQL."""

from __future__ import annotations

import strawberry

from app import models
from app.schema.ids import encode_id
from app.schema.scalars import CurrencyCode


@strawberry.type(description="What is promoted.")
class Brand:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="Such as Lucky Otter Casino.")
    category: str = strawberry.field(description="Such as casino or shop.")
    time_zone: str = strawberry.field(
        description="The zone of the brand's business day, such as Europe/Bucharest."
    )
    currency: CurrencyCode = strawberry.field(description="The brand's own currency, such as EUR.")

    @classmethod
    def of(cls, row: models.Brand) -> Brand:
        """From the model."""
        return cls(
            id=encode_id("Brand", row.id),
            name=row.name,
            category=row.category,
            time_zone=row.time_zone,
            currency=CurrencyCode(row.currency),
        )


@strawberry.type(description="A page of the brand that a promo can lead to.")
class Landing:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    title: str = strawberry.field(description="Such as Welcome bonus.")
    url: str = strawberry.field(
        description="Where visitors arrive, such as https://casino.example/welcome."
    )

    @classmethod
    def of(cls, row: models.Landing) -> Landing:
        """From the model."""
        return cls(id=encode_id("Landing", row.id), title=row.title, url=row.url)


@strawberry.type(description="An executable deal of one brand; report columns call it a strategy.")
class CommissionPlan:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    name: str = strawberry.field(description="Such as Revenue share 30%.")

    @classmethod
    def of(cls, row: models.CommissionPlan) -> CommissionPlan:
        """From the model."""
        return cls(id=encode_id("CommissionPlan", row.id), name=row.name)
