"""Postbacks: deliveries per second of a worker beside a bare loop of httpx, and how late healthy trackers hear.

One run, in turns: a worker that claims, calls and keeps each delivery, and a bare loop with the same concurrency on the
same loopback listener, each with one core; PostgreSQL, Valkey and the listener share the other one. `ratio` is the
worker's rate over the bare one (aim 0.7). `two_workers_over_one` has the aim 1.6 where there are cores for it: with two
cores in all there are none. `healthy_p95_milliseconds` is from the event to the first attempt while a third of thirty
trackers hang (aim 1,000).
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx

from app.domain.events import place_recordings
from app.domain.players.register import register_players
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.postbacks.plan import plan_deliveries
from app.domain.scope import Scope
from app.infra import database
from app.infra.clock import SystemClock
from app.infra.crypto import SecretBox
from app.infra.database import fetch
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.settings import Settings, load_settings
from app.tasks.broker import configure_broker
from app.tasks.postbacks import DELIVER
from app.tasks.worker import declare_actors, send_wake_up
from tests.factories import World, brand_scope, make_world, partner_scope
from tests.servers import start_servers

_PROJECT = Path(__file__).resolve().parent.parent
_TASKSET = shutil.which("taskset") or "taskset"
_WORKER_CORE, _OTHER_CORE = "0", "1"
_CONCURRENCY = 64
_DELIVERIES = 4_000
_TURNS = 3
_TRACKERS, _HANGING = 30, 10
_BURSTS, _PLAYERS = 20, 5

Say = Callable[[str], None]


def run(say: Say) -> dict[str, float | int | str]:
    """Measure everything on servers of its own."""
    place = Path(tempfile.mkdtemp(prefix="tributary-postbacks-"))
    pin = [_TASKSET, "-pc", _OTHER_CORE, str(os.getpid())]
    subprocess.run(pin, check=True, capture_output=True)
    servers = start_servers(place, durable=True)
    try:
        settings = load_settings(
            database_url=servers.postgres_url_of("tributary"),
            redis_url=servers.redis_url,
            secret_keys=secrets.token_hex(20),
            allow_private_targets=True,
        )
        return asyncio.run(_measure(settings, say))
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)


async def _measure(settings: Settings, say: Say) -> dict[str, float | int | str]:
    await migrate(settings, lambda _line: None)
    await database.connect(settings)
    clock = SystemClock()
    await ensure_partitions(clock.now(), 1)
    world = await make_world(clock)
    broker = configure_broker(settings)
    declare_actors(broker)
    wake = lambda: send_wake_up(broker, DELIVER)  # noqa: E731
    figures = await _throughput(settings, world, wake, say)
    figures |= await _lateness(settings, world, wake, say)
    broker.close()
    await database.disconnect()
    return figures


async def _throughput(
    settings: Settings, world: World, wake: Callable[[], None], say: Say
) -> dict[str, float | int | str]:
    rates: dict[str, list[float]] = {"one": [], "bare": [], "two": []}
    with _listening(1, 0) as ports:
        url = f"http://127.0.0.1:{ports[0]}/p"
        new = NewPostback(Action.REGISTRATION, f"{url}?event=${{event_id}}")
        scope = partner_scope(world.partner, world.clock)
        postback = await create_postback(scope, new, allow_private=True)
        for turn in range(_TURNS):
            for name, workers in (("one", 1), ("two", 2)):
                await _owe(settings, world)
                rates[name].append(await _deliver(settings, workers, ports[0], wake))
            rates["bare"].append(_bare(url))
            said = ", ".join(f"{name} {values[-1]:.0f}/s" for name, values in rates.items())
            say(f"turn {turn + 1}: {said}")
        await fetch("UPDATE postbacks SET state = 'deleted' WHERE id = $1", postback.id)
    pairs = list(zip(rates["one"], rates["bare"], rates["two"], strict=True))
    return {
        "deliveries_per_second": round(median(rates["one"])),
        "bare_httpx_per_second": round(median(rates["bare"])),
        "ratio": round(median(one / bare for one, bare, _ in pairs), 3),
        "two_workers_per_second": round(median(rates["two"])),
        "two_workers_over_one": round(median(two / one for one, _, two in pairs), 3),
        "concurrency": _CONCURRENCY,
        "deliveries": _DELIVERIES,
        "cores": os.cpu_count() or 0,
    }


async def _owe(settings: Settings, world: World) -> None:
    """Deliveries that are due."""
    await _register(settings, world, _DELIVERIES)
    system = Scope.system(world.clock, "benchmark")
    while await place_recordings(system):
        pass
    while (await plan_deliveries(system)).moved:
        pass
    await fetch("ANALYZE postback_deliveries")


async def _register(settings: Settings, world: World, count: int) -> None:
    players = [world.player(secrets.token_hex(8)) for _ in range(count)]
    box = SecretBox(settings.secret_keys)
    await register_players(brand_scope(world.brand, world.clock), world.brand.id, players, box=box)


async def _deliver(settings: Settings, workers: int, port: int, wake: Callable[[], None]) -> float:
    """Deliveries per second of so many workers, from the first arrival to the last."""
    _arrivals(port)
    with ExitStack() as running:
        for number in range(workers):
            # Two workers share both cores with everything else.
            running.enter_context(_worker(settings, _WORKER_CORE if workers == 1 else None))
            if number:
                wake()
        wake()
        while await fetch("SELECT 1 FROM postback_deliveries WHERE state = 'pending' LIMIT 1"):
            await asyncio.sleep(0.2)
            wake()
    times = sorted(at for at, _ in _arrivals(port))
    if len(times) != _DELIVERIES:
        raise RuntimeError(f"{len(times)} of {_DELIVERIES} arrived")
    return len(times) / (times[-1] - times[0])


def _bare(url: str) -> float:
    command = [_TASKSET, "-c", _WORKER_CORE, sys.executable, "-m", "benchmarks.posting.bare"]
    command += [url, str(_DELIVERIES), str(_CONCURRENCY)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=_PROJECT)
    return float(done.stdout)


async def _lateness(
    settings: Settings, world: World, wake: Callable[[], None], say: Say
) -> dict[str, float | int | str]:
    """How late healthy trackers hear of events while a third of all trackers hang."""
    with _listening(_TRACKERS, _HANGING) as ports, _worker(settings, None):
        scope = partner_scope(world.partner, world.clock)
        await _wait_for_worker(settings, world, ports[-1])
        for port in ports:
            url = f"http://127.0.0.1:{port}/p?event=${{event_id}}&at=${{occurred_at}}"
            await create_postback(scope, NewPostback(Action.REGISTRATION, url), allow_private=True)
        for _ in range(_BURSTS):
            await _register(settings, world, _PLAYERS)
            await asyncio.sleep(0.5)
        wanted = _BURSTS * _PLAYERS * (_TRACKERS - _HANGING)
        late: list[float] = []
        for _ in range(600):
            # Those that hang are not among them.
            late += [at - since for at, since in _arrivals(ports[-1]) if since is not None]
            if len(late) >= wanted:
                break
            await asyncio.sleep(0.1)
    p95 = quantiles(late, n=20)[-1] * 1000
    say(f"healthy trackers heard of {wanted} events, p95 {p95:.0f} ms")
    return {
        "healthy_p95_milliseconds": round(p95),
        "healthy_deliveries": len(late),
        "trackers": _TRACKERS,
        "hanging": _HANGING,
    }


async def _wait_for_worker(settings: Settings, world: World, port: int) -> None:
    """Until it has delivered something: a worker that is still starting is not what is measured."""
    new = NewPostback(Action.REGISTRATION, f"http://127.0.0.1:{port}/started?e=${{event_id}}")
    scope = partner_scope(world.partner, world.clock)
    postback = await create_postback(scope, new, allow_private=True)
    await _register(settings, world, 1)
    for _ in range(600):
        if _arrivals(port):
            break
        await asyncio.sleep(0.1)
    await fetch("UPDATE postbacks SET state = 'deleted' WHERE id = $1", postback.id)


def _arrivals(port: int) -> list[tuple[float, float | None]]:
    """What has arrived since the last question: when, and when it happened."""
    found = httpx.get(f"http://127.0.0.1:{port}/stats", trust_env=False, timeout=30).json()
    return [(at, since) for at, since in found]


@contextmanager
def _listening(ports: int, hanging: int) -> Iterator[list[int]]:
    command = [_TASKSET, "-c", _OTHER_CORE, sys.executable, "-m", "benchmarks.posting.listener"]
    process = subprocess.Popen(
        [*command, str(ports), str(hanging)], stdout=subprocess.PIPE, cwd=_PROJECT
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the listener says nothing")
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


@contextmanager
def _worker(settings: Settings, core: str | None) -> Iterator[None]:
    command = [sys.executable, "-m", "app.cli", "worker"]
    pinned = f"{_WORKER_CORE},{_OTHER_CORE}" if core is None else core
    environment = {
        **os.environ,
        "TRIBUTARY_DATABASE_URL": str(settings.database_url),
        "TRIBUTARY_REDIS_URL": str(settings.redis_url),
        "TRIBUTARY_SECRET_KEYS": settings.secret_keys[0],
        "TRIBUTARY_ALLOW_PRIVATE_TARGETS": "true",
        "TRIBUTARY_LOG_LEVEL": "WARNING",
        "TRIBUTARY_POSTBACK_CONCURRENCY": str(_CONCURRENCY),
        # Two workers share it.
        "TRIBUTARY_POSTBACK_HOST_CONCURRENCY": str(2 * _CONCURRENCY),
        "TRIBUTARY_POSTBACK_HOST_RATE": "100000",
    }
    process = subprocess.Popen([_TASKSET, "-c", pinned, *command], env=environment, cwd=_PROJECT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
