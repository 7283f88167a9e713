"""Players' moves to other promos, in GraphQL (M03)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Self

import strawberry
from strawberry.types import Info

from app import models
from app.domain.players.moves import NewPlayerMove, PlayerMoveFilter
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.campaign import Promo
from app.schema.types.player import Player


@strawberry.type(description="A player's move to another promo from a business day on.")
class PlayerMove(Node):
    effective_day: date = strawberry.field(
        description="The first business day of the brand that belongs to the new promo."
    )
    reason: str = strawberry.field(description="Why.")
    created_at: datetime = strawberry.field(description="UTC.")
    applied_at: datetime | None = strawberry.field(description="UTC; null until it is in effect.")
    cancelled_at: datetime | None = strawberry.field(
        description="UTC; null unless it was taken back."
    )
    row: strawberry.Private[models.PlayerMove]

    @strawberry.field(description="Who moves.")
    async def player(self, info: Info[Any, Any]) -> Player | None:
        row = await context_of(info).loaders.one(models.Player, self.row.player_id)
        return Player.of(row) if row else None

    @strawberry.field(description="Where the player was.")
    async def from_promo(self, info: Info[Any, Any]) -> Promo | None:
        row = await context_of(info).loaders.one(models.Promo, self.row.from_promo_id)
        return Promo.of(row) if row else None

    @strawberry.field(description="Where the player is from then on.")
    async def to_promo(self, info: Info[Any, Any]) -> Promo | None:
        row = await context_of(info).loaders.one(models.Promo, self.row.to_promo_id)
        return Promo.of(row) if row else None

    @classmethod
    def of(cls, row: models.PlayerMove) -> Self:
        """From the model."""
        return cls(
            id=encode_id("PlayerMove", row.id),
            effective_day=row.effective_day,
            reason=row.reason,
            created_at=row.created_at,
            applied_at=row.applied_at,
            cancelled_at=row.cancelled_at,
            row=row,
        )


@strawberry.input(description="Which moves of players.")
class PlayerMoveFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    player_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this player."
    )
    pending: bool | None = strawberry.field(
        default=None, description="True: only what will still take effect; false: only the rest."
    )

    def to_domain(self) -> PlayerMoveFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return PlayerMoveFilter(
            decode_optional_id("Brand", self.brand_id, "brandId"),
            decode_optional_id("Player", self.player_id, "playerId"),
            self.pending,
        )


@strawberry.input(description="A player's move to another promo.")
class MovePlayerInput:
    player_id: strawberry.ID = strawberry.field(description="Within your limits.")
    promo_id: strawberry.ID = strawberry.field(
        description="Of the same brand, in a campaign that is not stopped."
    )
    reason: str = strawberry.field(description="At most 500 characters; for the log.")
    day: date | None = strawberry.field(
        default=None,
        description="The first business day of the brand that belongs to the new promo; absent: today.",
    )

    def to_domain(self) -> NewPlayerMove:
        """The domain's value; raises NotFound for an id that is none."""
        return NewPlayerMove(
            decode_id("Player", self.player_id, "playerId"),
            decode_id("Promo", self.promo_id, "promoId"),
            self.reason,
            self.day,
        )


@strawberry.input(description="A player's move.")
class PlayerMoveInput:
    player_move_id: strawberry.ID = strawberry.field(description="One that is not in effect yet.")


@strawberry.type(description="The move, or why there is none.")
class PlayerMovePayload:
    move: PlayerMove | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
