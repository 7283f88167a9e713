"""Documents that mean to keep the server busy: what each costs until it is refused or may run (G10; aim: 50 ms each).

In process: finding, parsing, measuring and validating a document that the server has never seen, as CPU time; then
the whole request over ASGI, with session, bucket and answer, as wall time. Every case is repeated, each time as a new
document, and the machine's speed is told besides: the time to parse and validate the introspection that tools send.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import httpx

from app.infra.clock import ManualClock
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.infra.telemetry import configure_logging
from app.schema import partner
from app.schema.execution.documents import DocumentStore
from app.schema.execution.request import OperationRequest
from app.settings import Settings, load_settings
from graphql import GraphQLError, get_introspection_query
from tests.conftest import serving
from tests.factories import SECRET_KEY
from tests.schema.hostile import Hostile, all_hostile
from tests.schema.programme import make_programme
from tests.servers import start_servers

_REPEATS = 7
_AIM = 50.0
_NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
_SCHEMA = partner.schema._schema


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Measure every case; the figures are milliseconds."""
    place = Path(tempfile.mkdtemp(prefix="tributary-adversarial-"))
    servers = start_servers(place)
    try:
        settings = load_settings(
            database_url=servers.postgres_url_of("tributary"),
            redis_url=servers.redis_url,
            secret_keys=SECRET_KEY,
            log_level="ERROR",
            cost_capacity=10**9,
        )
        configure_logging(settings, "benchmark")
        return asyncio.run(_measure(settings, say))
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)


async def _measure(settings: Settings, say: Callable[[str], None]) -> dict[str, float | int | str]:
    cases = all_hostile()
    introspection = Hostile("reference", get_introspection_query())
    await _prepared(introspection)
    reference = median(await _times(lambda: _prepared(introspection), time.process_time))
    inside = {case.name: await _times(_task(case), time.process_time) for case in cases}
    over_asgi = await _requests(settings, cases)
    say("milliseconds: p50 and most in process, p50 and most over ASGI, characters, case")
    for case in sorted(cases, key=lambda case: -median(inside[case.name])):
        mine, whole = inside[case.name], over_asgi[case.name]
        say(
            f"{median(mine):8.1f} {max(mine):8.1f} {median(whole):8.1f} {max(whole):8.1f}"
            f" {len(case.text):6}  {case.name}"
        )
    medians = {name: median(found) for name, found in inside.items()}
    worst = max(medians, key=lambda name: medians[name])
    return {
        "cases": len(cases),
        "p50": round(median(medians.values()), 2),
        "worst": round(medians[worst], 2),
        "worst_case": worst,
        "above_50_ms": sum(found > _AIM for found in medians.values()),
        "most": round(max(max(found) for found in inside.values()), 2),
        "asgi_p50": round(median(median(found) for found in over_asgi.values()), 2),
        "asgi_worst": round(max(median(found) for found in over_asgi.values()), 2),
        "reference": round(reference, 2),
        "ratio": round(medians[worst] / reference, 2),
    }


def _task(case: Hostile) -> Callable[[], Awaitable[None]]:
    async def prepare() -> None:
        await _prepared(case)

    return prepare


async def _prepared(case: Hostile) -> None:
    """What a request does with a document that was never seen, until it is refused or may run."""
    documents = DocumentStore("partner", _SCHEMA, None, {}, trusted_only=False)
    try:
        prepared = await documents.find(OperationRequest(query=case.text, variables=case.variables))
        operation = prepared.operation(case.operation_name)
        documents.analyse(prepared, operation, case.variables)
        documents.validate(prepared)
    except GraphQLError:
        return


async def _times(task: Callable[[], Awaitable[None]], now: Callable[[], float]) -> list[float]:
    found = []
    for _ in range(_REPEATS):
        began = now()
        await task()
        found.append((now() - began) * 1_000)
    return found


async def _requests(settings: Settings, cases: list[Hostile]) -> dict[str, list[float]]:
    await migrate(settings, lambda _line: None)
    clock = ManualClock(_NOW)
    async with serving(settings, clock) as client:
        await ensure_partitions(_NOW, history_days=10)
        programme = await make_programme(clock)
        token = await programme.token("partner", "owner")
        return {
            case.name: await _times(_request(client, case, token), time.perf_counter)
            for case in cases
        }


def _request(client: httpx.AsyncClient, case: Hostile, token: str) -> Callable[[], Awaitable[None]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def send() -> None:
        # A comment makes it a new document, where there is room for one.
        text = case.text if len(case.text) > 24_000 else f"{case.text}#{secrets.token_hex(4)}"
        body = {"query": text, "variables": case.variables, "operationName": case.operation_name}
        response = await client.post("/partner/graphql", content=json.dumps(body), headers=headers)
        if response.status_code >= 500:
            raise RuntimeError(f"{case.name}: {response.status_code} {response.text[:500]}")

    return send
