"""What the brand tells of a sign-up after what the player did replaces what was taken from that (W3, M03)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.changes.derive import derive_changes
from app.domain.events import place_recordings
from app.domain.players.register import PlayerResult, register_players
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Activity, Event, FactChange, FigureChange, Player, Registration
from app.settings import Settings
from tests.domain.brand_events.sending import ago, event, make_event_world, said, send, totals
from tests.factories import BOX, World, brand_scope


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_event_world(clock)


async def register(world: World, **fields: Any) -> PlayerResult:
    scope = brand_scope(world.brand, world.clock)
    item = world.player("p1", **fields)
    (result,) = await register_players(scope, world.brand.id, [item], box=BOX)
    return result


def deposit(world: World, name: str = "d1") -> dict[str, Any]:
    return event(world, name, "deposit", amount="10", tag=world.tag)


def registration(world: World, name: str = "r1", **fields: Any) -> dict[str, Any]:
    made = {"tag": world.tag, "occurred_at": ago(world, days=2), "country": "NO", **fields}
    return event(world, name, "registration") | made


async def holding() -> list[tuple[Any, ...]]:
    facts = await Registration.filter(superseded_by=None)
    return [(fact.occurred_at.isoformat(), fact.business_day.day, fact.country) for fact in facts]


async def test_a_registration_after_a_deposit_says_when_and_where_the_player_signed_up(
    world: World,
) -> None:
    await send(world, deposit(world))
    (result,) = await send(world, registration(world))

    player = await Player.get()
    assert (result.status, result.message) == ("created", None)
    assert (player.sign_up_at.isoformat(), player.country) == (ago(world, days=2), "NO")
    assert await holding() == [(ago(world, days=2), 8, "NO")]
    assert (await totals(world))["registrations_count"] == 1


async def test_the_registration_that_moves_leaves_a_change_and_an_event_x03(
    world: World, system: Scope
) -> None:
    await send(world, deposit(world))
    await send(world, registration(world))
    while await place_recordings(system):
        pass
    while await derive_changes(system):
        pass

    change = await FactChange.get(fact="registrations")
    before, after = await Registration.all().order_by("id")
    assert (change.before_id, change.after_id) == (before.id, after.id)
    assert change.delta["occurred_at"] == [ago(world), ago(world, days=2)]
    told = await FigureChange.filter(fact="registrations").order_by("business_day")
    assert [(each.business_day.day, each.figures) for each in told] == [
        (8, {"registrations_count": ["0", "1"]}),
        (10, {"registrations_count": ["1", "0"]}),
    ]
    assert (await Event.get(type="player.updated")).data["sign_up_at"] == ago(world, days=2)


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_the_batches_do_not_matter_to_what_was_told_before_the_sign_up(
    world: World, size: int
) -> None:
    items = [
        deposit(world),
        registration(world),
        event(world, "d2", "deposit", amount="1"),
        registration(world, "r2"),
    ]
    results = []
    for start in range(0, len(items), size):
        results += await send(world, *items[start : start + size])

    assert said(*results) == ["created"] * 4
    facts = await Activity.all().order_by("deposits_sum")
    assert [fact.country for fact in facts] == ["NO", "ZZ"]
    assert await holding() == [(ago(world, days=2), 8, "NO")]


async def test_a_player_who_came_by_activity_signs_up_by_the_players_door(
    world: World, clock: ManualClock
) -> None:
    scope = brand_scope(world.brand, clock)
    bounds = (ago(world, hours=1), ago(world))
    item = {"user_id": "p1", "tag": world.tag, "casino_balance_corrections_sum": "1"}
    await record_activity(scope, world.brand.id, *bounds, [item])

    results = [await register(world, sign_up_at=ago(world, days=2), country="NO") for _ in "12"]

    assert [result.status for result in results] == ["updated", "unchanged"]
    assert await holding() == [(ago(world, days=2), 8, "NO")]


async def test_a_sign_up_that_was_told_stays_and_the_brand_is_told_so(
    world: World, clock: ManualClock
) -> None:
    await register(world, country="FI")
    first = clock.now()
    clock.advance(timedelta(days=3))

    by_players = await register(world, country="FI")
    (by_events,) = await send(world, registration(world))

    assert by_players.status == "unchanged"
    assert first.isoformat() in (by_players.message or "")
    assert by_events.status == "created"
    assert "stays" in (by_events.message or "")
    assert await holding() == [(first.isoformat(), 10, "FI")]


async def test_a_repeated_registration_needs_no_words(world: World) -> None:
    await register(world, country="NO", sign_up_at=ago(world, days=2))

    (result,) = await send(world, registration(world))

    assert (result.status, result.message) == ("created", None)


async def test_another_tag_is_a_conflict_before_the_sign_up_was_told_too_m03(world: World) -> None:
    await send(world, deposit(world))
    other = f"{world.promo.id}_{world.visit_id + 1}"

    assert said(*await send(world, registration(world, tag=other))) == ["conflict"]
    assert (await register(world, tag=other)).error == "conflict"
    assert (await Player.get()).sign_up_inferred
