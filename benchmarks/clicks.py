"""Tracking links: the durable redirect beside the same route without recording, one insert per click, bare redirects.

One run, in turns, one core for the server; PostgreSQL and the load share the other one. Each click of the product is
committed before it is answered. `ratio` is the durable rate over that of the same route without recording (aim 0.6);
`durable_over_bare` (a Starlette route that only redirects) has the aim 0.45, and the 99th percentile at 64 connections
25 ms. `durable_over_raw` is beside an ASGI function of four lines, without any framework.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean, median

import uvloop

from app.infra import database
from app.infra.clock import SystemClock
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.settings import load_settings
from benchmarks.following.load import Outcome, follow_links, requests_for
from tests.factories import make_brand, make_partner, make_promo
from tests.servers import start_servers

_PROJECT = Path(__file__).resolve().parent.parent
_SERVER_CORE, _OTHER_CORE = "0", "1"
_TASKSET = shutil.which("taskset") or "taskset"
_CONNECTIONS = 64
# Many short turns: a machine's speed may change from one second to the next, and each server gets its share of that.
_SECONDS = 1.0
_TURNS = 20
_PROMOS = 20
_SERVERS = ("durable", "without_recording", "insert_each", "bare", "raw")


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Measure the servers in turns."""
    place = Path(tempfile.mkdtemp(prefix="tributary-clicks-"))
    pin = [_TASKSET, "-pc", _OTHER_CORE, str(os.getpid())]
    subprocess.run(pin, check=True, capture_output=True)
    servers = start_servers(place, durable=True)
    try:
        environment, requests = asyncio.run(
            prepare(servers.postgres_url_of("tributary"), servers.redis_url, place)
        )
        return uvloop.run(_measure(environment, requests, say))
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)


async def prepare(url: str, redis_url: str, place: Path) -> tuple[dict[str, str], list[bytes]]:
    """A migrated database with promos; returns the servers' environment and the clicks to make."""
    key = secrets.token_hex(20)
    settings = load_settings(database_url=url, secret_keys=key)
    await migrate(settings, lambda _line: None)
    await database.connect(settings)
    clock = SystemClock()
    await ensure_partitions(clock.now(), 1)
    brand = await make_brand(clock)
    partner = await make_partner(clock, brand)
    codes = [(await make_promo(partner, brand, clock))[1].code for _ in range(_PROMOS)]
    await database.disconnect()
    environment = {
        **os.environ,
        "TRIBUTARY_DATABASE_URL": url,
        "TRIBUTARY_REDIS_URL": redis_url,
        "TRIBUTARY_SECRET_KEYS": key,
        "TRIBUTARY_LOG_LEVEL": "WARNING",
        "TRIBUTARY_TRUSTED_PROXIES": "127.0.0.0/8",
        "TRIBUTARY_CLICK_JOURNAL_DIR": str(place / "journal"),
    }
    return environment, requests_for(codes, random.Random(7))  # noqa: S311


async def _measure(
    environment: dict[str, str], requests: list[bytes], say: Callable[[str], None]
) -> dict[str, float | int | str]:
    found: dict[str, list[Outcome]] = {name: [] for name in _SERVERS}
    with ExitStack() as running:
        ports = {name: running.enter_context(serving(name, environment)) for name in _SERVERS}
        for port in ports.values():
            await follow_links(port, requests, connections=_CONNECTIONS, seconds=2)
        # In turns, so that what else the machine does in a minute falls on all of them.
        for turn in range(_TURNS):
            for name, port in ports.items():
                outcome = await follow_links(
                    port, requests, connections=_CONNECTIONS, seconds=_SECONDS
                )
                if outcome.unexpected:
                    raise RuntimeError(outcome.unexpected[0].decode("latin-1"))
                found[name].append(outcome)
            rates = ", ".join(f"{name} {found[name][-1].rate:.0f}" for name in ports)
            say(f"turn {turn + 1}, redirects/s: {rates}")
    return _figures(found)


def _figures(found: dict[str, list[Outcome]]) -> dict[str, float | int | str]:
    """The mean rate over all turns and the middle of their percentiles; a ratio is of two mean rates."""
    figures: dict[str, float | int | str] = {}
    for name, outcomes in found.items():
        figures[f"{name}_per_second"] = round(fmean(each.rate for each in outcomes))
        p99 = median(each.percentile(0.99) for each in outcomes)
        figures[f"{name}_p99_milliseconds"] = round(p99, 2)
    for other in ("bare", "raw", "insert_each"):
        figures[f"durable_over_{other}"] = _ratio(found["durable"], found[other])
    return {
        **figures,
        "connections": _CONNECTIONS,
        "turns": _TURNS,
        "ratio": _ratio(found["durable"], found["without_recording"]),
    }


def _ratio(mine: list[Outcome], theirs: list[Outcome]) -> float:
    return round(fmean(each.rate for each in mine) / fmean(each.rate for each in theirs), 3)


@contextmanager
def serving(name: str, environment: dict[str, str]) -> Iterator[int]:
    """One of the servers on a free port of loopback, on a core of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [_TASKSET, "-c", _SERVER_CORE, sys.executable, "-m", "uvicorn", "--factory"]
    command += ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    command += ["--log-level", "warning", "--no-proxy-headers", "--port", str(port)]
    command.append(f"benchmarks.following.servers:{name}")
    process = subprocess.Popen(command, env=environment, cwd=_PROJECT)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not answer within 60 s")
