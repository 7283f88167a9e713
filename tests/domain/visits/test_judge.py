"""Judging visits: the verdicts of any history, in any steps, are those of a plain model (M04)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from app.domain.events import place_recordings
from app.domain.scope import Scope
from app.domain.visits import judge
from app.domain.visits.click import NewVisit
from app.domain.visits.judge import judge_visits
from app.domain.visits.record import Clicks, record_clicks
from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import DuplicateVisit, UniqueVisit, Visit
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import World, make_world

# Tenths of a second after noon, and which visitor.
arrival = st.tuples(st.integers(-60, 60), st.integers(1, 3), st.sampled_from([None, None, "bot"]))
history = st.lists(st.lists(arrival, max_size=6), max_size=5)


def visit_of(world: World, template: Visit, number: int, tenths: int, visitor: int) -> NewVisit:
    return NewVisit(
        id=template.id + number,
        occurred_at=NOW + timedelta(seconds=tenths / 10),
        business_day=template.business_day,
        promo_id=world.promo.id,
        campaign_id=template.campaign_id,
        plan_id=template.plan_id,
        brand_id=template.brand_id,
        partner_id=template.partner_id,
        attributable_until=NOW,
        fingerprint=visitor,
        visitor_id=None,
        country="RO",
        device="desktop",
        language=None,
        network=None,
        ad_type=None,
        banner_id=None,
        uncounted_reason=None,
        referrer=None,
        user_agent=None,
        destination="https://brand.example/",
        tags="{}",
        corrupted=False,
    )


def expected(batches: Sequence[Sequence[NewVisit]]) -> tuple[set[int], set[int]]:
    """Duplicates and uniques of a history, by the words of M04."""
    duplicates: set[int] = set()
    uniques: set[int] = set()
    last: dict[int, datetime] = {}
    for batch in batches:
        for visit in sorted(batch, key=lambda each: (each.occurred_at, each.id)):
            if visit.uncounted_reason is not None:
                continue
            previous = last.get(visit.fingerprint)
            if previous is None:
                uniques.add(visit.id)
            elif abs(visit.occurred_at - previous) < timedelta(seconds=judge.REPEAT_SECONDS):
                duplicates.add(visit.id)
            last[visit.fingerprint] = visit.occurred_at
    return duplicates, uniques


async def judge_all(system: Scope) -> None:
    while await place_recordings(system):
        pass
    while await judge_visits(system):
        pass


@profile(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history, st.integers(1, 5))
def test_the_verdicts_are_those_of_a_plain_model_in_steps_of_any_size_m04(
    settings: Settings, history: list[list[tuple[int, int, str | None]]], step: int
) -> None:
    async def check() -> None:
        await infra_database.connect(settings)
        try:
            await fetch(
                "TRUNCATE visits, unique_visits, duplicate_visits, recordings, sequence_heads,"
                " relay_positions, brands CASCADE"
            )
            await fetch("INSERT INTO sequence_heads (id, position) VALUES (1, 0)")
            clock = ManualClock(NOW)
            world, system = await make_world(clock), Scope.system(clock, "test")
            template = await Visit.get(id=world.visit_id)
            await judge_all(system)
            batches, number = [], 0
            for arrivals in history:
                batch = []
                for tenths, visitor, reason in arrivals:
                    number += 1
                    made = visit_of(world, template, number, tenths, visitor)
                    batch.append(made._replace(uncounted_reason=reason))
                if batch:
                    await record_clicks(system, Clicks([(each, None) for each in batch]))
                batches.append(batch)
            judge.BATCH, before = step, judge.BATCH
            try:
                await judge_all(system)
            finally:
                judge.BATCH = before
            duplicates = {row.visit_id for row in await DuplicateVisit.all()}
            uniques = {row.visit_id for row in await UniqueVisit.all()} - {world.visit_id}
            assert (duplicates, uniques) == expected(batches)
        finally:
            await infra_database.disconnect()

    asyncio.run(check())


async def test_judging_at_once_judges_each_visit_once(
    database: Settings, clock: ManualClock, system: Scope
) -> None:
    world = await make_world(clock)
    template = await Visit.get(id=world.visit_id)
    visits = [visit_of(world, template, n, n * 30, 7) for n in range(1, 30)]
    for visit in visits:
        await record_clicks(system, Clicks([(visit, None)]))
    while await place_recordings(system):
        pass

    await asyncio.gather(*(judge_visits(system) for _ in range(5)))

    assert await UniqueVisit.all().count() == 2
    assert await DuplicateVisit.all().count() == 0


@pytest.mark.parametrize("table", ["unique_visits", "duplicate_visits"])
async def test_a_verdict_cannot_be_taken_back(
    database: Settings, clock: ManualClock, system: Scope, table: str
) -> None:
    world = await make_world(clock)
    template = await Visit.get(id=world.visit_id)
    for number in (1, 2):
        await record_clicks(system, Clicks([(visit_of(world, template, number, number, 7), None)]))
    await judge_all(system)

    with pytest.raises(Exception, match="append-only"):
        await fetch(f"DELETE FROM {table}")
