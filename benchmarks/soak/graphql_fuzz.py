"""Thousands of operations with hostile arguments on both schemas: no failure, and nothing of the inside told (G02).

The seed is printed; SEED=… in the environment runs the same operations again.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.infra.clock import ManualClock
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.infra.telemetry import configure_logging
from app.settings import Settings, load_settings
from tests.conftest import serving
from tests.factories import SECRET_KEY
from tests.schema.fuzz import Findings, Fuzz, run_fuzz
from tests.schema.programme import make_programme
from tests.servers import start_servers

OPERATIONS = 6_000
# A new programme for every so many operations: what the earlier ones ended or erased is there again.
_ROUND = 1_000
_NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Run the operations; raises RuntimeError with the first findings when an answer is not a proper one."""
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**9))
    say(f"{OPERATIONS} operations of the seed {seed} …")
    place = Path(tempfile.mkdtemp(prefix="tributary-fuzz-"))
    servers = start_servers(place)
    try:
        settings = load_settings(
            database_url=servers.postgres_url_of("tributary"),
            redis_url=servers.redis_url,
            secret_keys=SECRET_KEY,
            log_level="ERROR",
            cost_capacity=10**9,
            anonymous_cost_capacity=10**9,
        )
        configure_logging(settings, "fuzz")
        began = time.perf_counter()
        findings = asyncio.run(_run(settings, seed, say))
        seconds = time.perf_counter() - began
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)
    if findings.wrong:
        told = "\n".join(
            f"{why}\n  {request}\n  {answer}" for why, request, answer in findings.wrong[:5]
        )
        raise RuntimeError(f"{len(findings.wrong)} answers are wrong (seed {seed}):\n{told}")
    return {
        "seed": seed,
        "operations": findings.operations,
        "executed": findings.answered,
        "wrong": len(findings.wrong),
        "codes": len(findings.codes),
        "seconds": round(seconds, 1),
    }


async def _run(settings: Settings, seed: int, say: Callable[[str], None]) -> Findings:
    await migrate(settings, lambda _line: None)
    clock = ManualClock(_NOW)
    whole = Findings()
    async with serving(settings, clock) as client:
        await ensure_partitions(_NOW, history_days=10)
        for number in range(OPERATIONS // _ROUND):
            programme = await make_programme(clock, 5)
            fuzz = Fuzz(seed + number, programme)
            found = await run_fuzz(client, fuzz, programme, clock, _ROUND)
            whole.operations += found.operations
            whole.answered += found.answered
            whole.wrong += found.wrong
            whole.codes = dict(Counter(whole.codes) + Counter(found.codes))
            say(f"  {whole.operations} sent, {whole.answered} ran, {len(whole.wrong)} wrong")
    say("codes: " + ", ".join(f"{code} {count}" for code, count in sorted(whole.codes.items())))
    return whole
