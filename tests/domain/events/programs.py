"""Writers and sequencers as processes of their own: `python -m tests.domain.events.programs write …`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import astuple

from app.domain.scope import Scope
from app.infra import database
from app.infra.clock import ManualClock, SystemClock
from app.settings import load_settings
from tests.domain.events.following import Writer, dice, sequence


async def write(name: str, count: int) -> None:
    """Four writers at once; prints what they have committed, as JSON."""
    scope = Scope.system(SystemClock(), name)
    seeds = [sum(name.encode()) * 10 + n for n in range(4)]
    writers = [Writer(scope, f"{name}.{seed}", dice(seed)) for seed in seeds]
    await asyncio.gather(*(writer.write(count) for writer in writers))
    print(json.dumps([astuple(commit) for writer in writers for commit in writer.committed]))


async def place(seed: int) -> None:
    """A sequencer that works until it is killed."""
    print("working", flush=True)
    await sequence(ManualClock(SystemClock().now()), dice(seed), lambda: False)


async def main(url: str, work: str, *arguments: str) -> None:
    await database.connect(load_settings(database_url=url))
    if work == "write":
        await write(arguments[0], int(arguments[1]))
    else:
        await place(int(arguments[0]))
    await database.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
