"""Contacts in GraphQL (A69)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.schema.ids import encode_id
from app.schema.node import Node
from app.schema.types.news import brand_of
from app.schema.types.offer import Brand


@strawberry.type(description="Whom partners may write to.")
class Contact(Node):
    name: str = strawberry.field(description="Such as Mara Lindt.")
    position: str = strawberry.field(description="Such as Affiliate manager.")
    email: str | None = strawberry.field(description="Such as mara@casino.example.")
    phone: str | None = strawberry.field(description="Such as +356 2123 4567.")
    messenger: str | None = strawberry.field(description="Such as Telegram @mara.")
    row: strawberry.Private[models.Contact]

    @strawberry.field(description="Whose contact it is; null: the whole programme's.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        return await brand_of(info, self.row.brand_id)

    @classmethod
    def of(cls, row: models.Contact) -> Contact:
        """From the model."""
        return cls(
            id=encode_id("Contact", row.id),
            name=row.name,
            position=row.position,
            email=row.email,
            phone=row.phone,
            messenger=row.messenger,
            row=row,
        )


@strawberry.type(description="The operator who looks after your account.")
class PersonalContact:
    name: str = strawberry.field(description="Such as Olga Operator.")
    email: str = strawberry.field(description="Such as operator@demo.test.")
