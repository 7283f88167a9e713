"""Planning deliveries: once for each event, for whom it concerns, and whatever the links carry (decision 6)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.domain.events import head, place_recordings
from app.domain.players.register import register_players
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.postbacks.matching import LONGEST_URL
from app.domain.postbacks.plan import plan_deliveries, skip_history
from app.domain.scope import Scope
from app.domain.visits.destination import stag
from app.infra.clock import ManualClock
from app.models import Partner, PostbackAttempt, PostbackDelivery
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_partner,
    make_promo,
    make_visits,
    make_world,
    partner_scope,
)

TRACKER = "https://tracker.example/?id=${event_id}"


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def listen(world: World, action: Action = Action.ANY, url: str = TRACKER, **ids: Any) -> int:
    scope = partner_scope(world.partner, world.clock)
    return int((await create_postback(scope, NewPostback(action, url, **ids))).id)


async def register(world: World, *users: str, **fields: Any) -> None:
    items = [world.player(user, **fields) for user in users]
    scope = brand_scope(world.brand, world.clock)
    await register_players(scope, world.brand.id, items, box=BOX)


async def plan(system: Scope) -> int:
    while await place_recordings(system):
        pass
    added = 0
    while (planned := await plan_deliveries(system)).moved:
        added += planned.deliveries
    return added


async def test_an_event_is_planned_once_for_each_postback_that_it_concerns(
    world: World, system: Scope, clock: ManualClock
) -> None:
    _, other = await make_promo(world.partner, world.brand, clock)
    wanted = {
        await listen(world, Action.ANY, f"{TRACKER}&s=account"),
        await listen(world, Action.REGISTRATION, f"{TRACKER}&s=action"),
        await listen(world, url=f"{TRACKER}&s=campaign", campaign_id=world.campaign.id),
        await listen(world, url=f"{TRACKER}&s=promo", promo_id=world.promo.id),
    }
    await listen(world, Action.SALE, f"{TRACKER}&s=sale")
    await listen(world, url=f"{TRACKER}&s=other", promo_id=other.id)
    await register(world, "p1")

    assert await plan(system) == 4
    assert {delivery.postback_id for delivery in await PostbackDelivery.all()} == wanted


async def test_identical_urls_for_one_event_fire_once_a13(world: World, system: Scope) -> None:
    await listen(world)
    await listen(world, promo_id=world.promo.id)
    await register(world, "p1", "p2")

    assert await plan(system) == 2


async def test_nobody_hears_of_another_partners_players(
    world: World, system: Scope, clock: ManualClock
) -> None:
    rival = await make_partner(clock, world.brand)
    await create_postback(partner_scope(rival, clock), NewPostback(Action.ANY, TRACKER))
    await register(world, "p1")

    assert await plan(system) == 0


async def test_planners_at_once_plan_each_event_once(world: World, system: Scope) -> None:
    await listen(world)
    await register(world, *(f"p{n}" for n in range(20)))
    while await place_recordings(system):
        pass

    planned = await asyncio.gather(*(plan_deliveries(system, 1) for _ in range(30)))

    assert sum(step.deliveries for step in planned) == 20
    assert await PostbackDelivery.all().count() == 20


async def test_what_was_skipped_as_history_fires_nothing_m38(world: World, system: Scope) -> None:
    await listen(world)
    await register(world, "p1")
    while await place_recordings(system):
        pass
    await skip_history(system, (await head(system)).position)
    await register(world, "p2")

    assert await plan(system) == 1


async def test_a_delivery_is_due_by_its_partners_own_clock_x08(world: World, system: Scope) -> None:
    await Partner.filter(id=world.partner.id).update(clock_offset=timedelta(days=5))
    await listen(world)
    await register(world, "p1")
    await plan(system)

    assert (await PostbackDelivery.get()).next_attempt_at == NOW + timedelta(days=5)


async def test_a_link_with_endless_tags_spoils_its_own_delivery_and_no_other(
    world: World, system: Scope, clock: ManualClock
) -> None:
    """Anybody can follow a link with tags that make the URL of a postback too long to store."""
    query = "&".join(f"t{n}={'%C3%A9' * 1_000}" for n in range(3))
    (visit_id,) = await make_visits(world.promo, clock, query=query.encode())
    await listen(world, url=f"{TRACKER}&a=${{t0}}&b=${{t1}}&c=${{t2}}")
    await register(world, "p1", tag=stag(world.promo.id, visit_id))
    await register(world, "p2")

    assert await plan(system) == 1

    failed = await PostbackDelivery.get(state="failed")
    attempt = await PostbackAttempt.get()
    assert len(failed.url) == LONGEST_URL
    assert attempt.delivery_id == failed.id
    assert "longer than 8000" in (attempt.error or "")
