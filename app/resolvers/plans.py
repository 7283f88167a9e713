"""The histories of commission plans, for many fields at once."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.plans.reads import PlanHistory, histories
from app.domain.scope import Scope


async def load_histories(scope: Scope, plan_ids: Sequence[int]) -> list[PlanHistory]:
    """The history of each plan, in the order of the ids; an empty one for a plan that is not there."""
    found = await histories(scope, plan_ids)
    return [found.get(plan_id, PlanHistory()) for plan_id in plan_ids]
