"""Operators move a player to another promo from a business day on; what was counted before stays (M03)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from tortoise.expressions import Q

from app.domain.attribution.decide import Rule
from app.domain.brands.brand_rows import brand_time
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.intake import lock_brand_intake
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.players import queries
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.clock import business_day
from app.infra.database import Row, Transaction, fetch, transaction
from app.infra.encoding import dumps_text, loads
from app.models import Brand, Player, PlayerMove, Promo

FURTHEST_DAYS = 366


class PlayerMoveOrder(StrEnum):
    """The orders of players' moves."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    PlayerMoveOrder.NEWEST: Ordering(("id",), descending=True),
    PlayerMoveOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class PlayerMoveFilter:
    """Which moves; None filters nothing."""

    brand_id: int | None = None
    player_id: int | None = None
    # True: those that will still take effect.
    pending: bool | None = None


@dataclass(frozen=True, slots=True)
class NewPlayerMove:
    """A move to a promo from the start of a business day of the brand on; None: today."""

    player_id: int
    promo_id: int
    reason: str
    day: date | None = None


@requires(Permission.READ_PARTNERS)
async def player_moves(scope: Scope, chosen: PlayerMoveFilter) -> Listing[PlayerMove]:
    """The moves of players of the brands within the scope's limits: planned, in effect and taken back."""
    wanted = {"brand_id": chosen.brand_id, "player_id": chosen.player_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    rows = scope.query(PlayerMove).filter(**given)
    if chosen.pending is True:
        rows = rows.filter(applied_at=None, cancelled_at=None)
    elif chosen.pending is False:
        rows = rows.filter(Q(applied_at__not_isnull=True) | Q(cancelled_at__not_isnull=True))
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def move_player(scope: Scope, new: NewPlayerMove) -> PlayerMove:
    """Let what a player does from a business day on belong to another promo of its brand.

    Facts that are recorded stay. Raises NotFound, Invalid for a day that has ended or is more than a year ahead, or a
    promo of another brand; Conflict when the player has that promo, another move is waiting, or the promo is stopped.
    """
    reason = clean_name(new.reason, "reason", 500)
    player = await scope.query(Player).get_or_none(id=new.player_id)
    if player is None:
        raise NotFound("player", field=("playerId",))
    promo = await scope.query(Promo).get_or_none(id=new.promo_id)
    if promo is None:
        raise NotFound("promo", field=("promoId",))
    if promo.brand_id != player.brand_id:
        raise Invalid("the promo is of another brand than the player", field=("promoId",))
    brand = await scope.query(Brand).get(id=player.brand_id)
    now = brand_time(scope, brand.clock_offset)
    today = business_day(now, brand.time_zone)
    day = _checked_day(new.day or today, today)
    async with transaction() as tx:
        await lock_brand_intake(tx, brand.id)
        row = (await tx.fetch(queries.LOCK_PLAYER, player.id))[0]
        await _check_free(tx, row, promo.id)
        move = await _plan(scope, tx, row, promo, day, reason, now)
        if day <= today:
            await _apply(scope, tx, move, now)
    return await scope.query(PlayerMove).get(id=move["id"])


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def cancel_player_move(scope: Scope, move_id: int) -> PlayerMove:
    """Take a move back before its day. Raises NotFound, Conflict when it is too late."""
    found = await scope.query(PlayerMove).get_or_none(id=move_id)
    if found is None:
        raise NotFound("player move", field=("playerMoveId",))
    brand = await scope.query(Brand).get(id=found.brand_id)
    now = brand_time(scope, brand.clock_offset)
    async with transaction() as tx:
        await lock_brand_intake(tx, brand.id)
        row = (await tx.fetch(queries.LOCK_MOVE, move_id))[0]
        if row["applied_at"] is not None or row["cancelled_at"] is not None:
            state = "in effect" if row["applied_at"] is not None else "cancelled"
            raise Conflict(
                f"the move is {state} already: move the player again", field=("playerMoveId",)
            )
        await tx.fetch(queries.CANCEL_MOVE, move_id, now)
        await _record(scope, tx, "player.move_cancelled", row, now)
    return await scope.query(PlayerMove).get(id=move_id)


@requires(Permission.OPERATE)
async def apply_due_player_moves(scope: Scope) -> int:
    """Let every move whose day has come on its brand's clock take effect, each once; returns how many did."""
    applied = 0
    for due in await fetch(queries.DUE_MOVES, scope.machine_now()):
        brand = await scope.query(Brand).get(id=due["brand_id"])
        async with transaction() as tx:
            await lock_brand_intake(tx, brand.id)
            await tx.fetch(queries.LOCK_PLAYER, due["player_id"])
            row = (await tx.fetch(queries.LOCK_MOVE, due["id"]))[0]
            # Another scheduler, or an operator, was faster.
            if row["applied_at"] is not None or row["cancelled_at"] is not None:
                continue
            await _apply(scope, tx, row, brand_time(scope, brand.clock_offset))
            applied += 1
    return applied


def _checked_day(day: date, today: date) -> date:
    latest = today + timedelta(days=FURTHEST_DAYS)
    if not today <= day <= latest:
        raise Invalid(
            f"day is {day}: choose a business day of the brand from {today} to {latest}; what was counted before "
            "stays where it is",
            field=("day",),
        )
    return day


async def _check_free(tx: Transaction, player: Row, promo_id: int) -> None:
    """Raises Conflict unless the player can go there. Its row and the brand's intake are locked."""
    if waiting := await tx.fetch(queries.FIND_WAITING_MOVE, player["id"]):
        raise Conflict(
            f"a move is waiting for {waiting[0]['effective_day']}: cancel it first",
            field=("playerId",),
        )
    if player["promo_id"] == promo_id:
        raise Conflict("the player belongs to this promo already", field=("promoId",))
    if not (await tx.fetch(queries.IS_PROMO_OPEN, promo_id))[0]["open"]:
        raise Conflict(
            "the promo's campaign, its partner, or the partner's relation to the brand is stopped: choose another one",
            field=("promoId",),
        )


async def _plan(
    scope: Scope,
    tx: Transaction,
    player: Row,
    promo: Promo,
    day: date,
    reason: str,
    now: datetime,
) -> Row:
    values = (player["brand_id"], player["id"], player["promo_id"], promo.id, day, reason, now)
    move = (await tx.fetch(queries.INSERT_MOVE, *values))[0]
    await _record(scope, tx, "player.move_planned", move, now)
    return move


async def _apply(scope: Scope, tx: Transaction, move: Row, now: datetime) -> None:
    """The player's row follows. The visit stays: rollups find the device of its facts through it."""
    player = (await tx.fetch(queries.LOCK_PLAYER, move["player_id"]))[0]
    losing: list[dict[str, Any]] = loads(player["losing_candidates"])
    if player["attributed_by"] != Rule.MOVED.value:
        # What decided at first is kept, and so is the tag under which the brand knows the player.
        first = {name: player[name] for name in ("promo_id", "visit_id")}
        losing = [{"rule": player["attributed_by"], **first}, *losing]
    await tx.fetch(queries.MOVE_PLAYER, player["id"], move["to_promo_id"], dumps_text(losing))
    await tx.fetch(queries.APPLIED_MOVE, move["id"], now)
    await _record(scope, tx, "player.moved", move, now)


async def _record(
    scope: Scope, tx: Transaction, event_type: str, move: Mapping[str, Any], now: datetime
) -> None:
    """An event for operators: neither partner reads of the other."""
    await record(
        scope,
        tx,
        event_type,
        Subject("player", move["player_id"]),
        brand_id=move["brand_id"],
        occurred_at=now,
        data={
            "move_id": move["id"],
            "from_promo_id": move["from_promo_id"],
            "to_promo_id": move["to_promo_id"],
            "effective_day": move["effective_day"],
            "reason": move["reason"],
        },
    )
