"""A server with open streams stops within its time when it is told to (G05)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx

from app.infra import processes
from app.infra.clock import SystemClock
from app.infra.instance import answers
from app.settings import Settings
from tests.factories import make_brand, make_partner, make_partner_user, sign_in
from tests.processes.instance import clean_environment, free_port
from tests.schema.transport.peer import connected
from tests.schema.transport.server import PARTNER_EMAIL, PATH

PROJECT = Path(__file__).resolve().parents[3]
PATIENCE = 1
ENDLESS = "subscription { ticks(intervalMilliseconds: 100) { number } }"


@asynccontextmanager
async def serving_process(
    settings: Settings,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`tributary serve` on the test's database, and its address."""
    port = free_port()
    environment = {
        **clean_environment(),
        "PORT": str(port),
        "TRIBUTARY_DATABASE_URL": settings.database_url or "",
        "TRIBUTARY_REDIS_URL": settings.redis_url or "",
        "TRIBUTARY_SECRET_KEYS": ",".join(settings.secret_keys),
        "TRIBUTARY_SHUTDOWN_TIMEOUT": str(PATIENCE),
    }
    parent = os.getpid()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app.cli", "serve"),
        cwd=PROJECT,
        env=environment,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=lambda: processes.die_with_parent(parent, signal.SIGTERM),
    )
    try:
        alive = partial(answers, "127.0.0.1", port, "/health/live")
        assert await asyncio.to_thread(processes.wait_until, alive, 60)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_server_with_open_streams_stops_within_its_time_g05(database: Settings) -> None:
    clock = SystemClock()
    partner = await make_partner(clock, await make_brand(clock))
    await make_partner_user(partner, clock, email=PARTNER_EMAIL)

    async with (
        serving_process(database) as (process, address),
        httpx.AsyncClient(base_url=address, timeout=30) as client,
    ):
        token = await sign_in(client, PARTNER_EMAIL)
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        async with (
            connected(address, token) as peer,
            client.stream("POST", PATH, json={"query": ENDLESS}, headers=headers) as stream,
        ):
            await peer.subscribe("1", ENDLESS)
            assert (await peer.receive())["type"] == "next"
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: next"

            process.send_signal(signal.SIGTERM)
            began = time.monotonic()

            assert (await peer.closed())[0] == 1012
            try:
                async for _ in lines:
                    pass
            except httpx.RemoteProtocolError:
                pass
            await asyncio.wait_for(process.wait(), 30)
            assert time.monotonic() - began < PATIENCE + 5
