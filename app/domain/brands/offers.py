"""What a partner may promote: brands with an accepted affiliation, their landings, and the plans open to it."""

from __future__ import annotations

from app.domain.errors import NotFound
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.models import Affiliation, Brand, CommissionPlan, Landing, PlanAssignment


@requires(Permission.READ_OFFERS)
async def brands(scope: Scope) -> list[Brand]:
    """The brands that exist for this scope, oldest first: for a partner, those with an accepted affiliation."""
    rows = scope.query(Brand).order_by("id")
    if scope.partner_id is not None:
        accepted = scope.query(Affiliation).filter(state="accepted")
        rows = rows.filter(id__in=await accepted.values_list("brand_id", flat=True))
    return await rows


@requires(Permission.READ_OFFERS)
async def landings(scope: Scope, brand_id: int) -> list[Landing]:
    """The active landings of a brand that this scope can see, oldest first."""
    if brand_id not in {brand.id for brand in await brands(scope)}:
        raise NotFound("brand", field=("brandId",))
    return await scope.query(Landing).filter(brand_id=brand_id, state="active").order_by("id")


@requires(Permission.READ_OFFERS)
async def plans(scope: Scope, brand_id: int) -> list[CommissionPlan]:
    """The active plans of a brand that this scope may use: the defaults and those assigned to the partner (A02)."""
    if brand_id not in {brand.id for brand in await brands(scope)}:
        raise NotFound("brand", field=("brandId",))
    rows = (
        await scope.query(CommissionPlan).filter(brand_id=brand_id, state="active").order_by("id")
    )
    if scope.partner_id is None:
        return rows
    assigned = set(await scope.query(PlanAssignment).values_list("plan_id", flat=True))
    return [plan for plan in rows if plan.is_default or plan.id in assigned]
