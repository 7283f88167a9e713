"""Moving a campaign to another commission plan from a business day on (O02, M1B)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from tortoise.expressions import Q, Subquery

from app.domain.brands.brand_rows import brand_time
from app.domain.campaigns.operator_commands import require_campaign
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.clock import business_day, day_bounds
from app.infra.database import Transaction, fetch, transaction
from app.models import Brand, Campaign, CampaignPlanMove, CommissionPlan, PlanAssignment

FURTHEST_DAYS = 366

_LOCK_CAMPAIGN = "SELECT plan_id FROM campaigns WHERE id = $1 FOR UPDATE"
_OPEN = """
SELECT id, effective_at FROM campaign_plan_moves
WHERE campaign_id = $1 AND applied_at IS NULL AND cancelled_at IS NULL
"""
_INSERT = """
INSERT INTO campaign_plan_moves (campaign_id, from_plan_id, to_plan_id, effective_at, existing_players, carried,
                                 created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""
_LOCK = "SELECT * FROM campaign_plan_moves WHERE id = $1 FOR UPDATE"
_CANCEL = "UPDATE campaign_plan_moves SET cancelled_at = $2 WHERE id = $1"
_SET_PLAN = "UPDATE campaigns SET plan_id = $2 WHERE id = $1"
_APPLIED = "UPDATE campaign_plan_moves SET applied_at = $2 WHERE id = $1"
# Offsets are microseconds: a sandbox's move is due on its own clock.
_DUE = """
SELECT m.id, m.campaign_id FROM campaign_plan_moves m
JOIN campaigns c ON c.id = m.campaign_id JOIN brands b ON b.id = c.brand_id
WHERE m.applied_at IS NULL AND m.cancelled_at IS NULL
  AND m.effective_at <= $1::timestamptz + b.clock_offset * interval '1 microsecond'
ORDER BY m.effective_at, m.id
"""


class ExistingPlayers(StrEnum):
    """What becomes of the players that a campaign has already."""

    MOVE = "move"
    STAY = "stay"


class CarriedNegatives(StrEnum):
    """What becomes of negative balances that were carried over."""

    CARRY = "carry"
    WRITE_OFF = "write_off"


class PlanMoveOrder(StrEnum):
    """The orders of plan moves."""

    NEWEST = "newest"
    OLDEST = "oldest"
    EFFECTIVE = "effective"


_ORDERINGS = {
    PlanMoveOrder.NEWEST: Ordering(("id",), descending=True),
    PlanMoveOrder.OLDEST: Ordering(("id",)),
    PlanMoveOrder.EFFECTIVE: Ordering(("effective_at",)),
}


@dataclass(frozen=True, slots=True)
class NewPlanMove:
    """A move to a plan at the start of a business day of the brand."""

    campaign_id: int
    plan_id: int
    day: date
    existing_players: ExistingPlayers
    carried: CarriedNegatives


@dataclass(frozen=True, slots=True)
class PlanMoveFilter:
    """Which plan moves; None filters nothing."""

    campaign_id: int | None = None
    # True: those that will still take effect.
    pending: bool | None = None


@requires(Permission.READ_CAMPAIGNS)
async def plan_moves(scope: Scope, chosen: PlanMoveFilter) -> Listing[CampaignPlanMove]:
    """The plan moves of the campaigns that exist for this scope."""
    rows = scope.query(CampaignPlanMove)
    if chosen.campaign_id is not None:
        rows = rows.filter(campaign_id=chosen.campaign_id)
    if chosen.pending is True:
        rows = rows.filter(applied_at=None, cancelled_at=None)
    elif chosen.pending is False:
        rows = rows.filter(Q(applied_at__not_isnull=True) | Q(cancelled_at__not_isnull=True))
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def move_campaign(scope: Scope, new: NewPlanMove) -> CampaignPlanMove:
    """Let a campaign earn by another plan from the start of a business day of its brand.

    Raises NotFound for a plan that is not an active one of the brand open to the partner, Invalid for a day that has
    begun or is more than a year ahead, Conflict when the campaign has that plan or another move is waiting.
    """
    campaign = await require_campaign(scope, new.campaign_id)
    await _require_plan(scope, campaign, new.plan_id)
    brand = await scope.query(Brand).get(id=campaign.brand_id)
    now = brand_time(scope, brand.clock_offset)
    effective = _effective_at(new.day, brand.time_zone, now)
    async with transaction() as tx:
        plan_id = (await tx.fetch(_LOCK_CAMPAIGN, campaign.id))[0]["plan_id"]
        if plan_id == new.plan_id:
            raise Conflict("the campaign has this plan already", field=("planId",))
        if waiting := await tx.fetch(_OPEN, campaign.id):
            raise Conflict(
                f"a move is waiting for {waiting[0]['effective_at']:%Y-%m-%d %H:%M} UTC: cancel it first",
                field=("campaignId",),
            )
        rows = await tx.fetch(
            _INSERT,
            campaign.id,
            plan_id,
            new.plan_id,
            effective,
            new.existing_players.value,
            new.carried.value,
            now,
        )
        move_id = int(rows[0]["id"])
        data = {
            "move_id": move_id,
            "from_plan_id": plan_id,
            "to_plan_id": new.plan_id,
            "effective_at": effective,
            "existing_players": new.existing_players.value,
            "carried": new.carried.value,
        }
        await _record(scope, tx, "campaign.plan_move_planned", campaign, now, data)
    return await scope.query(CampaignPlanMove).get(id=move_id)


@requires(Permission.MANAGE_PARTNER_CAMPAIGNS)
async def cancel_plan_move(scope: Scope, move_id: int) -> CampaignPlanMove:
    """Take a move back before it takes effect. Raises NotFound, Conflict when it is too late."""
    found = await scope.query(CampaignPlanMove).get_or_none(id=move_id)
    if found is None:
        raise NotFound("plan move", field=("moveId",))
    campaign = await require_campaign(scope, found.campaign_id)
    brand = await scope.query(Brand).get(id=campaign.brand_id)
    now = brand_time(scope, brand.clock_offset)
    async with transaction() as tx:
        await tx.fetch(_LOCK_CAMPAIGN, campaign.id)
        row = (await tx.fetch(_LOCK, move_id))[0]
        if row["applied_at"] is not None or row["cancelled_at"] is not None:
            state = "in effect" if row["applied_at"] is not None else "cancelled"
            raise Conflict(
                f"the move is {state} already: move the campaign again", field=("moveId",)
            )
        await tx.fetch(_CANCEL, move_id, now)
        await _record(
            scope, tx, "campaign.plan_move_cancelled", campaign, now, {"move_id": move_id}
        )
    return await scope.query(CampaignPlanMove).get(id=move_id)


@requires(Permission.OPERATE)
async def apply_due_moves(scope: Scope) -> int:
    """Let every move that is due on its brand's clock take effect, each once; returns how many did."""
    applied = 0
    for due in await fetch(_DUE, scope.now()):
        campaign = await scope.query(Campaign).get(id=due["campaign_id"])
        brand = await scope.query(Brand).get(id=campaign.brand_id)
        now = brand_time(scope, brand.clock_offset)
        async with transaction() as tx:
            before = (await tx.fetch(_LOCK_CAMPAIGN, campaign.id))[0]["plan_id"]
            row = (await tx.fetch(_LOCK, due["id"]))[0]
            # Another scheduler, or an operator, was faster.
            if row["applied_at"] is not None or row["cancelled_at"] is not None:
                continue
            await tx.fetch(_SET_PLAN, campaign.id, row["to_plan_id"])
            await tx.fetch(_APPLIED, due["id"], now)
            data = {
                "move_id": due["id"],
                "from_plan_id": before,
                "to_plan_id": row["to_plan_id"],
                "effective_at": row["effective_at"],
                "existing_players": row["existing_players"],
                "carried": row["carried"],
            }
            await _record(scope, tx, "campaign.plan_moved", campaign, now, data)
            applied += 1
    return applied


def _effective_at(day: date, time_zone: str, now: datetime) -> datetime:
    """The first instant of the day, in UTC. Raises Invalid naming the days that can be chosen."""
    today = business_day(now, time_zone)
    earliest, latest = today + timedelta(days=1), today + timedelta(days=FURTHEST_DAYS)
    # At midnight sharp the new day can still be chosen whole.
    if day_bounds(today, time_zone)[0] == now:
        earliest = today
    if not earliest <= day <= latest:
        raise Invalid(
            f"day is {day}: choose a business day of the brand from {earliest} to {latest}",
            field=("day",),
        )
    return day_bounds(day, time_zone)[0]


async def _require_plan(scope: Scope, campaign: Campaign, plan_id: int) -> None:
    assigned = scope.query(PlanAssignment).filter(partner_id=campaign.partner_id)
    offered = scope.query(CommissionPlan).filter(
        Q(is_default=True) | Q(id__in=Subquery(assigned.values("plan_id"))),
        id=plan_id,
        brand_id=campaign.brand_id,
        state="active",
    )
    if not await offered.exists():
        raise NotFound("commission plan", field=("planId",))


async def _record(
    scope: Scope,
    tx: Transaction,
    event_type: str,
    campaign: Campaign,
    now: datetime,
    data: dict[str, object],
) -> None:
    await record(
        scope,
        tx,
        event_type,
        Subject("campaign", campaign.id),
        partner_id=campaign.partner_id,
        brand_id=campaign.brand_id,
        occurred_at=now,
        data=data,
    )
