"""What a brand says against a player: from which moment on it holds, and since when it no longer does (M06).

The history of a flag is what was said of it in the order of time, whatever the order in which it arrived. Each line
is a fact: it changes the number of flagged players by its step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain.events import NewEvent, Subject, record_all
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.players.known import KnownPlayer
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row, Transaction
from app.infra.encoding import dumps_text
from app.infra.money import NO_CURRENCY
from app.models import Brand, PlayerFlag

_FIND = """
SELECT id, player_id, flag, raised, step, occurred_at, business_day, event_id FROM player_flags
WHERE player_id = ANY($1::bigint[]) AND superseded_by IS NULL
"""
_SUPERSEDE = "UPDATE player_flags SET superseded_by = $1 WHERE id = ANY($2::bigint[])"
_TAKE_IDS = "SELECT nextval('player_flags_id_seq') AS id FROM generate_series(1, $1)"
_COLUMNS = (
    *("id", "recording_id", "occurred_at", "business_day", "brand_id", "partner_id"),
    *("campaign_id", "plan_id", "promo_id", "player_id", "country", "currency"),
    *("flag", "raised", "step", "event_id"),
)
_CHANGE_COLUMNS = (
    *("recording_id", "partner_id", "brand_id", "fact", "before_id", "after_id"),
    *("reason", "delta"),
)


class Flag(StrEnum):
    """What may be held against a player."""

    FRAUD = "fraud"
    DUPLICATE = "duplicate"
    SELF_EXCLUDED = "self_excluded"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class FlagStatement:
    """The brand's word that a flag holds, or no longer holds, from a moment on."""

    player: KnownPlayer
    flag: Flag
    raised: bool
    at: datetime
    # The brand's event; None: an item of players, which says what holds now.
    event_id: int | None = None


@dataclass(slots=True)
class _Line:
    """A line of the history, in the database already or not."""

    player: KnownPlayer
    flag: Flag
    raised: bool
    at: datetime
    event_id: int | None
    stored: Row | None = None
    step: int = 0

    @property
    def kept(self) -> bool:
        """True when the stored line is right as it stands."""
        return self.stored is not None and self.stored["step"] == self.step


async def record_flags(
    scope: Scope, tx: Transaction, brand: Brand, statements: Sequence[FlagStatement]
) -> set[int]:
    """Put statements into the histories of their flags; returns the players of whom something changed.

    An item of players that says what holds already adds nothing. Each change is an event, `player.flagged` or
    `player.unflagged`, from the moment on from which it holds.
    """
    if not statements:
        return set()
    players = {statement.player.id: statement.player for statement in statements}
    lines: dict[tuple[int, Flag], list[_Line]] = {}
    for row in await tx.fetch(_FIND, list(players)):
        line = _Line(
            players[row["player_id"]],
            Flag(row["flag"]),
            row["raised"],
            row["occurred_at"],
            row["event_id"],
            row,
        )
        lines.setdefault((line.player.id, line.flag), []).append(line)
    fresh = []
    for said in statements:
        history = lines.setdefault((said.player.id, said.flag), [])
        if said.event_id is None and _state(history, said.at) is said.raised:
            continue
        fresh.append(_Line(said.player, said.flag, said.raised, said.at, said.event_id))
        history.append(fresh[-1])
    for history in lines.values():
        _count_steps(history)
    every = [line for history in lines.values() for line in history]
    await _write(tx, brand, [line for line in every if not line.kept])
    await record_all(scope, tx, [_event(brand, line) for line in fresh])
    return {line.player.id for line in fresh}


def _state(history: Sequence[_Line], at: datetime) -> bool:
    """Whether the flag holds at a moment."""
    past = [line for line in _in_order(history) if line.at <= at]
    return past[-1].raised if past else False


def _in_order(history: Sequence[_Line]) -> list[_Line]:
    # Of two for one moment the flag holds.
    return sorted(history, key=lambda line: (line.at, line.raised))


def _count_steps(history: Sequence[_Line]) -> None:
    held = False
    for line in _in_order(history):
        line.step = int(line.raised) - int(held)
        held = line.raised


async def _write(tx: Transaction, brand: Brand, lines: Sequence[_Line]) -> None:
    if not lines:
        return
    recording = await tx.recording()
    stored = [line.stored["id"] for line in lines if line.stored]
    if stored:
        await tx.fetch(_SUPERSEDE, recording, stored)
    ids = [row["id"] for row in await tx.fetch(_TAKE_IDS, len(lines))]
    rows, changes = [], []
    for new_id, line in zip(ids, lines, strict=True):
        day = business_day(line.at, brand.time_zone)
        rows.append(_fact(brand, recording, new_id, line, day))
        if line.stored:
            delta = dumps_text({"step": [line.stored["step"], line.step]})
            partner_id = line.player.attribution_on(day).partner_id
            reason = "the brand said more of an earlier time"
            changes.append(
                (
                    *(recording, partner_id, brand.id, "player_flags", line.stored["id"], new_id),
                    *(reason, delta),
                )
            )
    await tx.copy("player_flags", _COLUMNS, rows)
    if changes:
        await tx.copy("fact_changes", _CHANGE_COLUMNS, changes)


def _fact(brand: Brand, recording: int, new_id: int, line: _Line, day: date) -> tuple[object, ...]:
    whose = line.player.attribution_on(day)
    return (
        *(new_id, recording, line.at, day, brand.id, whose.partner_id, whose.campaign_id),
        *(whose.plan_id, whose.promo_id, line.player.id, line.player.country, NO_CURRENCY),
        *(line.flag.value, line.raised, line.step, line.event_id),
    )


def _event(brand: Brand, line: _Line) -> NewEvent:
    whose = line.player.attribution_on(business_day(line.at, brand.time_zone))
    return NewEvent(
        "player.flagged" if line.raised else "player.unflagged",
        Subject("player", line.player.id),
        whose.partner_id,
        brand.id,
        line.at,
        {"flag": line.flag.value, "from": line.at, "promo_id": whose.promo_id},
    )


class FlagOrder(StrEnum):
    """The orders of the lines of flags."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    FlagOrder.NEWEST: Ordering(("occurred_at",), descending=True),
    FlagOrder.OLDEST: Ordering(("occurred_at",)),
}


@dataclass(frozen=True, slots=True)
class FlagFilter:
    """Which lines; None filters nothing."""

    brand_id: int | None = None
    player_id: int | None = None
    flag: str | None = None


@requires(Permission.READ_PARTNERS)
async def player_flags(scope: Scope, chosen: FlagFilter) -> Listing[PlayerFlag]:
    """What holds and held against players of the brands within the scope's limits, line by line."""
    wanted = {
        "brand_id": chosen.brand_id,
        "player_id": chosen.player_id,
        "flag": chosen.flag,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return Listing(scope.query(PlayerFlag).filter(superseded_by=None, **given), _ORDERINGS)


@requires(Permission.READ_PARTNERS)
async def flag_histories(scope: Scope, player_ids: Sequence[int]) -> dict[int, list[PlayerFlag]]:
    """What holds and held against players, in the order of time, by player; of brands within the scope's limits."""
    rows = scope.query(PlayerFlag).filter(player_id__in=list(player_ids), superseded_by=None)
    histories: dict[int, list[PlayerFlag]] = {}
    for row in await rows.order_by("occurred_at", "raised", "id"):
        histories.setdefault(row.player_id, []).append(row)
    return histories
