"""The programme of one partner, and who asks about its postbacks."""

from __future__ import annotations

import pytest

from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.settings import Settings
from tests.factories import World, make_world, partner_scope


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
def scope(world: World) -> Scope:
    return partner_scope(world.partner, world.clock)
