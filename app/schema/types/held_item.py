"""Items of brands that wait for a visit, and lines of players' flags, in GraphQL (W3, M06)."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from app import models
from app.domain.held.resolve import HeldItemFilter
from app.domain.held.waiting import Door
from app.domain.players.flags import FlagFilter
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.intake import PlayerFlagKind
from app.schema.types.offer import Brand
from app.schema.types.player import Player


@strawberry.enum(description="What became of a held item.")
class HeldItemState(Enum):
    HELD = strawberry.enum_value("held", description="It still waits.")
    TAKEN = strawberry.enum_value("taken", description="It was taken in.")
    REJECTED = strawberry.enum_value("rejected", description="It was refused: see error.")


@strawberry.enum(description="By which door an item of a brand came.")
class IntakeDoor(Enum):
    PLAYERS = strawberry.enum_value(Door.PLAYERS.value, description="`/api/v1/players`.")
    ACTIVITY = strawberry.enum_value(Door.ACTIVITY.value, description="`/api/v1/activity`.")
    EVENTS = strawberry.enum_value(Door.EVENTS.value, description="`/api/v1/events`.")


@strawberry.type(description="An item that waits, or waited, for a visit in a click journal (W3).")
class HeldItem(Node):
    door: IntakeDoor = strawberry.field(description="How it came.")
    state: HeldItemState = strawberry.field(description="What became of it.")
    user_id: str | None = strawberry.field(description="The brand's own id of the player.")
    visit_id: str | None = strawberry.field(
        description="The visit that it waits for; null: it stands behind another item of its user."
    )
    content: JSON = strawberry.field(description="As it was sent, without what is personal.")
    received_at: datetime = strawberry.field(description="UTC.")
    held_until: datetime = strawberry.field(
        description="When it is refused if the visit has not come, in UTC."
    )
    resolved_at: datetime | None = strawberry.field(description="UTC; null while it waits.")
    error: str | None = strawberry.field(description="A code; null unless it was refused.")
    message: str | None = strawberry.field(description="Why it was refused.")
    row: strawberry.Private[models.HeldItem]

    @strawberry.field(description="Who sent it.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.HeldItem) -> HeldItem:
        """From the model."""
        return cls(
            id=encode_id("HeldItem", row.id),
            door=IntakeDoor(row.door),
            state=HeldItemState(row.state),
            user_id=row.user_id,
            visit_id=str(row.visit_id) if row.visit_id else None,
            content=row.content,
            received_at=row.received_at,
            held_until=row.held_until,
            resolved_at=row.resolved_at,
            error=row.error,
            message=row.message,
            row=row,
        )


@strawberry.input(description="Which held items.")
class HeldItemFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    state: HeldItemState | None = strawberry.field(default=None, description="Only these.")
    user_id: str | None = strawberry.field(
        default=None, description="Only of the player with this id at its brand."
    )

    def to_domain(self) -> HeldItemFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return HeldItemFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            str(self.state.value) if self.state else None,
            self.user_id,
        )


@strawberry.type(description="From a moment on a flag of a player holds, or no longer (M06).")
class PlayerFlag(Node):
    flag: PlayerFlagKind = strawberry.field(description="Which.")
    raised: bool = strawberry.field(description="True: it holds from then on; false: no longer.")
    occurred_at: datetime = strawberry.field(description="From when on, in UTC.")
    business_day: date = strawberry.field(description="The brand's.")
    row: strawberry.Private[models.PlayerFlag]

    @strawberry.field(description="Against whom.")
    async def player(self, info: Info[Any, Any]) -> Player | None:
        row = await context_of(info).loaders.one(models.Player, self.row.player_id or 0)
        return Player.of(row) if row else None

    @classmethod
    def of(cls, row: models.PlayerFlag) -> PlayerFlag:
        """From the model."""
        return cls(
            id=encode_id("PlayerFlag", row.id),
            flag=PlayerFlagKind(row.flag),
            raised=row.raised,
            occurred_at=row.occurred_at,
            business_day=row.business_day,
            row=row,
        )


@strawberry.input(description="Which flags.")
class PlayerFlagFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    player_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this player."
    )
    flag: PlayerFlagKind | None = strawberry.field(default=None, description="Only this one.")

    def to_domain(self) -> FlagFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return FlagFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            decode_optional_id("Player", self.player_id, "playerId"),
            str(self.flag.value) if self.flag else None,
        )
