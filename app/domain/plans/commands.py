"""What operators do with commission plans: make, describe, open and close, put in order, give to partners (O01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.events.record import NewEvent, record_all
from app.domain.partners.reads import PartnerFilter, partners
from app.domain.permissions import Permission, requires
from app.domain.plans.reads import PlanFilter, plans, require_plan
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Transaction, transaction
from app.models import Brand, CommissionPlan

LONGEST_DESCRIPTION = 2_000
MOST_PARTNERS = 500
MOST_SORTED = 1_000

_INSERT = """
INSERT INTO commission_plans (brand_id, name, description, state, is_default, sort_order, created_at)
VALUES ($1, $2, $3, 'disabled', FALSE,
    (SELECT coalesce(max(sort_order), 0) + 1 FROM commission_plans WHERE brand_id = $1), $4)
RETURNING id
"""
_LOCK = "SELECT name, description, state, is_default FROM commission_plans WHERE id = $1 FOR UPDATE"
_EDIT = "UPDATE commission_plans SET name = $2, description = $3 WHERE id = $1"
_SET_STATE = "UPDATE commission_plans SET state = $2 WHERE id = $1"
_SET_DEFAULT = "UPDATE commission_plans SET is_default = $2 WHERE id = $1"
_PUBLISHED = "SELECT 1 FROM plan_versions WHERE plan_id = $1 AND published_at IS NOT NULL LIMIT 1"
_ASSIGN = """
INSERT INTO plan_assignments (plan_id, partner_id, created_at)
SELECT $1, partner_id, $3 FROM unnest($2::bigint[]) AS p (partner_id)
ON CONFLICT (partner_id, plan_id) DO NOTHING RETURNING partner_id
"""
_UNASSIGN = """
DELETE FROM plan_assignments WHERE plan_id = $1 AND partner_id = ANY($2) RETURNING partner_id
"""
# The brand's row is the lock of its order: two operators who sort at once do it one after the other.
_LOCK_BRAND = "SELECT id FROM brands WHERE id = $1 FOR NO KEY UPDATE"
_SORT = """
WITH wanted AS (
    SELECT p.id, row_number() OVER (ORDER BY array_position($2::bigint[], p.id) NULLS LAST, p.sort_order, p.id) AS place
    FROM commission_plans p WHERE p.brand_id = $1
)
UPDATE commission_plans SET sort_order = wanted.place FROM wanted
WHERE commission_plans.id = wanted.id AND commission_plans.sort_order <> wanted.place
"""


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a plan begins with."""

    brand_id: int
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class PlanEdit:
    """What to change; None leaves it as it is."""

    name: str | None = None
    description: str | None = None


@requires(Permission.MANAGE_PLANS)
async def create_plan(scope: Scope, new: NewPlan) -> CommissionPlan:
    """Make a plan without terms. It is closed until it has a published version and is enabled.

    Raises NotFound for a brand outside the scope, Invalid for a bad name or description.
    """
    name, description = clean_name(new.name, "name", 200), _description(new.description)
    if not await scope.query(Brand).filter(id=new.brand_id).exists():
        raise NotFound("brand", field=("brandId",))
    async with transaction() as tx:
        rows = await tx.fetch(_INSERT, new.brand_id, name, description, scope.now())
        plan_id = int(rows[0]["id"])
        await record_plan(scope, tx, "plan.created", plan_id, new.brand_id, {"name": name})
    return await require_plan(scope, plan_id)


def _description(text: str) -> str:
    cleaned = text.strip()
    if len(cleaned) > LONGEST_DESCRIPTION or "\x00" in cleaned:
        raise Invalid(
            f"a description has at most {LONGEST_DESCRIPTION} characters: {len(cleaned)} were sent",
            field=("description",),
        )
    return cleaned


@requires(Permission.MANAGE_PLANS)
async def edit_plan(scope: Scope, plan_id: int, edit: PlanEdit) -> CommissionPlan:
    """Rename or describe a plan; its terms change by versions only. Raises NotFound, Invalid."""
    name = None if edit.name is None else clean_name(edit.name, "name", 200)
    description = None if edit.description is None else _description(edit.description)
    plan = await require_plan(scope, plan_id)
    async with transaction() as tx:
        before = (await tx.fetch(_LOCK, plan_id))[0]
        after = {
            "name": before["name"] if name is None else name,
            "description": before["description"] if description is None else description,
        }
        changed = {
            item: [before[item], after[item]] for item in after if before[item] != after[item]
        }
        if changed:
            await tx.fetch(_EDIT, plan_id, after["name"], after["description"])
            await record_plan(scope, tx, "plan.edited", plan_id, plan.brand_id, changed)
    return await require_plan(scope, plan_id)


@requires(Permission.MANAGE_PLANS)
async def set_plan_enabled(scope: Scope, plan_id: int, *, enabled: bool) -> CommissionPlan:
    """Open a plan to new campaigns, or close it; campaigns that are on it keep earning by it.

    Raises NotFound, or Conflict when it is so already, or when no version of it was published.
    """
    state = "active" if enabled else "disabled"
    plan = await require_plan(scope, plan_id)
    async with transaction() as tx:
        before = (await tx.fetch(_LOCK, plan_id))[0]["state"]
        if before == state:
            raise Conflict(f"the plan is {state} already", field=("planId",))
        if enabled and not await tx.fetch(_PUBLISHED, plan_id):
            raise Conflict(
                "no version of the plan is published: publish one, then enable it",
                field=("planId",),
            )
        await tx.fetch(_SET_STATE, plan_id, state)
        event = "plan.enabled" if enabled else "plan.disabled"
        await record_plan(scope, tx, event, plan_id, plan.brand_id, {})
    return await require_plan(scope, plan_id)


@requires(Permission.MANAGE_PLANS)
async def set_plan_default(scope: Scope, plan_id: int, *, default: bool) -> CommissionPlan:
    """Open a plan to every partner of its brand, or to those alone to whom it is assigned.

    A brand may have several defaults. Raises NotFound, or Conflict when it is so already.
    """
    plan = await require_plan(scope, plan_id)
    async with transaction() as tx:
        if (await tx.fetch(_LOCK, plan_id))[0]["is_default"] is default:
            is_so = "a default" if default else "no default"
            raise Conflict(f"the plan is {is_so} already", field=("planId",))
        await tx.fetch(_SET_DEFAULT, plan_id, default)
        event = "plan.made_default" if default else "plan.made_individual"
        await record_plan(scope, tx, event, plan_id, plan.brand_id, {})
    return await require_plan(scope, plan_id)


@requires(Permission.MANAGE_PLANS)
async def assign_plan(scope: Scope, plan_id: int, partner_ids: Sequence[int]) -> CommissionPlan:
    """Open a plan to these partners. Who has it already keeps it, without another event.

    Raises NotFound for a plan or a partner outside the scope, Invalid for nobody or too many.
    """
    return await _change_assignments(scope, plan_id, partner_ids, assign=True)


@requires(Permission.MANAGE_PLANS)
async def unassign_plan(scope: Scope, plan_id: int, partner_ids: Sequence[int]) -> CommissionPlan:
    """Close a plan to new campaigns of these partners; campaigns that are on it keep earning by it.

    Raises NotFound for a plan or a partner outside the scope, Invalid for nobody or too many.
    """
    return await _change_assignments(scope, plan_id, partner_ids, assign=False)


async def _change_assignments(
    scope: Scope, plan_id: int, partner_ids: Sequence[int], *, assign: bool
) -> CommissionPlan:
    wanted = sorted(set(partner_ids))
    if not 1 <= len(wanted) <= MOST_PARTNERS:
        raise Invalid(
            f"name 1 to {MOST_PARTNERS} partners: {len(wanted)} were sent", field=("partnerIds",)
        )
    plan = await require_plan(scope, plan_id)
    visible = (await partners(scope, PartnerFilter())).rows.filter(id__in=wanted)
    if await visible.count() != len(wanted):
        raise NotFound("partner", field=("partnerIds",))
    async with transaction() as tx:
        if assign:
            changed = await tx.fetch(_ASSIGN, plan_id, wanted, scope.now())
        else:
            changed = await tx.fetch(_UNASSIGN, plan_id, wanted)
        event = "plan.assigned" if assign else "plan.unassigned"
        subject = Subject("commission_plan", plan_id)
        # One for each partner: it belongs to that partner's log.
        events = [
            NewEvent(
                event, subject, row["partner_id"], plan.brand_id, scope.now(), {"name": plan.name}
            )
            for row in sorted(changed, key=lambda row: int(row["partner_id"]))
        ]
        await record_all(scope, tx, events)
    return await require_plan(scope, plan_id)


@requires(Permission.MANAGE_PLANS)
async def sort_plans(scope: Scope, brand_id: int, plan_ids: Sequence[int]) -> None:
    """Put these plans of a brand first, in this order; the others follow in the order that they have.

    Raises NotFound for a brand or a plan outside the scope, Invalid for none, too many, or one twice.
    """
    if not 1 <= len(plan_ids) <= MOST_SORTED or len(set(plan_ids)) != len(plan_ids):
        raise Invalid(
            f"name 1 to {MOST_SORTED} plans, each once: {len(plan_ids)} were sent",
            field=("planIds",),
        )
    if not await scope.query(Brand).filter(id=brand_id).exists():
        raise NotFound("brand", field=("brandId",))
    own = (await plans(scope, PlanFilter(brand_id=brand_id))).rows
    if await own.filter(id__in=list(plan_ids)).count() != len(plan_ids):
        raise NotFound("commission plan", field=("planIds",))
    async with transaction() as tx:
        await tx.fetch(_LOCK_BRAND, brand_id)
        await tx.fetch(_SORT, brand_id, list(plan_ids))
        data = {"first": list(plan_ids)}
        subject = Subject("brand", brand_id)
        await record(scope, tx, "brand.plans_sorted", subject, brand_id=brand_id, data=data)


async def record_plan(
    scope: Scope, tx: Transaction, event: str, plan_id: int, brand_id: int, data: dict[str, Any]
) -> None:
    """An event about a plan."""
    subject = Subject("commission_plan", plan_id)
    await record(scope, tx, event, subject, brand_id=brand_id, data=data)
