"""The sequencer in processes of their own, which are killed."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process

from app.domain.scope import Scope
from app.infra.database import require_url
from app.settings import Settings
from tests.domain.events.following import Commit, Follower, check_log, place_all


async def start(settings: Settings, *arguments: str) -> Process:
    program = ("-m", "tests.domain.events.programs", require_url(settings))
    return await asyncio.create_subprocess_exec(
        sys.executable, *program, *arguments, stdout=PIPE, stderr=PIPE
    )


async def start_sequencer(settings: Settings, seed: int) -> Process:
    process = await start(settings, "sequence", str(seed))
    assert process.stdout is not None
    assert await process.stdout.readline() == b"working\n"
    return process


async def test_the_log_survives_the_death_of_a_sequencer_process(
    database: Settings, system: Scope
) -> None:
    """Two processes write, each with four writers; of two sequencers one is killed at work."""
    victim, standby = await asyncio.gather(*(start_sequencer(database, n) for n in range(2)))
    writers = [await start(database, "write", f"process {n}", "30") for n in range(2)]
    writing = asyncio.gather(*(process.communicate() for process in writers))
    follower = Follower(system)

    async def kill() -> None:
        await follower.has_read(10)
        victim.kill()
        await victim.wait()

    await asyncio.gather(writing, kill(), follower.follow(writing.done))
    standby.kill()
    await standby.communicate()
    await place_all(system)
    await follower.catch_up()

    outputs = writing.result()
    assert [process.returncode for process in writers] == [0, 0], outputs
    await check_log(follower, [Commit(*row) for out, _ in outputs for row in json.loads(out)])
