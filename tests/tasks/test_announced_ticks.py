"""What was announced takes effect by the scheduler's ticks (O01, O02)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.domain.brands.changes import ChangedField, announce_change
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Brand, CampaignPlanMove
from app.settings import Settings
from app.tasks.scheduler import _announced_ticks
from tests.factories import make_world, staff_scope


async def test_o01_a_tick_applies_changes_and_moves_that_are_due(
    database: Settings, clock: ManualClock, system: Scope
) -> None:
    world = await make_world(clock)
    field = ChangedField.COOKIE_DAYS
    await announce_change(staff_scope(clock), world.brand.id, field, Decimal(45), notice_days=1)
    move = await CampaignPlanMove.create(
        campaign=world.campaign,
        from_plan_id=world.campaign.plan_id,
        to_plan_id=world.campaign.plan_id,
        effective_at=clock.now() + timedelta(days=1),
        existing_players="stay",
        carried="carry",
        created_at=clock.now(),
    )
    clock.advance(timedelta(days=3))

    for _ in range(2):
        for tick in _announced_ticks():
            await tick.run(system)

    assert (await Brand.get(id=world.brand.id)).cookie_days == 45
    assert (await CampaignPlanMove.get(id=move.id)).applied_at == clock.now()
