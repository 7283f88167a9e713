"""Recorders for tests: clicks of nobody, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.domain.scope import Scope
from app.domain.visits.click import NewFallbackVisit, NewVisit
from app.domain.visits.record import take_visit_ids
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Event
from app.web.clicks.recorder import ClickRecorder
from app.web.clicks.spool import Recordable

LIMIT = 10_000_000
# What is sent when visits are: prepared statements are sent by name.
RECORDING = b'"attributable_until"'
PATIENCE = 60


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds; replays take a moment."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def click(recorder: ClickRecorder, clock: ManualClock, **changes: Any) -> tuple[NewVisit, str]:
    """A visit of nobody's promo; visits have no foreign keys."""
    now = clock.now()
    visit = NewVisit(
        id=recorder.ids.next(now),
        occurred_at=now,
        business_day=now.date(),
        promo_id=1,
        campaign_id=1,
        plan_id=1,
        brand_id=1,
        partner_id=1,
        attributable_until=now + timedelta(days=30),
        fingerprint=42,
        visitor_id=None,
        country="DE",
        device="desktop",
        language=None,
        network="203.0.113.0/24",
        ad_type=None,
        banner_id=None,
        uncounted_reason=None,
        referrer=None,
        user_agent="Mozilla/5.0",
        destination="https://brand.example/",
        tags='{"clickID":"1"}',
        corrupted=False,
    )
    return visit._replace(**changes), "203.0.113.9"


def fallback(recorder: ClickRecorder, clock: ManualClock) -> NewFallbackVisit:
    now = clock.now()
    identity = recorder.ids.next(now), now, "nosuchcode", "unknown_code"
    return NewFallbackVisit(*identity, None, None, None, "ZZ", "desktop", None, None)


@asynccontextmanager
async def recording(
    clock: ManualClock, directory: Path, limit: int = LIMIT
) -> AsyncIterator[ClickRecorder]:
    """A recorder of this process, drained at the end as a server does."""
    scope = Scope.system(clock, "clicks")
    recorder = ClickRecorder(scope, await take_visit_ids(scope), directory, limit, 0.3)
    running = asyncio.create_task(recorder.run())
    try:
        yield recorder
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await recorder.drain()


def names_in(directory: Path, pattern: str = "*") -> list[str]:
    """The files there."""
    return sorted(path.name for path in directory.glob(pattern))


def ids_of(clicks: list[Recordable]) -> set[int]:
    return {each.id if isinstance(each, NewFallbackVisit) else each[0].id for each in clicks}


async def stored() -> list[int]:
    """The ids of all visits and fallback visits; twice what is there twice."""
    return [row["id"] for row in await fetch(_STORED)]


_STORED = "SELECT id FROM visits UNION ALL SELECT id FROM fallback_visits"


async def are_stored(clicks: list[Recordable]) -> None:
    """Wait until all of them are there, and see that nothing else is."""

    async def complete() -> bool:
        return set(await stored()) >= ids_of(clicks)

    await until(complete)
    assert sorted(await stored()) == sorted(ids_of(clicks))


async def dropped_events() -> list[int]:
    return [event.data["count"] for event in await Event.filter(type="clicks.dropped")]


async def record(recorder: ClickRecorder, clicks: list[Recordable]) -> None:
    await asyncio.wait_for(asyncio.gather(*map(recorder.record, clicks)), PATIENCE)
