"""Postbacks that fail for days, and those that send less than they should (A19, X07)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.events import place_recordings
from app.domain.mails.plan import plan_mails
from app.domain.players.register import register_players
from app.domain.postbacks import configure
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback
from app.domain.postbacks.deliver import (
    HOPELESS_AFTER,
    HOPELESS_ATTEMPTS,
    Claimed,
    Outcome,
    Room,
    claim_due,
    disable_hopeless,
    finish_attempts,
)
from app.domain.postbacks.drift import PATIENCE, QUIET, alarm_of_drift
from app.domain.postbacks.plan import plan_deliveries, skip_history
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Event, Mail, Partner, Postback, PostbackDelivery
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_partner_user,
)

URL = "https://tracker.example/?id=${event_id}"
ROOM = Room(100, 100, {})
MOMENT = timedelta(seconds=1)


@pytest.fixture
async def postback(scope: Scope, system: Scope) -> Postback:
    """A postback in a programme where expected and sent postbacks have been compared before."""
    made = await configure.create_postback(scope, NewPostback(Action.ANY, URL))
    while await place_recordings(system):
        pass
    await plan_deliveries(system)
    assert await alarm_of_drift(system) == []
    return made


async def happen(world: World, system: Scope, *users: str, plan: bool = True) -> None:
    """Players register, and their deliveries are planned."""
    items = [world.player(user) for user in users]
    await register_players(brand_scope(world.brand, world.clock), world.brand.id, items, box=BOX)
    while await place_recordings(system):
        pass
    while plan and (await plan_deliveries(system)).moved:
        pass


async def attempt_all(system: Scope, code: int) -> None:
    """What is due is called, and the tracker answers with that code."""

    def answered(claimed: Claimed) -> Outcome:
        at = system.at_offset(claimed.clock_offset).now()
        return Outcome(at, timedelta(milliseconds=5), code, "", None)

    claimed = await claim_due(system, ROOM, timedelta(seconds=30))
    await finish_attempts(system, [(item, answered(item)) for item in claimed])


async def mails_of(system: Scope) -> list[str]:
    while await place_recordings(system):
        pass
    while (await plan_mails(system)).moved:
        pass
    return [mail.template for mail in await Mail.all().order_by("id")]


# Days of failure (A19)


async def fail_for_days(world: World, system: Scope, clock: ManualClock) -> None:
    """More than enough failed calls, the last one after more than enough days."""
    await happen(world, system, *(f"p{n}" for n in range(HOPELESS_ATTEMPTS)))
    await attempt_all(system, 404)
    clock.advance(HOPELESS_AFTER)


async def test_a19_an_endpoint_that_fails_for_days_is_disabled_with_an_event_and_a_mail(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await make_partner_user(world.partner, clock)
    await fail_for_days(world, system, clock)

    assert await disable_hopeless(system) == 1

    row = await Postback.get(id=postback.id)
    assert (row.state, row.disabled_by) == ("disabled", "system")
    assert row.state_reason == "the tracker has not answered well since 10.03.2026"
    event = await Event.get(type="postback.disabled_after_failures")
    assert (event.subject_id, event.data["url"]) == (postback.id, URL)
    assert await mails_of(system) == ["postback_disabled"]


async def test_a19_its_partner_can_enable_it_again(
    world: World, system: Scope, clock: ManualClock, postback: Postback, scope: Scope
) -> None:
    await fail_for_days(world, system, clock)
    await disable_hopeless(system)

    row = await configure.enable_postback(scope, postback.id)

    assert (row.state, row.failing_since) == ("active", None)
    assert await disable_hopeless(system) == 0


async def test_a19_one_good_answer_begins_the_days_anew(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await fail_for_days(world, system, clock)
    await happen(world, system, "better")
    await attempt_all(system, 200)

    assert await disable_hopeless(system) == 0
    assert (await Postback.get(id=postback.id)).failing_since is None


async def test_a19_a_moment_less_than_the_days_is_not_enough(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await fail_for_days(world, system, clock)
    clock.advance(-MOMENT)
    assert await disable_hopeless(system) == 0

    clock.advance(MOMENT)
    assert await disable_hopeless(system) == 1


async def test_a19_a_few_failures_are_not_enough_however_old(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await happen(world, system, *(f"p{n}" for n in range(HOPELESS_ATTEMPTS - 1)))
    await attempt_all(system, 404)
    clock.advance(HOPELESS_AFTER * 10)

    assert await disable_hopeless(system) == 0


async def test_a19_the_days_are_those_of_the_partners_clock_x08(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await Partner.filter(id=world.partner.id).update(clock_offset=timedelta(days=40))
    await fail_for_days(world, system, clock)
    clock.advance(-HOPELESS_AFTER)
    assert await disable_hopeless(system) == 0

    await Partner.filter(id=world.partner.id).update(
        clock_offset=timedelta(days=40) + HOPELESS_AFTER
    )

    assert await disable_hopeless(system) == 1


async def test_a19_a_disabled_postback_cancels_what_it_would_have_tried_again(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await happen(world, system, *(f"p{n}" for n in range(HOPELESS_ATTEMPTS)))
    await attempt_all(system, 503)
    clock.advance(HOPELESS_AFTER)

    await disable_hopeless(system)

    assert await PostbackDelivery.exclude(state="cancelled").count() == 0


# Order (A19)


async def test_a19_what_follows_about_the_same_player_waits_for_the_first_attempts(
    world: World, system: Scope, clock: ManualClock, scope: Scope
) -> None:
    await configure.create_postback(scope, NewPostback(Action.ANY, f"{URL}&a=${{action}}"))
    await happen(world, system, "p1", "p2")
    item = {"user_id": "p1", "currency": "EUR", "deposits_count": 1, "deposits_sum": "5"}
    await _deposit(world, system, item)

    first = await claim_due(system, ROOM, timedelta(seconds=30))
    assert [item.url.rpartition("=")[2] for item in first] == ["registration", "registration"]
    assert await claim_due(system, ROOM, timedelta(seconds=30)) == []
    good = Outcome(clock.now(), timedelta(0), 200, "", None)
    await finish_attempts(system, [(item, good) for item in first])

    (second,) = await claim_due(system, ROOM, timedelta(seconds=30))
    assert second.url.endswith("a=deposit")


async def test_a19_a_tracker_that_keeps_failing_does_not_hold_up_what_follows(
    world: World, system: Scope, clock: ManualClock, scope: Scope
) -> None:
    await configure.create_postback(scope, NewPostback(Action.ANY, f"{URL}&a=${{action}}"))
    await happen(world, system, "p1")
    item = {"user_id": "p1", "currency": "EUR", "deposits_count": 1, "deposits_sum": "5"}
    await _deposit(world, system, item)
    for pause in (timedelta(0), timedelta(seconds=10), timedelta(seconds=30)):
        clock.advance(pause)
        assert [item.attempts for item in await _fail(system)] == [len(await _tried())]

    (later,) = await claim_due(system, ROOM, timedelta(seconds=30))
    assert later.url.endswith("a=deposit")


async def _tried() -> list[Any]:
    rows = await fetch("SELECT 1 FROM postback_attempts")
    return rows[:-1]


async def _fail(system: Scope) -> list[Claimed]:
    claimed = await claim_due(system, ROOM, timedelta(seconds=30))
    bad = Outcome(system.now(), timedelta(0), 503, "", None)
    await finish_attempts(system, [(item, bad) for item in claimed])
    return claimed


async def _deposit(world: World, system: Scope, item: dict[str, Any]) -> None:
    day = ("2026-03-10T00:00:00+02:00", "2026-03-11T00:00:00+02:00")
    await record_activity(brand_scope(world.brand, world.clock), world.brand.id, *day, [item])
    while await place_recordings(system):
        pass
    while (await plan_deliveries(system)).moved:
        pass


# Expected and sent (X07)


async def test_x07_what_is_sent_raises_no_alarm(
    world: World, system: Scope, clock: ManualClock, postback: Postback, scope: Scope
) -> None:
    await configure.create_postback(scope, NewPostback(Action.ANY, URL, promo_id=world.promo.id))
    await happen(world, system, "p1", "p2")
    await attempt_all(system, 503)
    clock.advance(PATIENCE)

    assert await alarm_of_drift(system) == []


async def test_x07_what_was_never_planned_raises_the_alarm_and_mails_the_owners(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await make_partner_user(world.partner, clock)
    await happen(world, system, "p1", "p2")
    await attempt_all(system, 200)
    await fetch("DELETE FROM postback_attempts")
    await fetch(
        "DELETE FROM postback_deliveries WHERE id = (SELECT min(id) FROM postback_deliveries)"
    )
    clock.advance(PATIENCE)

    (drift,) = await alarm_of_drift(system)

    assert (drift.postback_id, drift.expected, drift.sent) == (postback.id, 2, 1)
    event = await Event.get(type="postback.drifted")
    assert event.data["reason"] == "2 were expected, 1 were sent"
    assert await mails_of(system) == ["postback_drifted"]


async def test_x07_what_nobody_sends_raises_the_alarm_once_patience_ends(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await happen(world, system, "p1")
    clock.advance(PATIENCE - MOMENT)
    assert await alarm_of_drift(system) == []

    clock.advance(MOMENT)

    assert [(drift.expected, drift.sent) for drift in await alarm_of_drift(system)] == [(1, 0)]


async def test_x07_a_planner_that_stands_still_raises_the_alarm(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    await happen(world, system, "p1", plan=False)
    clock.advance(PATIENCE)

    assert len(await alarm_of_drift(system)) == 1


async def test_x07_the_same_postback_is_told_of_once_a_day(
    world: World, system: Scope, clock: ManualClock, postback: Postback
) -> None:
    told = []
    for number in range(3):
        await happen(world, system, f"p{number}")
        clock.advance(PATIENCE if number < 2 else QUIET)
        told.append(len(await alarm_of_drift(system)))

    assert told == [1, 0, 1]


async def test_x07_what_was_skipped_as_history_or_happened_before_is_not_expected_m38(
    world: World, system: Scope, clock: ManualClock, scope: Scope
) -> None:
    await happen(world, system, "p1")
    clock.advance(PATIENCE)
    await configure.create_postback(scope, NewPostback(Action.ANY, URL))
    assert await alarm_of_drift(system) == []
    await happen(world, system, "p2", plan=False)
    (head,) = await fetch("SELECT position FROM sequence_heads")

    await skip_history(system, head["position"])
    clock.advance(PATIENCE)

    assert await alarm_of_drift(system) == []


async def test_x07_a_disabled_postback_is_not_expected_to_send(
    world: World, system: Scope, clock: ManualClock, postback: Postback, scope: Scope
) -> None:
    await configure.disable_postback(scope, postback.id)
    await happen(world, system, "p1")
    clock.advance(PATIENCE)
    assert await alarm_of_drift(system) == []

    await configure.enable_postback(scope, postback.id)

    assert await alarm_of_drift(system) == []
