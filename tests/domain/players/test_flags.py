"""Flags of players: a history in the order of time, whatever the order of arrival (M06)."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from app.domain.players.flags import flag_histories
from app.domain.players.register import register_players
from app.infra.clock import ManualClock
from app.models import Event, FactChange, Player
from app.settings import Settings
from tests.domain.brand_events.sending import event, send, totals
from tests.factories import BOX, World, brand_scope, make_world, staff_scope


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def register(world: World, **fields: Any) -> str:
    scope = brand_scope(world.brand, world.clock)
    item = world.player("p1") | {"sign_up_at": world.clock.now().isoformat()} | fields
    (result,) = await register_players(scope, world.brand.id, [item], box=BOX)
    return result.error or result.status.value


async def history(world: World) -> list[tuple[str, bool, int]]:
    player = await Player.get(user_id="p1")
    lines = (await flag_histories(staff_scope(world.clock), [player.id])).get(player.id, [])
    return [(line.flag, line.raised, line.step) for line in lines]


async def test_a_flag_of_a_new_player_holds_from_the_sign_up_on_m06(world: World) -> None:
    assert await register(world, duplicate=True, disabled=False) == "created"

    assert await history(world) == [("duplicate", True, 1)]
    told = await Event.get(type="player.flagged")
    assert (told.data["flag"], told.occurred_at) == ("duplicate", world.clock.now())
    assert (await totals(world))["duplicated_players_count"] == 1


async def test_repeating_a_flag_changes_nothing_and_taking_it_back_is_a_line_m06(
    world: World, clock: ManualClock
) -> None:
    statuses = []
    for value in (False, True, True, None, False, False):
        clock.advance(timedelta(minutes=1))
        statuses.append(await register(world, disabled=value))

    assert statuses == ["created", "updated", "unchanged", "unchanged", "updated", "unchanged"]
    assert await history(world) == [("disabled", True, 1), ("disabled", False, -1)]
    assert "disabled_players_count" not in await totals(world)
    assert await Event.filter(type="player.unflagged").count() == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_events_in_any_order_leave_the_same_history_m06(
    world: World, clock: ManualClock, order: tuple[int, ...]
) -> None:
    await register(world)
    said = [(3, True), (2, True), (1, False)]
    items = [
        event(
            world,
            f"f{hours}",
            "flag",
            flag="fraud",
            value=value,
            occurred_at=(clock.now() - timedelta(hours=hours)).isoformat(),
        )
        for hours, value in said
    ]

    for place in order:
        await send(world, items[place])

    assert await history(world) == [("fraud", True, 1), ("fraud", True, 0), ("fraud", False, -1)]
    steps = [change.delta["step"] for change in await FactChange.filter(fact="player_flags")]
    assert all(before != after for before, after in steps)


async def test_a_flag_that_is_neither_true_nor_false_is_refused(world: World) -> None:
    assert await register(world, duplicate="yes") == "invalid"
