"""What happens when parts of a running instance die: it recovers, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from app.infra import processes
from app.infra.data_directory import DataDirectory
from tests.processes.instance import CHILDREN, Instance
from tests.processes.load import (
    Load,
    assert_nothing_was_lost,
    called,
    load_on,
    make_programme,
    register,
)
from tests.tasks.tracker import Received, Tracker, answering, slowly

# Starting an instance belongs to the first test, and a slow machine may take its time.
pytestmark = pytest.mark.timeout(300)

# Enough to be in the middle of things, few enough for a slow machine.
_BEFORE, _AFTER = 10, 10


async def under_load(
    instance: Instance, listener: Tracker, disaster: Callable[[], Awaitable[None]]
) -> Load:
    """Let a disaster happen in the middle of a load; returns the load when it has ended."""
    # Slow enough that postbacks are under way at any moment.
    listener.answer = slowly(0.1, answering(200))
    programme = await make_programme(instance, listener)
    async with load_on(instance, programme) as load:
        await load.another(_BEFORE)
        await disaster()
        await asyncio.to_thread(instance.wait_until_ready)
        await load.another(_AFTER)
    return load


async def start(instance: Instance) -> None:
    """Start an instance that has ended, while the load goes on."""
    instance.launch()
    await asyncio.to_thread(instance.wait_until_started)


@pytest.mark.parametrize("victim", CHILDREN)
async def test_nothing_acknowledged_is_lost_when_a_child_is_killed(
    instance: Instance, listener: Tracker, victim: str
) -> None:
    others = {name: instance.pid_of(name) for name in CHILDREN if name != victim}

    load = await under_load(
        instance, listener, lambda: asyncio.to_thread(instance.kill_child, victim)
    )

    await assert_nothing_was_lost(instance, load, listener)
    # They recovered by themselves, not by being started again.
    assert {name: instance.pid_of(name) for name in others} == others


async def test_nothing_acknowledged_is_lost_when_everything_is_killed(
    instance: Instance, listener: Tracker
) -> None:
    async def kill_everything() -> None:
        await asyncio.to_thread(instance.kill)
        await start(instance)

    load = await under_load(instance, listener, kill_everything)

    await assert_nothing_was_lost(instance, load, listener)


async def test_a_stop_in_order_ends_every_process_and_loses_nothing_acknowledged(
    instance: Instance, listener: Tracker
) -> None:
    pids = [instance.pid_of(name) for name in CHILDREN]

    async def stop_and_start() -> None:
        assert await asyncio.to_thread(instance.stop) == 0
        assert [pid for pid in pids if processes.start_time(pid) is not None] == []
        assert instance.supervisor_log("child_killed") == []
        assert DataDirectory(instance.data_dir).recorded_run() is None
        await start(instance)

    load = await under_load(instance, listener, stop_and_start)

    await assert_nothing_was_lost(instance, load, listener)


async def test_postbacks_that_are_pending_at_a_stop_are_delivered_after_the_next_start_a19(
    instance: Instance, listener: Tracker
) -> None:
    programme = await make_programme(instance, listener)
    listener.answer = answering(503)
    async with httpx.AsyncClient(base_url=instance.url, timeout=30) as client:
        await register(client, programme, 10)
        assert await asyncio.to_thread(listener.wait_for, lambda calls: len(calls) > 0)
        # These have hardly been planned when everything stops.
        await register(client, programme, 10)

    await asyncio.to_thread(instance.stop)
    listener.answer = answering(200)
    before = len(listener.received)
    await start(instance)

    def all_came(calls: list[Received]) -> bool:
        return len(called(calls[before:], programme)) == 20

    assert await asyncio.to_thread(listener.wait_for, all_came)


async def test_connections_wait_while_the_api_is_started_again(instance: Instance) -> None:
    instance.kill_child("serve")

    async with httpx.AsyncClient(base_url=instance.url, timeout=60) as client:
        response = await client.get("/health/live")

    assert response.status_code == 200
