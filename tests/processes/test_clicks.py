"""Clicks on a running instance whose database hangs and whose server is killed meanwhile (A10)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg
import pytest

from app.infra import processes
from app.infra.database import credentials, require_url
from benchmarks.following.load import Outcome, follow_links, requests_for
from tests.processes.instance import Instance
from tests.processes.load import Programme, make_programme
from tests.tasks.tracker import Tracker

# Starting an instance belongs to the first test, and a slow machine may take its time.
pytestmark = pytest.mark.timeout(300)

_CONNECTIONS = 20
_PATIENCE = 90


@contextmanager
def hanging_database(instance: Instance) -> Iterator[None]:
    """Stop every process of PostgreSQL for the time of the block: connections stay, answers do not come."""
    stopped = processes.working_in(instance.data_dir / "postgres", "postgres")
    assert stopped
    try:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def journalled(instance: Instance) -> int:
    """How many bytes of clicks the journals hold."""
    directory = instance.data_dir / "journal"
    return sum(path.stat().st_size for path in directory.glob("*.journal"))


async def load_on(instance: Instance, programme: Programme, seconds: float) -> Outcome:
    requests = requests_for([programme.code], random.Random(7))  # noqa: S311
    return await follow_links(
        instance.port, requests, connections=_CONNECTIONS, seconds=seconds, keep=True
    )


async def stored_visits(instance: Instance, programme: Programme) -> Counter[bytes]:
    connection = await asyncpg.connect(**credentials(require_url(instance.settings())))
    try:
        rows = await connection.fetch(
            "SELECT id, promo_id FROM visits WHERE brand_id = $1", programme.brand_id
        )
    finally:
        await connection.close()
    return Counter(f"{row['promo_id']}_{row['id']}".encode() for row in rows)


async def test_every_redirect_is_one_visit_though_the_server_is_killed_in_an_outage_a10(
    instance: Instance, listener: Tracker
) -> None:
    programme = await make_programme(instance, listener)
    before = await load_on(instance, programme, 1)
    with hanging_database(instance):
        during = asyncio.create_task(load_on(instance, programme, 60))
        enough = await asyncio.to_thread(
            processes.wait_until, lambda: journalled(instance) > 100_000, _PATIENCE
        )
        assert enough, "the journal took no clicks"
        await asyncio.to_thread(instance.kill_child, "serve")
        outcome = await during
    await asyncio.to_thread(instance.wait_until_ready)

    redirected = [*before.stags, *outcome.stags]
    assert len(outcome.stags) > _CONNECTIONS
    assert b"" not in redirected
    assert before.unexpected == outcome.unexpected == []
    async with asyncio.timeout(_PATIENCE):
        while not set(redirected) <= (stored := await stored_visits(instance, programme)).keys():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert {stag: stored[stag] for stag in redirected} == dict.fromkeys(redirected, 1)
    replayed = await asyncio.to_thread(
        processes.wait_until, lambda: journalled(instance) == 0, _PATIENCE
    )
    assert replayed
