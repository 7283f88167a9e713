"""Expected against sent, counted from the log and from what was planned (X07)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import Invalid
from app.domain.events.times import events_between
from app.domain.postbacks import configure
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback
from app.domain.postbacks.plan import skip_history
from app.domain.postbacks.replay import ReplayRange, Which, replay_range
from app.domain.postbacks.tally import LONGEST_PERIOD, Tally, tallies
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Event, Postback
from tests.conftest import NOW
from tests.domain.postbacks.test_drift import URL, attempt_all, happen
from tests.factories import World, make_partner, partner_scope, staff_scope

HOUR = timedelta(hours=1)


@pytest.fixture
async def postback(scope: Scope) -> Postback:
    return await configure.create_postback(scope, NewPostback(Action.ANY, URL))


async def tally_of(scope: Scope, postback: Postback) -> Tally:
    """Its tally of everything that has happened in the last day and will in this moment."""
    until = scope.now() + timedelta(seconds=1)
    return (await tallies(scope, [postback.id], until - timedelta(days=1), until))[postback.id]


def counts(found: Tally) -> dict[str, int]:
    """What is not 0 of it."""
    names = ("matched", "delivered", "pending", "failed", "cancelled", "deduplicated", "difference")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


async def test_x07_each_event_is_counted_with_what_became_of_it(
    scope: Scope, postback: Postback, world: World, system: Scope
) -> None:
    await happen(world, system, "taken")
    await attempt_all(system, 200)
    await happen(world, system, "refused")
    await attempt_all(system, 404)
    await happen(world, system, "waiting")

    found = await tally_of(scope, postback)

    assert counts(found) == {"matched": 3, "delivered": 1, "failed": 1, "pending": 1}
    assert found.deliveries == 3
    assert found.compared_from == postback.active_since


async def test_x07_what_was_never_planned_is_the_difference(
    scope: Scope, postback: Postback, world: World, system: Scope
) -> None:
    await happen(world, system, "sent")
    await happen(world, system, "lost-1", "lost-2", plan=False)
    await skip_history(system, 1_000)

    assert counts(await tally_of(scope, postback)) == {
        "matched": 3,
        "pending": 1,
        "difference": 2,
    }


async def test_a13_the_same_call_of_two_postbacks_is_counted_as_deduplicated(
    scope: Scope, postback: Postback, world: World, system: Scope
) -> None:
    twin = await configure.create_postback(scope, NewPostback(Action.REGISTRATION, URL))
    await happen(world, system, "player")

    assert counts(await tally_of(scope, postback)) == {"matched": 1, "pending": 1}
    assert counts(await tally_of(scope, twin)) == {"matched": 1, "deduplicated": 1}


async def test_a20_what_was_sent_before_an_edit_counts_and_its_replay_is_one_more_delivery(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "player")
    await attempt_all(system, 404)
    clock.advance(HOUR)
    edit = configure.PostbackEdit(url=f"{URL}&new=1")
    edited = await configure.edit_postback(scope, postback.id, edit)
    wanted = ReplayRange(NOW - HOUR, NOW + HOUR, Which.ALL)
    assert (await replay_range(scope, wanted)).count == 1

    found = await tally_of(scope, edited)

    assert counts(found) == {"matched": 1, "failed": 1, "pending": 1}
    assert found.compared_from == clock.now()


async def test_x07_a_disabled_postback_misses_nothing(
    scope: Scope, postback: Postback, world: World, system: Scope
) -> None:
    await happen(world, system, "before")
    disabled = await configure.disable_postback(scope, postback.id)
    await happen(world, system, "after")

    found = await tally_of(scope, disabled)

    assert counts(found) == {"matched": 1, "cancelled": 1}
    assert found.compared_from is None


async def test_x07_only_what_was_recorded_in_the_period_counts(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    for number in range(3):
        await happen(world, system, f"player-{number}")
        clock.advance(HOUR)

    async def matched(first: timedelta, before: timedelta) -> int:
        found = await tallies(scope, [postback.id], NOW + first, NOW + before)
        return found[postback.id].matched

    assert await matched(timedelta(0), 3 * HOUR) == 3
    assert await matched(HOUR, 2 * HOUR) == 1
    assert await matched(timedelta(0), HOUR) == 1
    assert await matched(3 * HOUR, 4 * HOUR) == 0


async def test_x08_the_period_is_by_the_partners_clock(
    scope: Scope, postback: Postback, world: World, system: Scope
) -> None:
    await happen(world, system, "player")
    moved = timedelta(days=40)
    sandbox = replace(scope.at_offset(moved), machine_clock=world.clock)

    found = await tallies(sandbox, [postback.id], NOW + moved, NOW + moved + HOUR)

    assert found[postback.id].matched == 1
    assert found[postback.id].compared_from == NOW + moved


async def test_decision_9_anothers_postback_has_no_tally_and_operators_see_all(
    scope: Scope, postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    await happen(world, system, "player")
    other = partner_scope(await make_partner(clock, code="OTHER"), clock)
    assert await tallies(other, [postback.id], NOW - HOUR, NOW + HOUR) == {}

    operator = staff_scope(clock)
    assert (await tally_of(operator, postback)).matched == 1


@pytest.mark.parametrize("length", [timedelta(0), -HOUR, LONGEST_PERIOD + HOUR])
async def test_x07_an_impossible_period_is_refused(
    scope: Scope, postback: Postback, length: timedelta
) -> None:
    with pytest.raises(Invalid):
        await tallies(scope, [postback.id], NOW, NOW + length)


async def test_the_events_of_a_time_are_found_without_reading_the_others(
    postback: Postback, world: World, system: Scope, clock: ManualClock
) -> None:
    for number in range(6):
        await happen(world, system, f"player-{number}", plan=False)
        clock.advance(HOUR)

    low, high = await events_between(NOW + 1.5 * HOUR, NOW + 2.5 * HOUR)

    found = await Event.filter(id__gte=low, id__lt=high, type="player.registered").order_by("id")
    assert [event.occurred_at for event in found] == [NOW + 2 * HOUR]
    assert await events_between(NOW - HOUR, NOW + 10 * HOUR) == (
        (await fetch("SELECT min(id) AS first FROM events"))[0]["first"],
        (await fetch("SELECT max(id) + 1 AS behind FROM events"))[0]["behind"],
    )
