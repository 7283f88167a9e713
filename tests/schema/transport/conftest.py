"""Servers and clients of the transport tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest

from app.infra.clock import ManualClock
from app.models import User
from app.schema.transport.live import Times
from app.settings import Settings
from tests.factories import make_brand, make_partner, make_partner_user, sign_in
from tests.schema.transport.server import (
    PARTNER_EMAIL,
    Door,
    listening,
    make_door,
    served_programme,
)

# Short enough to wait for.
TIMES = Times(session_check=0.05, initialisation=1.0, sending=3.0, ping=0.1, comment=0.1)


@pytest.fixture(scope="module")
def programme() -> Iterator[str]:
    """The address of a running server that the tests of a module share."""
    with served_programme() as address:
        yield address


@pytest.fixture
def http(programme: str) -> Iterator[httpx.Client]:
    """A plain client of the shared server, without any header of its own."""
    with httpx.Client(base_url=programme) as client:
        for name in ("accept", "accept-encoding", "user-agent"):
            del client.headers[name]
        yield client


@pytest.fixture
def door(settings: Settings, clock: ManualClock) -> Door:
    """The partner endpoint, which waits for little, for three streams of a caller."""
    return make_door(settings.model_copy(update={"subscriptions_per_user": 3}), clock, times=TIMES)


@pytest.fixture
async def address(door: Door) -> AsyncIterator[str]:
    """Where that endpoint listens."""
    async with listening(door.application) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in partner user."""

    user: User
    token: str


@pytest.fixture
async def session(address: str, clock: ManualClock) -> Session:
    """A partner's owner who is signed in."""
    partner = await make_partner(clock, await make_brand(clock))
    user = await make_partner_user(partner, clock, email=PARTNER_EMAIL)
    async with httpx.AsyncClient(base_url=address) as client:
        return Session(user, await sign_in(client, PARTNER_EMAIL))
