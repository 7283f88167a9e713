"""Players that are there already, and to whom they belong on which business day (M03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from app.domain.attribution.decide import Attribution, Rule
from app.domain.players import queries
from app.infra.database import Row, Transaction
from app.infra.encoding import loads


@dataclass(frozen=True, slots=True)
class Moved:
    """An operator moved the player to another promo from a business day on."""

    from_day: date
    before: Attribution
    after: Attribution


@dataclass(frozen=True, slots=True)
class KnownPlayer:
    """A player that is there already."""

    id: int
    user_id: str
    attribution: Attribution
    country: str
    language: str | None
    currency: str
    sign_up_at: datetime
    # The brand has not told of the sign-up: it was taken from what the player did.
    sign_up_inferred: bool = False
    # The stags under which the brand may know it: of what won, and of what it sent and lost.
    tags: frozenset[str] = frozenset()
    moves: tuple[Moved, ...] = ()

    @property
    def all_tags(self) -> frozenset[str]:
        """The stags under which the brand may know it, that of its attribution included."""
        return self.tags | {self.attribution.stag}

    def attribution_on(self, day: date) -> Attribution:
        """To whom what happens on a business day belongs."""
        past = [move for move in self.moves if move.from_day <= day]
        if past:
            return past[-1].after
        return self.moves[0].before if self.moves else self.attribution

    def attribution_of(self, promo_id: int) -> Attribution:
        """What belongs to one of the promos that the player has or had."""
        sides = (side for move in reversed(self.moves) for side in (move.after, move.before))
        return next((side for side in sides if side.promo_id == promo_id), self.attribution)


async def find_players(
    tx: Transaction, brand_id: int, user_ids: Sequence[str]
) -> dict[str, KnownPlayer]:
    """The players of the brand with those user ids, by user id."""
    rows = await tx.fetch(queries.FIND_PLAYERS, brand_id, list(user_ids)) if user_ids else []
    return {row["user_id"]: player for row, player in await _with_moves(tx, rows)}


async def find_players_by_id(
    tx: Transaction, brand_id: int, ids: Sequence[int]
) -> dict[int, KnownPlayer]:
    """The players of the brand with those ids, by id."""
    rows = await tx.fetch(queries.FIND_PLAYERS_BY_ID, brand_id, list(ids)) if ids else []
    return {row["id"]: player for row, player in await _with_moves(tx, rows)}


async def _with_moves(tx: Transaction, rows: Sequence[Row]) -> list[tuple[Row, KnownPlayer]]:
    moved = [row["id"] for row in rows if row["moved"]]
    moves: dict[int, list[Row]] = {}
    for row in await tx.fetch(queries.FIND_MOVES, moved) if moved else []:
        moves.setdefault(row["player_id"], []).append(row)
    return [(row, _known(row, moves.get(row["id"], []))) for row in rows]


def _known(row: Row, moves: Sequence[Row]) -> KnownPlayer:
    rule = Rule(row["attributed_by"])
    losing: list[dict[str, Any]] = loads(row["losing_candidates"])
    touches = [(Rule(each["rule"]), each["promo_id"], each["visit_id"]) for each in losing]
    # Of a moved player the row keeps its visit, which belongs to the promo before.
    if rule is not Rule.MOVED:
        touches.insert(0, (rule, row["promo_id"], row["visit_id"]))
    # Of several touches of one promo the first counts: it stands nearest to what decided.
    origins = {promo_id: (each, visit_id) for each, promo_id, visit_id in reversed(touches)}
    attribution = Attribution(
        origins.get(row["promo_id"], (rule, None))[1],
        row["promo_id"],
        row["campaign_id"],
        row["plan_id"],
        row["partner_id"],
        row["country"],
        rule=rule,
    )
    return KnownPlayer(
        row["id"],
        row["user_id"],
        attribution,
        row["country"],
        row["language"],
        row["currency"],
        row["sign_up_at"],
        row["sign_up_inferred"],
        # As the brand was answered; without a visit its number is 0.
        frozenset(
            f"{promo}_{visit or 0}" for said, promo, visit in touches if said is not Rule.CLICK
        ),
        tuple(_moved(move, attribution, origins) for move in moves),
    )


def _moved(row: Row, present: Attribution, origins: dict[int, tuple[Rule, int | None]]) -> Moved:
    def side(name: str) -> Attribution:
        rule, visit_id = origins.get(row[f"{name}_promo_id"], (Rule.MOVED, None))
        return replace(
            present,
            promo_id=row[f"{name}_promo_id"],
            campaign_id=row[f"{name}_campaign_id"],
            plan_id=row[f"{name}_plan_id"],
            partner_id=row[f"{name}_partner_id"],
            visit_id=visit_id,
            rule=Rule.MOVED if name == "to" else rule,
        )

    return Moved(row["effective_day"], side("from"), side("to"))
