"""Players: what operators read of them."""

from __future__ import annotations

import strawberry

from app.domain.players import reads
from app.schema.connections import connection
from app.schema.types.player import Player, PlayerFilterInput


@strawberry.type(description="Players.")
class PlayerQueries:
    players = connection(
        Player,
        reads.players,
        reads.PlayerOrder,
        PlayerFilterInput,
        "Brands' customers, and how each was attributed (M02).",
    )
