"""Ten minutes of tracking links: memory stays flat, and every redirect has its one visit afterwards.

MINUTES=… in the environment makes it shorter. `ratio` is the server's memory in the last third of the run over that in
the second; the first third fills caches and pools.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import asyncpg
import uvloop

from app.infra.database import credentials
from benchmarks.clicks import prepare, serving
from benchmarks.following.load import follow_links
from tests.servers import start_servers

_ROUND_SECONDS = 5.0
_CONNECTIONS = 64
_TASKSET = shutil.which("taskset") or "taskset"


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Follow links for ten minutes. Raises RuntimeError when a redirect has no visit, or more than one."""
    minutes = float(os.environ.get("MINUTES", "10"))
    place = Path(tempfile.mkdtemp(prefix="tributary-clicks-"))
    pin = [_TASKSET, "-pc", "1", str(os.getpid())]
    subprocess.run(pin, check=True, capture_output=True)
    servers = start_servers(place, durable=True)
    try:
        url = servers.postgres_url_of("tributary")
        environment, requests = asyncio.run(prepare(url, servers.redis_url, place))
        with serving("durable", environment) as port:
            return uvloop.run(_follow(url, port, requests, minutes, say))
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)


async def _follow(
    url: str, port: int, requests: list[bytes], minutes: float, say: Callable[[str], None]
) -> dict[str, float | int | str]:
    server = _listening_on(port)
    memory: list[float] = []
    redirects, p99 = 0, []
    rounds = max(6, round(minutes * 60 / _ROUND_SECONDS))
    for number in range(rounds):
        outcome = await follow_links(
            port, requests, connections=_CONNECTIONS, seconds=_ROUND_SECONDS
        )
        if outcome.unexpected:
            raise RuntimeError(outcome.unexpected[0].decode("latin-1"))
        redirects += len(outcome.latencies)
        p99.append(outcome.percentile(0.99))
        memory.append(_megabytes(server))
        if number % 6 == 5:
            say(f"{redirects} redirects, {memory[-1]:.0f} MiB, p99 {p99[-1]:.1f} ms")
    connection = await asyncpg.connect(**credentials(url))
    stored = await connection.fetchval("SELECT count(*) FROM visits")
    await connection.close()
    if stored != redirects:
        raise RuntimeError(f"{redirects} redirects were answered and {stored} visits are stored")
    third = rounds // 3
    before, after = median(memory[third : 2 * third]), median(memory[2 * third :])
    return {
        "redirects": redirects,
        "visits": stored,
        "minutes": round(rounds * _ROUND_SECONDS / 60, 1),
        "p99_milliseconds": round(median(p99), 1),
        "memory_second_third_mib": round(before, 1),
        "memory_last_third_mib": round(after, 1),
        "ratio": round(after / before, 3),
    }


def _listening_on(port: int) -> int:
    """The process whose command line names the port."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if b"--port" in words and str(port).encode() in words and b"uvicorn" in words:
            return int(path.parent.name)
    raise RuntimeError(f"no server listens on {port}")


def _megabytes(process: int) -> float:
    """The resident memory of a process, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    resident = next(line for line in lines if line.startswith("VmRSS"))
    return int(resident.split()[1]) / 1024
