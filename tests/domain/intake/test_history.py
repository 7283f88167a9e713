"""Whatever the order, the repeats and the connections: the facts, life-cycles and reports are those of a plain model.

INTAKE_EXAMPLES and INTAKE_STEPS in the environment make longer runs (`make soak NAME=intake`).
"""

from __future__ import annotations

import asyncio
import os

from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.settings import Settings
from tests.domain.intake.history import machine_of

EXAMPLES = int(os.environ.get("INTAKE_EXAMPLES", "25"))
STEPS = int(os.environ.get("INTAKE_STEPS", "40"))


def test_any_history_leaves_what_a_plain_model_says_w3_m03_m05_m06(
    settings: Settings, clock: ManualClock
) -> None:
    with asyncio.Runner() as runner:
        runner.run(infra_database.connect(settings))
        try:
            run_state_machine_as_test(
                machine_of(runner, clock),
                settings=hypothesis_settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    # Against a database, shrinking takes longer than reading the steps that are printed.
                    phases=(Phase.reuse, Phase.generate),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(infra_database.disconnect())
