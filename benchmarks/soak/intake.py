"""Thousands of histories of a brand's intake, each beside a plain model of it: no fact, flag or report differs (W3).

INTAKE_EXAMPLES and INTAKE_STEPS in the environment say how many histories, and how long each may be.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from app.infra import database
from app.infra.clock import ManualClock
from app.infra.migrations import migrate
from app.infra.partitions import ensure_partitions
from app.infra.telemetry import configure_logging
from app.settings import Settings, load_settings
from tests.domain.intake.history import machine_of
from tests.factories import SECRET_KEY
from tests.servers import start_servers

EXAMPLES, STEPS = 2_000, 80
_NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Run the histories; raises with the steps of the first one whose outcome is not the model's."""
    examples = int(os.environ.get("INTAKE_EXAMPLES", EXAMPLES))
    steps = int(os.environ.get("INTAKE_STEPS", STEPS))
    say(f"{examples} histories of up to {steps} steps …")
    place = Path(tempfile.mkdtemp(prefix="tributary-intake-"))
    servers = start_servers(place)
    try:
        settings = load_settings(
            database_url=servers.postgres_url_of("tributary"),
            redis_url=servers.redis_url,
            secret_keys=SECRET_KEY,
            log_level="ERROR",
        )
        configure_logging(settings, "intake")
        began = time.perf_counter()
        _run(settings, examples, steps)
        seconds = time.perf_counter() - began
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)
    return {"histories": examples, "steps": steps, "wrong": 0, "seconds": round(seconds, 1)}


def _run(settings: Settings, examples: int, steps: int) -> None:
    with asyncio.Runner() as runner:
        runner.run(migrate(settings, lambda _line: None))
        runner.run(database.connect(settings))
        try:
            runner.run(ensure_partitions(_NOW, history_days=10))
            run_state_machine_as_test(
                machine_of(runner, ManualClock(_NOW)),
                settings=hypothesis_settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    deadline=None,
                    phases=(Phase.generate,),
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(database.disconnect())
