"""Creating campaigns and promos: choices, states, and what each leaves behind (A01 to A08)."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.campaigns.codes import random_code
from app.domain.campaigns.commands import (
    NewCampaign,
    NewPromo,
    create_campaign,
    create_promo,
)
from app.domain.errors import Conflict, Invalid
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import UniqueViolation
from app.models import (
    Campaign,
    CommissionPlan,
    Event,
    Landing,
    PlanAssignment,
    Promo,
    TrafficSource,
)
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import World, make_brand, make_partner, make_world, partner_scope


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
def scope(world: World, clock: ManualClock) -> Scope:
    return partner_scope(world.partner, clock)


async def test_with_one_brand_and_plan_a_campaign_needs_a_name_only_a02(
    world: World, scope: Scope
) -> None:
    campaign = await create_campaign(scope, NewCampaign("  Reviews "))

    assert campaign.name == "Reviews"
    assert (campaign.brand_id, campaign.plan_id) == (world.brand.id, world.campaign.plan_id)
    assert (campaign.partner_id, campaign.state) == (world.partner.id, "active")
    assert campaign.created_at == NOW


async def test_among_several_plans_one_must_be_chosen(world: World, scope: Scope) -> None:
    plan = await CommissionPlan.create(
        brand=world.brand, name="Other", is_default=True, created_at=NOW
    )

    with pytest.raises(Invalid) as refusal:
        await create_campaign(scope, NewCampaign("Reviews"))
    assert refusal.value.field == ("planId",)
    chosen = await create_campaign(scope, NewCampaign("Reviews", plan_id=plan.id))
    assert chosen.plan_id == plan.id


async def test_an_assigned_plan_is_open_to_its_partner(world: World, scope: Scope) -> None:
    plan = await CommissionPlan.create(brand=world.brand, name="Exclusive", created_at=NOW)
    await PlanAssignment.create(partner=world.partner, plan=plan, created_at=NOW)

    campaign = await create_campaign(scope, NewCampaign("Reviews", plan_id=plan.id))

    assert campaign.plan_id == plan.id


async def test_without_a_brand_a_partner_is_told_whom_to_ask(
    database: Settings, clock: ManualClock
) -> None:
    await make_brand(clock)
    partner = await make_partner(clock)

    with pytest.raises(Conflict, match="ask your affiliate manager"):
        await create_campaign(partner_scope(partner, clock), NewCampaign("Reviews"))


async def test_a_new_campaign_and_a_new_promo_are_events(world: World, scope: Scope) -> None:
    campaign = await create_campaign(scope, NewCampaign("Reviews"))
    promo = await create_promo(scope, NewPromo(campaign.id, "Footer"))

    events = await Event.filter(subject_id__in=[campaign.id, promo.id]).order_by("-id").limit(2)
    assert [(event.type, event.subject_id) for event in events] == [
        ("promo.created", promo.id),
        ("campaign.created", campaign.id),
    ]
    assert events[0].data["code"] == promo.code
    assert {event.partner_id for event in events} == {world.partner.id}


async def test_a_promo_leads_to_the_chosen_landing_and_states_its_source(
    world: World, scope: Scope
) -> None:
    landing = await Landing.create(
        brand=world.brand, title="Outlet", url="https://brand.example/o", created_at=NOW
    )
    source = await TrafficSource.create(name="SEO", created_at=NOW)

    promo = await create_promo(scope, NewPromo(world.campaign.id, "A", landing.id, source.id))

    assert (promo.landing_id, promo.traffic_source_id) == (landing.id, source.id)


async def test_a_landing_that_is_disabled_or_for_sub_affiliates_is_no_choice(
    world: World, scope: Scope
) -> None:
    for columns in ({"state": "disabled"}, {"audience": "sub_affiliates"}):
        await Landing.create(
            brand_id=world.brand.id,
            title="Hidden",
            url="https://brand.example/h",
            created_at=NOW,
            **columns,  # type: ignore[arg-type]
        )

    promo = await create_promo(scope, NewPromo(world.campaign.id, "A"))

    assert promo.landing_id == world.promo.landing_id


@pytest.mark.parametrize("state", ["archived", "disabled"])
async def test_a_campaign_that_is_not_active_takes_no_promos_a08(
    world: World, scope: Scope, state: str
) -> None:
    await Campaign.filter(id=world.campaign.id).update(state=state)

    with pytest.raises(Conflict, match=state):
        await create_promo(scope, NewPromo(world.campaign.id, "A"))


async def test_promos_made_at_once_have_codes_of_their_own(world: World, scope: Scope) -> None:
    made = await asyncio.gather(
        *(create_promo(scope, NewPromo(world.campaign.id, f"P{n}")) for n in range(20))
    )

    assert len({promo.code for promo in made}) == 20


async def test_a_code_that_is_taken_is_not_given_twice(world: World, scope: Scope) -> None:
    with pytest.raises(UniqueViolation):
        await create_promo(scope, NewPromo(world.campaign.id, "A"), lambda: world.promo.code)

    assert await Promo.all().count() == 1


def test_codes_hold_nothing_that_reads_as_something_else() -> None:
    codes = {random_code() for _ in range(500)}

    assert len(codes) == 500
    assert not set("".join(codes)) & set("01ilo")
