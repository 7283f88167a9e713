"""G02: whatever the arguments are, an answer is a proper one, and tells nothing of the inside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.infra.clock import ManualClock
from app.settings import Settings
from tests.conftest import serving
from tests.schema.fuzz import LEAKS, Fuzz, run_fuzz
from tests.schema.programme import make_programme

OPERATIONS = 300
SEEDS = (1, 2)


@pytest.fixture
async def rich(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that never throttles."""
    endless = {"cost_capacity": 10**9, "anonymous_cost_capacity": 10**9}
    async with serving(settings.model_copy(update=endless), clock) as http:
        yield http


@pytest.mark.parametrize("seed", SEEDS)
async def test_g02_no_hostile_argument_gets_a_failure_or_a_leak(
    seed: int, rich: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock, 3)
    findings = await run_fuzz(rich, Fuzz(seed, programme), programme, clock, OPERATIONS)
    assert findings.wrong == []
    assert findings.operations == OPERATIONS
    # Most of it reaches the resolvers, and the refusals are of many kinds: the generator is not stuck at the door.
    assert findings.answered > OPERATIONS / 5
    assert {"NOT_FOUND", "INVALID", "FORBIDDEN", "UNAUTHENTICATED"} <= set(findings.codes)


@pytest.mark.parametrize(
    "text",
    [
        'File "/srv/app/schema/x.py", line 3',
        "Decimal('1.5')",
        "<class 'int'>",
        "<Campaign object at 0x7f>",
        'duplicate key value violates unique constraint "x"',
        "asyncpg.exceptions.DataError",
        "expected None",
        "SELECT id",
    ],
)
def test_g02_the_watch_for_leaks_sees_them(text: str) -> None:
    assert LEAKS.search(text)
