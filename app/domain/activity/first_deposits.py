"""First deposits: the earliest of what is told of a player; what comes late moves it (M05).

Candidates are what the present reports of intervals claim, and deposits among the brand's events that are not voided;
on each business day only those of the source that counts there. The earliest by time is the fact. It belongs to whom
the player belonged when the brand told it, so that the order in which others were told is no matter (M03).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from app.domain.activity import queries
from app.domain.attribution.decide import Attribution
from app.domain.brands.metric_sources import FIRST_DEPOSITS, MetricSources, ReportSource
from app.domain.events import NewEvent, Subject, record, record_all
from app.domain.players.known import KnownPlayer
from app.domain.scope import Scope
from app.infra.clock import business_day, day_bounds
from app.infra.database import Row, Transaction
from app.infra.encoding import dumps_text
from app.models import Brand

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A deposit that may be a player's first. `rank` orders those of one moment: the smallest is chosen."""

    player_id: int
    at: datetime
    amount: Decimal
    currency: str
    rank: tuple[int, int, int, str]
    promo_id: int
    event_id: int | None = None
    claim_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """What becomes of a player's first deposit: the fact that stood, and the candidate that stands from now on."""

    player: KnownPlayer
    before: Row | None
    after: Candidate | None
    # True for a player who never had one: only then is it an event.
    very_first: bool

    @property
    def attribution(self) -> Attribution:
        """To whom the candidate belongs; without one, to whom the fact did."""
        if self.after is not None:
            return self.player.attribution_of(self.after.promo_id)
        if self.before is not None:
            return self.player.attribution_of(self.before["promo_id"])
        raise TypeError("nothing changes")


async def settle_first_deposits(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    sources: MetricSources,
    players: Mapping[int, KnownPlayer],
) -> set[int]:
    """Make the first deposit of each player the earliest candidate; what moves or goes is superseded with a change.

    Only a player's very first one is `player.first_deposited`: a correction never fires again. Returns the
    players whose first deposit is new, has moved or is gone.
    """
    if not players:
        return set()
    facts: dict[int, list[Row]] = {}
    for row in await tx.fetch(queries.FIND_FIRST_DEPOSITS, list(players)):
        facts.setdefault(row["player_id"], []).append(row)
    present = {
        player_id: next((row for row in rows if row["superseded_by"] is None), None)
        for player_id, rows in facts.items()
    }
    wanted = await _earliest(tx, brand, sources, list(players), present)
    changes = [
        _Change(player, present.get(player_id), wanted.get(player_id), player_id not in facts)
        for player_id, player in players.items()
        if _differs(wanted.get(player_id), present.get(player_id))
    ]
    if changes:
        await _write(tx, brand, changes)
        if revised := sum(change.before is not None for change in changes):
            # Who sent it, and with which request: the change feed tells (X03).
            subject, data = Subject("brand", brand.id), {"players": revised}
            await record(scope, tx, "first_deposits.revised", subject, brand_id=brand.id, data=data)
        fresh = [_event(brand, each) for each in changes if each.very_first and each.after]
        await record_all(scope, tx, fresh)
    return {change.player.id for change in changes}


async def _earliest(
    tx: Transaction,
    brand: Brand,
    sources: MetricSources,
    player_ids: Sequence[int],
    present: Mapping[int, Row | None],
) -> dict[int, Candidate]:
    found = [
        Candidate(
            row["player_id"],
            row["occurred_at"],
            row["first_deposit_sum"],
            row["currency"],
            # Of two for one moment the newer report holds.
            (0, -row["recording_id"], -row["id"], ""),
            row["promo_id"],
            claim_id=row["id"],
        )
        for row in await tx.fetch(queries.FIND_CLAIMS, player_ids)
        if _counts(sources, ReportSource.ACTIVITY, brand, row["occurred_at"])
    ]
    starts, stops = _ranges_of_events(sources, brand)
    if starts:
        rows = await tx.fetch(queries.FIND_FIRST_DEPOSIT_EVENTS, player_ids, starts, stops)
        found += [
            Candidate(
                row["player_id"],
                row["occurred_at"],
                row["amount"],
                row["currency"],
                (1, 0, 0, row["event_id"]),
                row["promo_id"],
                event_id=row["id"],
            )
            for row in rows
        ]
    # What was recorded before claims were kept stands for itself.
    found += [
        Candidate(
            *(player_id, row["occurred_at"], row["first_deposit_sum"], row["currency"]),
            *((2, 0, 0, ""), row["promo_id"]),
        )
        for player_id, row in present.items()
        if row is not None and row["event_id"] is None and row["claim_id"] is None
    ]
    earliest: dict[int, Candidate] = {}
    for each in sorted(found, key=lambda candidate: (candidate.at, candidate.rank)):
        earliest.setdefault(each.player_id, each)
    return earliest


def _counts(sources: MetricSources, source: ReportSource, brand: Brand, at: datetime) -> bool:
    return sources.on(FIRST_DEPOSITS, business_day(at, brand.time_zone)) is source


def _ranges_of_events(
    sources: MetricSources, brand: Brand
) -> tuple[list[datetime], list[datetime]]:
    """The times on whose business days events count: their starts and their ends."""
    choices = sources.choices.get(FIRST_DEPOSITS, ())
    edges = [_start_of(choice.from_day, brand) for choice in choices[1:]]
    starts, stops = [], []
    for choice, stop in zip(choices, [*edges, _END], strict=False):
        if choice.source is ReportSource.EVENTS:
            starts.append(_start_of(choice.from_day, brand))
            stops.append(stop)
    return starts, stops


def _start_of(day: date, brand: Brand) -> datetime:
    return day_bounds(day, brand.time_zone)[0] if day > _BEGINNING.date() else _BEGINNING


def _differs(wanted: Candidate | None, present: Row | None) -> bool:
    if wanted is None or present is None:
        return wanted is not None or present is not None
    after = (wanted.at, wanted.amount, wanted.currency, wanted.promo_id)
    names = ("occurred_at", "first_deposit_sum", "currency", "promo_id")
    return after != tuple(present[name] for name in names)


async def _write(tx: Transaction, brand: Brand, changes: Sequence[_Change]) -> None:
    recording = await tx.recording()
    replaced = [change.before for change in changes if change.before]
    if replaced:
        days, ids = [row["business_day"] for row in replaced], [row["id"] for row in replaced]
        await tx.fetch(queries.SUPERSEDE["first_deposits"], recording, days, ids)
    added = [change for change in changes if change.after]
    taken = await tx.fetch(queries.TAKE_IDS["first_deposits"], len(added)) if added else []
    new_ids = {change.player.id: int(row["id"]) for change, row in zip(added, taken, strict=True)}
    rows = [
        _fact(brand, recording, new_ids[change.player.id], change, change.after)
        for change in changes
        if change.after
    ]
    if rows:
        await tx.copy("first_deposits", queries.FIRST_DEPOSIT_COLUMNS, rows)
    corrections = [
        (
            *(recording, change.attribution.partner_id, brand.id, "first_deposits"),
            *(change.before["id"], new_ids.get(change.player.id), _reason(change)),
            dumps_text(_delta(change.before, change.after)),
        )
        for change in changes
        if change.before
    ]
    if corrections:
        await tx.copy("fact_changes", queries.FACT_CHANGE_COLUMNS, corrections)


def _fact(
    brand: Brand, recording: int, new_id: int, change: _Change, deposit: Candidate
) -> tuple[object, ...]:
    whose = change.attribution
    return (
        *(new_id, recording, deposit.at, business_day(deposit.at, brand.time_zone), brand.id),
        *(whose.partner_id, whose.campaign_id, whose.plan_id, whose.promo_id, change.player.id),
        *(whose.country, deposit.currency, deposit.amount, deposit.event_id, deposit.claim_id),
    )


def _reason(change: _Change) -> str:
    return "an earlier or corrected first deposit" if change.after else "the deposit was taken back"


def _delta(before: Row, after: Candidate | None) -> dict[str, list[object]]:
    return {
        "occurred_at": [before["occurred_at"], after.at if after else None],
        "first_deposit_sum": [before["first_deposit_sum"], after.amount if after else None],
    }


def _event(brand: Brand, change: _Change) -> NewEvent:
    deposit, whose = change.after, change.attribution
    if deposit is None:
        raise TypeError("there is no deposit to tell of")
    return NewEvent(
        "player.first_deposited",
        Subject("player", change.player.id),
        whose.partner_id,
        brand.id,
        deposit.at,
        {
            "visit_id": whose.visit_id,
            "promo_id": whose.promo_id,
            "campaign_id": whose.campaign_id,
            "country": whose.country,
            "currency": deposit.currency,
            "amount": deposit.amount,
        },
    )
