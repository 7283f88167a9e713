"""Players: what operators read of them, and their moves to other promos (M03)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.players import moves, reads
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id
from app.schema.types.player import Player, PlayerFilterInput
from app.schema.types.player_move import (
    MovePlayerInput,
    PlayerMove,
    PlayerMoveFilterInput,
    PlayerMoveInput,
    PlayerMovePayload,
)


@strawberry.type(description="Players.")
class PlayerQueries:
    players = connection(
        Player,
        reads.players,
        reads.PlayerOrder,
        PlayerFilterInput,
        "Brands' customers, and how each was attributed (M02).",
    )
    player_moves = connection(
        PlayerMove,
        moves.player_moves,
        moves.PlayerMoveOrder,
        PlayerMoveFilterInput,
        "Moves of players to other promos: planned, in effect and taken back (M03).",
    )


@strawberry.type
class PlayerMutations:
    @mutation(
        permission_of(moves.move_player),
        "Let what a player does from a business day on belong to another promo of its brand. What was counted stays "
        "(M03).",
    )
    async def move_player(self, info: Info[Any, Any], input: MovePlayerInput) -> PlayerMovePayload:
        row = await moves.move_player(scope_of(info), input.to_domain())
        return PlayerMovePayload(move=PlayerMove.of(row))

    @mutation(permission_of(moves.cancel_player_move), "Take a player's move back before its day.")
    async def cancel_player_move(
        self, info: Info[Any, Any], input: PlayerMoveInput
    ) -> PlayerMovePayload:
        move_id = decode_id("PlayerMove", input.player_move_id, "playerMoveId")
        row = await moves.cancel_player_move(scope_of(info), move_id)
        return PlayerMovePayload(move=PlayerMove.of(row))
