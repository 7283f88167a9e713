"""What is old and finished leaves the log, and nothing is planned or sent a second time for it (A20, decision 6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from app.domain.errors import NotFound
from app.domain.postbacks import configure
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback
from app.domain.postbacks.deliver import Outcome, any_due
from app.domain.postbacks.diagnose import Question, diagnose
from app.domain.postbacks.drift import alarm_of_drift
from app.domain.postbacks.findings import Cause
from app.domain.postbacks.plan import plan_deliveries
from app.domain.postbacks.preview import keep_test, prepare_test
from app.domain.postbacks.prune import complete_from, prune_log
from app.domain.postbacks.replay import ReplayRange, Which, replay_attempt, replay_range
from app.domain.postbacks.tally import Tally, tallies
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import credentials, require_url
from app.models import Event, Postback, PostbackAttempt, PostbackDelivery, PostbackDuplicate
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.postbacks.test_drift import URL, attempt_all, happen
from tests.factories import World

KEEP = timedelta(days=7)
LATER = KEEP + timedelta(days=1)


@pytest.fixture
async def postback(scope: Scope) -> Postback:
    return await configure.create_postback(scope, NewPostback(Action.ANY, URL))


async def prune(system: Scope) -> int:
    """Remove all that is old; returns how much there was."""
    pruned = 0
    while count := await prune_log(system, KEEP):
        pruned += count
    return pruned


async def test_a20_what_was_finished_long_ago_goes_with_its_attempts_and_twins(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await configure.create_postback(scope, NewPostback(Action.REGISTRATION, URL))
    await happen(world, system, "taken")
    await attempt_all(system, 200)
    await happen(world, system, "refused")
    await attempt_all(system, 404)
    assert await PostbackDuplicate.all().count() == 2
    clock.advance(LATER)
    await happen(world, system, "young")
    await attempt_all(system, 200)

    assert await prune(system) == 2

    (young,) = await PostbackDelivery.all()
    assert [row.delivery_id for row in await PostbackAttempt.all()] == [young.id]
    assert [row.delivery_id for row in await PostbackDuplicate.all()] == [young.id]
    assert await complete_from(scope) == clock.now() - KEEP


async def test_a19_what_waits_is_never_removed_however_old(
    postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "waiting")
    await attempt_all(system, 503)
    clock.advance(10 * LATER)

    assert await prune(system) == 0

    (delivery,) = await PostbackDelivery.all()
    assert (delivery.state, delivery.attempts) == ("pending", 1)
    assert await PostbackAttempt.all().count() == 1
    assert await complete_from(system) is None


async def test_a20_what_was_sent_again_lately_stays_with_its_whole_history(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "replayed")
    await attempt_all(system, 404)
    clock.advance(LATER)
    (attempt,) = await PostbackAttempt.all()
    await replay_attempt(scope, attempt.id)
    await attempt_all(system, 200)

    assert await prune(system) == 0

    codes = [row.response_code for row in await PostbackAttempt.all().order_by("id")]
    assert codes == [404, 200]


async def test_decision_6_nothing_is_planned_or_sent_again_for_what_was_removed(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "one", "two")
    await attempt_all(system, 200)
    await alarm_of_drift(system)
    clock.advance(LATER)
    assert await prune(system) == 2

    planned = await plan_deliveries(system)
    await happen(world, system, "new")

    assert planned.deliveries == 0
    (delivery,) = await PostbackDelivery.all()
    newest = await Event.filter(type="player.registered").order_by("-id").first()
    assert newest is not None
    assert delivery.event_id == newest.id
    await attempt_all(system, 200)
    assert not await any_due(system)
    clock.advance(timedelta(hours=1))
    assert await alarm_of_drift(system) == []
    assert await PostbackAttempt.all().count() == 1


async def test_a20_what_was_removed_cannot_be_replayed_and_the_rest_of_a_range_can(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "old")
    await attempt_all(system, 404)
    (attempt,) = await PostbackAttempt.all()
    clock.advance(LATER)
    await happen(world, system, "young")
    await attempt_all(system, 404)
    await prune(system)

    with pytest.raises(NotFound):
        await replay_attempt(scope, attempt.id)
    replayed = await replay_range(scope, ReplayRange(NOW, clock.now() + KEEP, Which.ALL))
    assert (replayed.count, replayed.left_out) == (1, 0)


async def test_a20_a_replay_that_meets_a_removal_sends_once(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "player")
    await attempt_all(system, 404)
    (attempt,) = await PostbackAttempt.all()
    clock.advance(LATER)

    await asyncio.gather(
        replay_attempt(scope, attempt.id), prune_log(system, KEEP), return_exceptions=True
    )

    states = [row.state for row in await PostbackDelivery.all()]
    assert states in (["pending"], [])


async def test_a18_old_tests_go_as_well(
    scope: Scope, postback: Postback, system: Scope, clock: ManualClock
) -> None:
    call = await prepare_test(scope, postback.id, None)
    await keep_test(scope, call, Outcome(NOW, timedelta(0), 200, "ok", None))
    clock.advance(LATER)

    assert await prune(system) == 1
    assert await PostbackAttempt.all().count() == 0


async def test_a17_what_has_left_the_log_is_told_from_what_was_not_sent(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "old")
    await attempt_all(system, 200)
    clock.advance(LATER)
    await prune(system)

    found = await diagnose(scope, Question(click=world.tag))

    assert [finding.cause for finding in found.findings] == [Cause.NO_LONGER_KEPT]
    assert "the log begins at 2026-03-11 12:00 UTC" in found.findings[0].message


async def test_x07_what_has_left_the_log_is_no_difference(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "old")
    await attempt_all(system, 200)
    clock.advance(LATER)
    await prune(system)

    found = await tallies(scope, [postback.id], NOW, NOW + KEEP)

    assert found[postback.id] == Tally(compared_from=clock.now() - KEEP)


@pytest.mark.parametrize(
    ("ahead", "passed", "left"), [(-5, 6, 1), (-5, 8, 0), (0, 6, 1), (0, 8, 0), (5, 8, 1)]
)
async def test_x08_a_sandbox_keeps_at_least_what_its_own_clock_says(
    postback: Postback,
    world: World,
    system: Scope,
    clock: ManualClock,
    ahead: int,
    passed: int,
    left: int,
) -> None:
    world.partner.clock_offset = timedelta(days=ahead)
    await world.partner.save(update_fields=["clock_offset"])
    await happen(world, system, "player")
    await attempt_all(system, 200)
    clock.advance(timedelta(days=passed))

    await prune(system)

    assert await PostbackDelivery.all().count() == left


async def test_a20_the_log_begins_by_the_clock_of_whoever_asks_x08(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "player")
    await attempt_all(system, 200)
    clock.advance(LATER)
    await prune(system)
    moved = timedelta(days=5)
    sandbox = replace(scope.at_offset(moved), machine_clock=clock)
    assert await complete_from(sandbox) == clock.now() - KEEP + moved


async def test_batches_are_small_and_leave_what_somebody_holds(
    database: Settings, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "one", "two", "three")
    await attempt_all(system, 200)
    clock.advance(LATER)
    held, *_ = await PostbackDelivery.all().order_by("id")

    somebody = await asyncpg.connect(**credentials(require_url(database)))
    async with somebody.transaction():
        await somebody.execute(f"SELECT 1 FROM postback_deliveries WHERE id = {held.id} FOR UPDATE")
        counts = [await prune_log(system, KEEP, batch=1) for _ in range(3)]
    await somebody.close()

    assert counts == [1, 1, 0]
    assert await prune_log(system, KEEP, batch=1) == 1
