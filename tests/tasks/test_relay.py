"""The relay: from committed events to deliveries, and the wake-up that follows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from dramatiq.brokers.redis import RedisBroker

from app.domain.events import lock_reader, move_reader
from app.domain.postbacks.deliver import any_due
from app.domain.postbacks.plan import READER
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import transaction
from app.models import Postback, PostbackDelivery, Recording
from app.settings import Settings
from app.tasks.broker import configure_broker
from app.tasks.postbacks import DELIVER
from app.tasks.relay import Planner, Relay, plan_postbacks
from app.tasks.worker import declare_actors, send_wake_up
from tests.tasks.conftest import QUEUE, Programme


@dataclass(slots=True)
class Wakes:
    """Notes each wake-up: whether the delivery that it speaks of could be seen by then."""

    system: Scope
    seen: list[bool] = field(default_factory=list)

    async def __call__(self) -> None:
        self.seen.append(await any_due(self.system))


def relay_of(clock: ManualClock, wake: Callable[[], Awaitable[None]]) -> Relay:
    """A relay that plans postbacks."""
    return Relay(clock, [Planner(READER, plan_postbacks, wake)])


async def step_until_idle(relay: Relay) -> None:
    while await relay.step():
        pass


async def test_a_committed_event_becomes_a_delivery_decision_6(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    postback = await programme.add_postback()
    await programme.register()

    await step_until_idle(relay_of(clock, Wakes(system)))

    delivery = await programme.delivery()
    assert (delivery.postback_id, delivery.state) == (postback.id, "pending")


async def test_the_wake_up_comes_after_the_deliveries_are_committed_decision_6(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    await programme.add_postback()
    await programme.register()
    wakes = Wakes(system)

    await step_until_idle(relay_of(clock, wakes))

    assert wakes.seen == [True]


async def test_events_without_a_postback_wake_nobody(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    await programme.register()
    wakes = Wakes(system)

    await step_until_idle(relay_of(clock, wakes))

    assert wakes.seen == []


async def test_the_same_url_of_all_three_scopes_fires_once_for_an_event_a13(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    world = programme.world
    await programme.add_postback()
    await programme.add_postback(campaign_id=world.campaign.id)
    await programme.add_postback(promo_id=world.promo.id)
    await programme.register()

    await step_until_idle(relay_of(clock, Wakes(system)))

    assert await PostbackDelivery.all().count() == 1


async def test_different_urls_of_all_three_scopes_all_fire_a13(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    world = programme.world
    await programme.add_postback()
    await programme.add_postback(f"{programme.url}&of=campaign", campaign_id=world.campaign.id)
    await programme.add_postback(f"{programme.url}&of=promo", promo_id=world.promo.id)
    await programme.register()

    await step_until_idle(relay_of(clock, Wakes(system)))

    assert await PostbackDelivery.all().count() == 3


async def test_planning_the_same_event_again_adds_no_delivery_decision_6(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    await programme.add_postback()
    await programme.register()
    wakes = Wakes(system)
    relay = relay_of(clock, wakes)
    await step_until_idle(relay)

    async with transaction() as tx:
        await lock_reader(tx, READER)
        await move_reader(tx, READER, 0)
    await step_until_idle(relay)

    assert await PostbackDelivery.all().count() == 1
    assert wakes.seen == [True]


async def test_two_relays_at_once_plan_each_event_once(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    await programme.add_postback()
    for _ in range(20):
        await programme.register()

    relays = [relay_of(clock, Wakes(system)) for _ in range(2)]
    await asyncio.gather(*(step_until_idle(relay) for relay in relays))
    # Whoever came second may have left while the first one still held the lock.
    await step_until_idle(relays[0])

    assert await PostbackDelivery.all().count() == 20
    assert await Recording.filter(position=None).count() == 0


async def test_a_wake_up_is_a_message_in_the_queue(
    programme: Programme, clock: ManualClock, broker: RedisBroker
) -> None:
    await programme.add_postback()
    await programme.register()

    await step_until_idle(relay_of(clock, lambda: asyncio.to_thread(send_wake_up, broker, DELIVER)))

    assert broker.do_qsize(QUEUE) == 1


async def test_without_valkey_the_deliveries_are_planned_all_the_same_decision_6(
    programme: Programme, clock: ManualClock, database: Settings
) -> None:
    nowhere = database.model_copy(update={"redis_url": "unix:///nonexistent/valkey.sock"})
    broker = configure_broker(nowhere)
    declare_actors(broker)
    await programme.add_postback()
    await programme.register()

    await step_until_idle(relay_of(clock, lambda: asyncio.to_thread(send_wake_up, broker, DELIVER)))

    assert (await programme.delivery()).state == "pending"


async def test_a_disabled_postback_plans_nothing_a13(
    programme: Programme, clock: ManualClock, system: Scope
) -> None:
    postback = await programme.add_postback()
    await Postback.filter(id=postback.id).update(state="disabled")
    await programme.register()

    await step_until_idle(relay_of(clock, Wakes(system)))

    assert await PostbackDelivery.all().count() == 0
