"""Holding items back, in the transaction that takes in the rest of their batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.attribution.decide import HELD_FOR
from app.domain.intake import Stag
from app.domain.scope import Scope
from app.infra.database import Transaction
from app.infra.encoding import dumps_text, loads
from app.infra.visit_ids import visit_time
from app.models import Brand

_FIND_HELD_USERS = """
SELECT DISTINCT user_id FROM held_items
WHERE brand_id = $1 AND state = 'held' AND user_id = ANY($2::text[])
"""
_FIND_NEWEST = """
SELECT DISTINCT ON (door, natural_key) door, natural_key, content FROM held_items
WHERE brand_id = $1 AND state = 'held' AND natural_key = ANY($2::text[])
ORDER BY door, natural_key, id DESC
"""
_COLUMNS = (
    *("brand_id", "door", "user_id", "visit_id", "natural_key", "content", "person"),
    *("period_from", "period_to", "received_at", "held_until", "state"),
)


class Door(StrEnum):
    """By which endpoint an item came."""

    PLAYERS = "players"
    ACTIVITY = "activity"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item to be held back."""

    user_id: str | None
    tag: Stag | None
    natural_key: str
    # The fields that the door reads, as they were sent, without what is personal.
    content: Mapping[str, Any]
    # What is personal, encrypted.
    person: bytes | None = None
    period: tuple[datetime, datetime] | None = None


class Holder:
    """What a batch of one door holds back. Items of one user are held behind each other, so that their order stays."""

    def __init__(self, door: Door, users: frozenset[str] = frozenset(), *, again: bool = False):
        self._door = door
        self._users = set(users)
        # Items that were held already are not written again.
        self._again = again
        self._waiting: list[Waiting] = []

    def blocks(self, user_id: str | None) -> bool:
        """True when an earlier item of this user is held."""
        return user_id is not None and user_id in self._users

    def hold(self, item: Waiting) -> None:
        """Hold an item back, and all later ones of its user."""
        if item.user_id is not None:
            self._users.add(item.user_id)
        if not self._again:
            self._waiting.append(item)

    async def write(self, scope: Scope, tx: Transaction, brand: Brand) -> None:
        """Keep what is held; a repeat of what is held last under its key is not kept twice."""
        if not self._waiting:
            return
        keys = [item.natural_key for item in self._waiting]
        rows = await tx.fetch(_FIND_NEWEST, brand.id, keys)
        newest = {(r["door"], r["natural_key"]): loads(r["content"]) for r in rows}
        fresh: list[tuple[Waiting, str]] = []
        for item in self._waiting:
            text = dumps_text(item.content)
            content, key = loads(text), (self._door.value, item.natural_key)
            if newest.get(key) != content:
                newest[key] = content
                fresh.append((item, text))
        now = scope.now()
        rows_to_copy = [
            (
                *(brand.id, self._door.value, item.user_id),
                *(item.tag.visit_id if item.tag else None, item.natural_key, text, item.person),
                *(item.period or (None, None)),
                *(now, _held_until(item, now - brand.clock_offset), "held"),
            )
            for item, text in fresh
        ]
        await tx.copy("held_items", _COLUMNS, rows_to_copy)
        self._waiting.clear()


def _held_until(item: Waiting, now: datetime) -> datetime:
    return (visit_time(item.tag.visit_id) if item.tag else now) + HELD_FOR


async def open_holder(
    tx: Transaction, brand_id: int, door: Door, user_ids: Sequence[str | None]
) -> Holder:
    """A holder for a batch that came by a door; users with a held item are blocked from the start."""
    named = sorted({user_id for user_id in user_ids if user_id is not None})
    rows = await tx.fetch(_FIND_HELD_USERS, brand_id, named) if named else []
    return Holder(door, frozenset(row["user_id"] for row in rows))
