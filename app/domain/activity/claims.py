"""What reports of intervals say of first deposits: candidates, among which the earliest counts (M05)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.activity import queries
from app.domain.activity.first_deposits import settle_first_deposits
from app.domain.activity.read import Interval, NewActivity
from app.domain.brands.metric_sources import MetricSources
from app.domain.players.known import KnownPlayer
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row, Transaction
from app.models import Brand


@dataclass(frozen=True, slots=True)
class ToldFirstDeposit:
    """An accepted item, and what the item before it under the same key claimed."""

    player: KnownPlayer
    item: NewActivity
    claim: Row | None
    # The item's numbers are written, too: it is new, other or newer.
    written: bool

    @property
    def kept(self) -> bool:
        """True when the item makes or changes a claim, or tells it anew of a player who was moved."""
        told = self.item.first_deposit
        if told is None or self.claim is None:
            return told is not None
        return not told.is_claim(self.claim) or (self.written and bool(self.player.moves))

    @property
    def withdrawn(self) -> bool:
        """True when a numbered item no longer says what the one before it said."""
        silent = self.item.first_deposit is None and self.item.revision is not None
        return silent and self.claim is not None


async def find_claims(
    tx: Transaction, interval: Interval, player_ids: Sequence[int]
) -> dict[tuple[int, str], Row]:
    """What is claimed in an interval, by player and currency."""
    rows = await tx.fetch(queries.FIND_CLAIMS, list(player_ids)) if player_ids else []
    bounds = (interval.start, interval.end)
    return {
        (row["player_id"], row["currency"]): row
        for row in rows
        if (row["period_from"], row["period_to"]) == bounds
    }


async def keep_claims(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    interval: Interval,
    sources: MetricSources,
    told: Sequence[ToldFirstDeposit],
) -> set[int]:
    """Keep what the items claim; returns the players whose first deposit is new, has moved or is gone."""
    kept = [
        (each, deposit)
        for each in told
        if each.kept and (deposit := each.item.first_deposit) is not None
    ]
    withdrawn = [each.claim["id"] for each in told if each.withdrawn and each.claim]
    if kept:
        await tx.fetch(
            queries.KEEP_CLAIMS,
            *(brand.id, interval.start, interval.end, await tx.recording()),
            [each.player.id for each, _ in kept],
            [each.item.currency for each, _ in kept],
            [deposit.at for _, deposit in kept],
            [deposit.amount for _, deposit in kept],
            [
                each.player.attribution_on(business_day(deposit.at, brand.time_zone)).promo_id
                for each, deposit in kept
            ],
        )
    if withdrawn:
        await tx.fetch(queries.WITHDRAW_CLAIMS, withdrawn)
    touched = {each.player.id: each.player for each in told if each.kept or each.withdrawn}
    return await settle_first_deposits(scope, tx, brand, sources, touched)
