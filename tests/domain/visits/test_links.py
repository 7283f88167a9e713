"""What a code leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.campaigns.codes import ALPHABET, random_code
from app.domain.visits.links import find_link, plain_code
from app.infra.clock import ManualClock
from app.settings import Settings
from tests.factories import make_world

around = st.text(".,;:!)>]'\"<(\u00a0\u200b\u201d\u2026\ufeff \x00", max_size=9)


@given(around, st.text(ALPHABET, min_size=1, max_size=9), around)
def test_all_spellings_of_a_code_are_one(before: str, code: str, after: str) -> None:
    """So that they share one place in memory: nobody pushes other links out by spelling."""
    assert plain_code(before + code.upper() + after) == plain_code(code) == code


def test_codes_are_stored_as_they_are_looked_up() -> None:
    codes = [random_code() for _ in range(1_000)]

    assert [plain_code(code) for code in codes] == codes


@pytest.mark.parametrize("written", ["{code}", "{CODE}", "{code}.", "{CODE})!"])
async def test_a_link_is_found_however_its_code_is_written(
    database: Settings, clock: ManualClock, written: str
) -> None:
    world = await make_world(clock)
    code = world.promo.code

    link = await find_link(written.format(code=code, CODE=code.upper()))

    assert link is not None
    assert (link.promo_id, link.stopped_by) == (world.promo.id, None)


async def test_a_code_of_nobody_is_no_link(database: Settings) -> None:
    assert await find_link("nosuchcode") is None
