"""Partners as operators see them (admin schema only)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.partners.reads import OfPartner, PartnerFilter
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.users import OperatorUser


@strawberry.enum(description="What a partner account is.")
class PartnerState(Enum):
    PENDING = strawberry.enum_value("pending", description="Waits for an operator's approval.")
    ACTIVE = strawberry.enum_value("active", description="Works.")
    BLOCKED = strawberry.enum_value("blocked", description="Stopped by an operator.")
    REJECTED = strawberry.enum_value("rejected", description="Not approved.")


@strawberry.type(description="An affiliate account.")
class Partner(Node):
    name: str = strawberry.field(description="Such as Review Hub.")
    code: str = strawberry.field(description="The public code in network links, such as RVWHUB.")
    state: PartnerState = strawberry.field(description="Whether the account works.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Partner]

    @strawberry.field(description="The personal manager; null when there is none.")
    async def manager(self, info: Info[Any, Any]) -> OperatorUser | None:
        profile = await self._profile(info)
        if profile is None or profile.manager_id is None:
            return None
        row = await context_of(info).loaders.one(models.User, profile.manager_id)
        return OperatorUser.of(row) if row else None

    @strawberry.field(description='Operators\' own words to sort partners by, such as ["vip"].')
    async def tags(self, info: Info[Any, Any]) -> list[str]:
        profile = await self._profile(info)
        return list(profile.tags) if profile else []

    @strawberry.field(description="Why it was rejected or blocked; null otherwise.")
    async def state_reason(self, info: Info[Any, Any]) -> str | None:
        profile = await self._profile(info)
        return profile.state_reason if profile else None

    async def _profile(self, info: Info[Any, Any]) -> models.PartnerProfile | None:
        return await context_of(info).loaders.one(models.PartnerProfile, self.row.id, "partner_id")

    @classmethod
    def of(cls, row: models.Partner) -> Partner:
        """From the model."""
        return cls(
            id=encode_id("Partner", row.id),
            name=row.name,
            code=row.code,
            state=PartnerState(row.state),
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which partners.")
class PartnerFilterInput:
    state: PartnerState | None = strawberry.field(default=None, description="Only in this state.")
    name_contains: str | None = strawberry.field(
        default=None, description="Part of the name, in any case."
    )

    manager_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this personal manager."
    )

    def to_domain(self) -> PartnerFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        manager_id = decode_optional_id("OperatorUser", self.manager_id, "managerId")
        state = str(self.state.value) if self.state else None
        return PartnerFilter(state, self.name_contains, manager_id)


@strawberry.type(description="What an operator wrote down about a partner; partners never see it.")
class PartnerNote(Node):
    text: str = strawberry.field(description="The note.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.PartnerNote]

    @strawberry.field(description="Who wrote it.")
    async def author(self, info: Info[Any, Any]) -> OperatorUser | None:
        row = await context_of(info).loaders.one(models.User, self.row.author_id)
        return OperatorUser.of(row) if row else None

    @classmethod
    def of(cls, row: models.PartnerNote) -> PartnerNote:
        """From the model."""
        return cls(
            id=encode_id("PartnerNote", row.id), text=row.text, created_at=row.created_at, row=row
        )


@strawberry.input(description="Of which partner.")
class OfPartnerInput:
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="None: of all within your limits."
    )

    def to_domain(self) -> OfPartner:
        """The domain's filter; raises NotFound for an id that is none."""
        return OfPartner(decode_optional_id("Partner", self.partner_id, "partnerId"))
