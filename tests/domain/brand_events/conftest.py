"""A brand that counts events."""

from __future__ import annotations

import pytest

from app.infra.clock import ManualClock
from app.settings import Settings
from tests.domain.brand_events.sending import make_event_world
from tests.factories import World


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_event_world(clock, "p1", "p2")
