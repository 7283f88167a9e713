"""First deposits: the earliest by time; a late, earlier one supersedes what was known (M05)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.activity import queries
from app.domain.attribution.decide import Attribution
from app.domain.events import NewEvent, Subject, record_all
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Row, Transaction
from app.infra.encoding import dumps_text
from app.models import Brand


@dataclass(frozen=True, slots=True)
class FirstDepositReport:
    """The brand's word about a player's first deposit."""

    player_id: int
    attribution: Attribution
    at: datetime
    amount: Decimal
    currency: str


async def record_first_deposits(
    scope: Scope, tx: Transaction, brand: Brand, reports: Sequence[FirstDepositReport]
) -> set[int]:
    """Keep the earliest first deposit of each player; a moved one is superseded and leaves a change.

    Only a player's very first one is an event: a correction never fires again. Returns the players
    whose first deposit is new or has moved.
    """
    earliest: dict[int, FirstDepositReport] = {}
    for report in sorted(reports, key=lambda report: (report.at, report.player_id)):
        earliest.setdefault(report.player_id, report)
    rows = await tx.fetch(queries.FIND_FIRST_DEPOSITS, list(earliest)) if earliest else []
    known = {row["player_id"]: row for row in rows}
    wanted = [
        report for report in earliest.values() if _differs(report, known.get(report.player_id))
    ]
    if not wanted:
        return set()
    recording = await tx.recording()
    replaced = [known[report.player_id] for report in wanted if report.player_id in known]
    if replaced:
        days, ids = [row["business_day"] for row in replaced], [row["id"] for row in replaced]
        await tx.fetch(queries.SUPERSEDE["first_deposits"], recording, days, ids)
    new_ids = [row["id"] for row in await tx.fetch(queries.TAKE_IDS["first_deposits"], len(wanted))]
    await _insert(tx, brand, recording, list(zip(new_ids, wanted, strict=True)), known)
    new = [report for report in wanted if report.player_id not in known]
    await record_all(scope, tx, [_event(brand, report) for report in new])
    return {report.player_id for report in wanted}


def _differs(report: FirstDepositReport, known: Row | None) -> bool:
    """True when the report is the player's first one, earlier than the known one, or corrects its amount."""
    if known is None:
        return True
    if report.at == known["occurred_at"]:
        return (report.amount, report.currency) != (known["first_deposit_sum"], known["currency"])
    return bool(report.at < known["occurred_at"])


async def _insert(
    tx: Transaction,
    brand: Brand,
    recording: int,
    reports: Sequence[tuple[int, FirstDepositReport]],
    known: dict[int, Row],
) -> None:
    rows = [
        (
            *(new_id, recording, report.at, business_day(report.at, brand.time_zone), brand.id),
            *(
                report.attribution.partner_id,
                report.attribution.campaign_id,
                report.attribution.plan_id,
            ),
            *(
                report.attribution.promo_id,
                report.player_id,
                report.attribution.country,
                report.currency,
            ),
            report.amount,
        )
        for new_id, report in reports
    ]
    await tx.copy("first_deposits", queries.FIRST_DEPOSIT_COLUMNS, rows)
    changes = [
        (
            *(recording, report.attribution.partner_id, brand.id, "first_deposits"),
            *(known[report.player_id]["id"], new_id, "an earlier or corrected first deposit"),
            dumps_text(
                {
                    "occurred_at": [known[report.player_id]["occurred_at"], report.at],
                    "first_deposit_sum": [
                        known[report.player_id]["first_deposit_sum"],
                        report.amount,
                    ],
                }
            ),
        )
        for new_id, report in reports
        if report.player_id in known
    ]
    if changes:
        await tx.copy("fact_changes", queries.FACT_CHANGE_COLUMNS, changes)


def _event(brand: Brand, report: FirstDepositReport) -> NewEvent:
    return NewEvent(
        "player.first_deposited",
        Subject("player", report.player_id),
        report.attribution.partner_id,
        brand.id,
        report.at,
        {
            "visit_id": report.attribution.visit_id,
            "promo_id": report.attribution.promo_id,
            "campaign_id": report.attribution.campaign_id,
            "country": report.attribution.country,
            "currency": report.currency,
            "amount": report.amount,
        },
    )
