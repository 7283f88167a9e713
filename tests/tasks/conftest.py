"""A small programme whose registrations lead to postbacks, and the parts that deliver them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from dramatiq.brokers.redis import RedisBroker

from app.domain.events import place_recordings
from app.domain.players.register import Status, register_players
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.postbacks.plan import plan_deliveries
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Postback, PostbackDelivery
from app.settings import Settings
from app.tasks.broker import configure_broker
from app.tasks.postbacks import PostbackSender
from app.tasks.worker import declare_actors
from tests.factories import BOX, World, make_world, partner_scope
from tests.tasks.tracker import Tracker, tracker

QUEUE = "postbacks"


@dataclass(slots=True)
class Programme:
    """A world whose partner has a tracker."""

    world: World
    clock: ManualClock
    tracker: Tracker
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        """A template that names the event, for an account, a campaign or a promo alike."""
        return f"{self.tracker.url}/postback?event=${{event_id}}"

    async def add_postback(self, url: str | None = None, **fields: Any) -> Postback:
        """A postback for registrations, or for `action`: of the account, of `campaign_id` or of `promo_id`."""
        new = NewPostback(fields.pop("action", Action.REGISTRATION), url or self.url, **fields)
        scope = partner_scope(self.world.partner, self.clock)
        return await create_postback(scope, new, allow_private=True)

    async def register(self, count: int = 1, request_id: str = "test-request") -> None:
        """New players sign up."""
        brand = self.world.brand
        scope = Scope.brand(
            brand.id, self.clock, request_id, offset=brand.clock_offset, ip="203.0.113.9"
        )
        players = [self.world.player(f"player-{next(self._numbers)}") for _ in range(count)]
        results = await register_players(scope, brand.id, players, box=BOX)
        assert [result.status for result in results] == [Status.CREATED] * count

    async def plan(self) -> int:
        """Do the relay's work without waking anybody; returns how many deliveries it added."""
        scope = Scope.system(self.clock, "test-plan")
        while await place_recordings(scope):
            pass
        return (await plan_deliveries(scope)).deliveries

    async def owe(self, count: int = 1) -> None:
        """Players have signed up, and their deliveries are due."""
        await self.register(count)
        assert await self.plan() == count

    async def delivery(self) -> PostbackDelivery:
        """The only delivery."""
        return await PostbackDelivery.get()

    async def move_partners_clock(self, by: timedelta) -> None:
        """Move the time of the partner's sandbox."""
        partner = self.world.partner
        partner.clock_offset += by
        await partner.save(update_fields=["clock_offset"])


@pytest.fixture
def listener() -> Iterator[Tracker]:
    """A partner's tracker."""
    with tracker() as running:
        yield running


@pytest.fixture
async def programme(database: Settings, clock: ManualClock, listener: Tracker) -> Programme:
    """A programme in this test's database, without postbacks yet."""
    return Programme(await make_world(clock), clock, listener)


MakeSender = Callable[..., PostbackSender]


@pytest.fixture
async def make_sender(database: Settings, clock: ManualClock) -> AsyncIterator[MakeSender]:
    """Senders on this test's database and clock, each with the given settings changed."""
    made: list[PostbackSender] = []

    def make(**changes: Any) -> PostbackSender:
        made.append(PostbackSender(database.model_copy(update=changes), clock))
        return made[-1]

    yield make
    for sender in made:
        await sender.close()


@pytest.fixture
def sender(make_sender: MakeSender) -> PostbackSender:
    """A sender on this test's database and clock."""
    return make_sender()


@pytest.fixture
def broker(settings: Settings) -> Iterator[RedisBroker]:
    """A real queue in Valkey, to which messages can be sent."""
    made = configure_broker(settings)
    declare_actors(made)
    yield made
    made.close()
