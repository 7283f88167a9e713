"""Data loaders live as long as one operation, or one event of a subscription (G05)."""

from __future__ import annotations

import pytest

from app.infra.clock import ManualClock
from app.settings import Settings
from tests.schema.transport import probe
from tests.schema.transport.conftest import TIMES, Session
from tests.schema.transport.peer import connected
from tests.schema.transport.server import Door, make_door


@pytest.fixture
def door(settings: Settings, clock: ManualClock) -> Door:
    """An endpoint that remembers the loaders of its operations."""
    probe.forget()
    return make_door(settings, clock, schema=probe.schema, times=TIMES)


async def test_each_operation_of_a_websocket_has_loaders_of_its_own_g05(
    address: str, session: Session
) -> None:
    async with connected(address, session.token) as peer:
        for id_ in ("1", "2"):
            await peer.subscribe(id_, "{ thing { a: loaders b: loaders } }")
            while (await peer.receive())["type"] != "complete":
                pass

    first, same, second, _ = probe.SEEN.loaders
    assert first is same
    assert first is not second


async def test_each_event_of_a_subscription_has_loaders_of_its_own_g05(
    address: str, session: Session
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("1", "subscription { things { a: loaders b: loaders } }")
        while (await peer.receive())["type"] != "complete":
            pass

    first, same, second, _, third, _ = probe.SEEN.loaders
    assert first is same
    assert len({id(loaders) for loaders in (first, second, third)}) == 3
