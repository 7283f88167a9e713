"""What operators change of partners' campaigns: names, landings, states, and moves to other plans (O02, M1B)."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.domain.campaigns.operator_commands import (
    disable_campaign,
    enable_campaign,
    rename_campaign,
    rename_promo,
    set_promo_landing,
)
from app.domain.campaigns.operator_reads import (
    PartnerCampaignFilter,
    PartnerPromoFilter,
    partner_campaigns,
    partner_promos,
)
from app.domain.campaigns.plan_moves import (
    CarriedNegatives,
    ExistingPlayers,
    NewPlanMove,
    PlanMoveFilter,
    apply_due_moves,
    cancel_plan_move,
    move_campaign,
    plan_moves,
)
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.domain.visits.links import find_link
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import (
    Brand,
    Campaign,
    CampaignPlanMove,
    CommissionPlan,
    Landing,
    PlanAssignment,
    Promo,
)
from app.settings import Settings
from tests.factories import (
    World,
    make_brand,
    make_partner,
    make_promo,
    make_world,
    partner_scope,
    staff_scope,
)

# The brand's zone is Europe/Bucharest: noon in UTC on 10 March is 14:00 there.
TOMORROW = date(2026, 3, 11)
EFFECTIVE = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A partner's campaign with a promo."""
    return await make_world(clock)


@pytest.fixture
def manager(world: World, clock: ManualClock) -> Scope:
    """The scope of an affiliate manager."""
    return staff_scope(clock, StaffRole.AFFILIATE_MANAGER)


@pytest.fixture
async def plan(world: World, clock: ManualClock) -> CommissionPlan:
    """Another default plan of the brand."""
    return await CommissionPlan.create(
        brand=world.brand, name="Next", is_default=True, created_at=clock.now()
    )


async def _events(kind: str) -> list[dict[str, Any]]:
    return await fetch("SELECT * FROM events WHERE type = $1 ORDER BY id", kind)


def _move(world: World, plan: CommissionPlan, day: date = TOMORROW) -> NewPlanMove:
    stay, carry = ExistingPlayers.STAY, CarriedNegatives.CARRY
    return NewPlanMove(world.campaign.id, plan.id, day, stay, carry)


async def _plan_of(world: World) -> int:
    return (await Campaign.get(id=world.campaign.id)).plan_id


async def test_o02_names_are_changed_and_the_partner_reads_it_in_its_log(
    world: World, manager: Scope
) -> None:
    campaign = await rename_campaign(manager, world.campaign.id, " Reviews ")
    promo = await rename_promo(manager, world.promo.id, "Footer")

    assert (campaign.name, promo.title) == ("Reviews", "Footer")
    (event,) = await _events("campaign.renamed")
    assert (event["partner_id"], event["actor_type"]) == (world.partner.id, "operator_user")
    assert len(await _events("promo.renamed")) == 1


async def test_o02_a_promo_leads_to_another_landing_of_its_brand(
    world: World, manager: Scope, clock: ManualClock
) -> None:
    url = "https://brand.example/new"
    landing = await Landing.create(brand=world.brand, title="New", url=url, created_at=clock.now())

    await set_promo_landing(manager, world.promo.id, landing.id)

    link = await find_link(world.promo.code)
    assert link is not None
    assert (await Promo.get(id=world.promo.id)).landing_id == landing.id
    assert len(await _events("promo.landing_set")) == 1


@pytest.mark.parametrize(
    ("columns", "refusal"),
    [
        ({"state": "disabled"}, NotFound),
        ({"audience": "sub_affiliates"}, Conflict),
    ],
)
async def test_o02_a_landing_that_does_not_fit_is_refused(
    world: World, manager: Scope, clock: ManualClock, columns: dict[str, Any], refusal: Any
) -> None:
    landing = await Landing.create(
        brand=world.brand, title="L", url="https://x.example/", created_at=clock.now(), **columns
    )

    with pytest.raises(refusal):
        await set_promo_landing(manager, world.promo.id, landing.id)


async def test_o02_a_landing_of_another_brand_is_not_found(
    world: World, manager: Scope, clock: ManualClock
) -> None:
    foreign = await Landing.get(brand_id=(await make_brand(clock)).id)

    with pytest.raises(NotFound):
        await set_promo_landing(manager, world.promo.id, foreign.id)


async def test_o02_a_disabled_campaign_tells_its_partner_why_and_can_be_enabled(
    world: World, manager: Scope
) -> None:
    disabled = await disable_campaign(manager, world.campaign.id, "misleading adverts")
    with pytest.raises(Conflict, match="disabled already"):
        await disable_campaign(manager, world.campaign.id, "again")
    enabled = await enable_campaign(manager, world.campaign.id)

    assert (disabled.state, disabled.state_reason) == ("disabled", "misleading adverts")
    assert (enabled.state, enabled.state_reason) == ("active", None)
    (event,) = await _events("campaign.disabled")
    assert event["partner_id"] == world.partner.id


async def test_o02_an_archived_campaign_is_archived_again_when_it_is_enabled(
    world: World, manager: Scope, clock: ManualClock
) -> None:
    await Campaign.filter(id=world.campaign.id).update(state="archived", archived_at=clock.now())
    await disable_campaign(manager, world.campaign.id, "misleading adverts")

    assert (await enable_campaign(manager, world.campaign.id)).state == "archived"


async def test_o02_lists_are_filtered_by_partner(
    world: World, manager: Scope, clock: ManualClock
) -> None:
    other = await make_partner(clock, world.brand)
    campaign, promo = await make_promo(other, world.brand, clock)

    campaigns = await partner_campaigns(manager, PartnerCampaignFilter(partner_id=other.id))
    promos = await partner_promos(manager, PartnerPromoFilter(partner_id=other.id))

    assert [row.id for row in await campaigns.rows] == [campaign.id]
    assert [row.id for row in await promos.rows] == [promo.id]
    everything = await partner_campaigns(manager, PartnerCampaignFilter())
    assert await everything.rows.count() == 2


async def test_m1b_a_move_takes_effect_at_the_start_of_the_business_day(
    world: World, manager: Scope, system: Scope, clock: ManualClock, plan: CommissionPlan
) -> None:
    before = await _plan_of(world)

    move = await move_campaign(manager, _move(world, plan))

    assert move.effective_at == EFFECTIVE
    clock.at = EFFECTIVE - timedelta(microseconds=1)
    assert await apply_due_moves(system) == 0
    assert await _plan_of(world) == before
    clock.at = EFFECTIVE
    assert await apply_due_moves(system) == 1
    assert await _plan_of(world) == plan.id
    (event,) = await _events("campaign.plan_moved")
    assert '"existing_players": "stay"' in event["data"]
    assert event["partner_id"] == world.partner.id


async def test_m1b_a_due_move_is_applied_once_by_however_many_schedulers(
    world: World, manager: Scope, system: Scope, clock: ManualClock, plan: CommissionPlan
) -> None:
    await move_campaign(manager, _move(world, plan))
    clock.at = EFFECTIVE

    counts = await asyncio.gather(*(apply_due_moves(system) for _ in range(5)))

    assert sum(counts) == 1
    assert len(await _events("campaign.plan_moved")) == 1


async def test_x08_a_sandboxs_move_is_due_on_its_own_clock(
    world: World, manager: Scope, system: Scope, plan: CommissionPlan
) -> None:
    await move_campaign(manager, _move(world, plan))

    await Brand.filter(id=world.brand.id).update(clock_offset=timedelta(days=1))

    assert await apply_due_moves(system) == 1


@pytest.mark.parametrize("days", [-365, -1, 0, 367])
async def test_m1b_a_day_that_has_begun_or_is_far_ahead_is_refused_with_the_limits(
    world: World, manager: Scope, plan: CommissionPlan, days: int
) -> None:
    day = date(2026, 3, 10) + timedelta(days=days)

    with pytest.raises(Invalid, match="from 2026-03-11 to 2027-03-11") as refused:
        await move_campaign(manager, _move(world, plan, day))

    assert refused.value.field == ("day",)


async def test_o02_a_cancelled_move_never_takes_effect(
    world: World, manager: Scope, system: Scope, clock: ManualClock, plan: CommissionPlan
) -> None:
    before = await _plan_of(world)
    move = await move_campaign(manager, _move(world, plan))

    await cancel_plan_move(manager, move.id)
    clock.at = EFFECTIVE

    assert await apply_due_moves(system) == 0
    assert await _plan_of(world) == before
    with pytest.raises(Conflict, match="cancelled already"):
        await cancel_plan_move(manager, move.id)


async def test_o02_what_is_in_effect_cannot_be_cancelled(
    world: World, manager: Scope, system: Scope, clock: ManualClock, plan: CommissionPlan
) -> None:
    move = await move_campaign(manager, _move(world, plan))
    clock.at = EFFECTIVE
    await apply_due_moves(system)

    with pytest.raises(Conflict, match="in effect already"):
        await cancel_plan_move(manager, move.id)


async def test_o02_one_move_waits_at_a_time_even_when_two_operators_are_quick(
    world: World, manager: Scope, plan: CommissionPlan
) -> None:
    tried = [move_campaign(manager, _move(world, plan)) for _ in range(4)]

    results = await asyncio.gather(*tried, return_exceptions=True)

    assert sum(isinstance(result, CampaignPlanMove) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3


async def test_o02_a_move_to_the_present_plan_is_refused(world: World, manager: Scope) -> None:
    present = await CommissionPlan.get(id=world.campaign.plan_id)

    with pytest.raises(Conflict, match="this plan already"):
        await move_campaign(manager, _move(world, present))


async def test_o02_a_plan_that_is_not_open_to_the_partner_is_not_found_until_it_is_assigned(
    world: World, manager: Scope, clock: ManualClock, plan: CommissionPlan
) -> None:
    await CommissionPlan.filter(id=plan.id).update(is_default=False)

    with pytest.raises(NotFound):
        await move_campaign(manager, _move(world, plan))
    await PlanAssignment.create(partner=world.partner, plan=plan, created_at=clock.now())

    assert (await move_campaign(manager, _move(world, plan))).to_plan_id == plan.id


async def test_o02_partners_see_their_moves_and_nobody_elses(
    world: World, manager: Scope, clock: ManualClock, plan: CommissionPlan
) -> None:
    move = await move_campaign(manager, _move(world, plan))
    own = partner_scope(world.partner, clock)
    stranger = partner_scope(await make_partner(clock, world.brand), clock)

    seen = await (await plan_moves(own, PlanMoveFilter(pending=True))).rows

    assert [row.id for row in seen] == [move.id]
    assert await (await plan_moves(stranger, PlanMoveFilter())).rows == []


@pytest.mark.parametrize("role", [StaffRole.ADVERTISER, StaffRole.CONTENT, StaffRole.FINANCE])
async def test_o02_other_staff_may_not_touch_partners_campaigns(
    world: World, clock: ManualClock, role: StaffRole
) -> None:
    with pytest.raises(Forbidden):
        await disable_campaign(staff_scope(clock, role), world.campaign.id, "no reason")


async def test_o02_partners_may_not_use_what_is_for_operators(
    world: World, clock: ManualClock
) -> None:
    with pytest.raises(Forbidden):
        await enable_campaign(partner_scope(world.partner, clock), world.campaign.id)
