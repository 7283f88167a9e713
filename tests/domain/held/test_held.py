"""Items whose visit is still in a click journal wait for it, in the order of their user (W3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.attribution.decide import HELD_FOR
from app.domain.brand_events.record import record_brand_events
from app.domain.held.resolve import HeldItemFilter, held_items, resolve_held
from app.domain.intake import CHUNK
from app.domain.personal import read_subjects
from app.domain.players.register import register_players
from app.domain.scope import Scope
from app.domain.visits.click import Click, new_visit
from app.domain.visits.links import find_link
from app.domain.visits.record import take_visit_ids, write_visits
from app.infra.clock import ManualClock
from app.infra.database import fetch, transaction
from app.models import Activity, BrandEvent, Conversion, Event, HeldItem, Player
from app.settings import Settings
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_world,
    staff_scope,
)


class Journal:
    """Clicks whose visitors were redirected, and that the database does not have yet."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made: dict[str, Any] = {}

    async def click(self) -> str:
        """The tag of a click that stands in the journal."""
        world, scope = self.world, Scope.visitor(self.world.clock, "test-request")
        link = await find_link(world.promo.code)
        assert link is not None
        visit_id = (await take_visit_ids(scope)).next(world.clock.now())
        click = Click(b"", "203.0.113.9", "Mozilla/5.0", None, device="desktop")
        tag = f"{world.promo.id}_{visit_id}"
        self.made[tag] = new_visit(scope, link, click, visit_id, BOX.fingerprint_key)
        return tag

    async def replay(self, *tags: str) -> None:
        """The database gets the visits of these tags, or all."""
        chosen = tags or tuple(self.made)
        async with transaction() as tx:
            await write_visits(tx, [(self.made[tag], "203.0.113.9") for tag in chosen])


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
def journal(world: World) -> Journal:
    return Journal(world)


async def register(world: World, *items: Any) -> list[str]:
    results = await register_players(
        brand_scope(world.brand, world.clock), world.brand.id, list(items), box=BOX
    )
    return [result.error or result.status.value for result in results]


async def play(world: World, *items: Any) -> list[str]:
    start = world.clock.now().replace(hour=1)
    bounds = (start.isoformat(), (start + timedelta(hours=1)).isoformat())
    results = await record_activity(
        brand_scope(world.brand, world.clock), world.brand.id, *bounds, list(items)
    )
    return [result.error or result.status.value for result in results]


async def tell(world: World, *items: Any) -> list[str]:
    made = [{"occurred_at": world.clock.now().isoformat(), **item} for item in items]
    results = await record_brand_events(brand_scope(world.brand, world.clock), world.brand.id, made)
    return [result.error or result.status.value for result in results]


async def states() -> list[str]:
    return [row.state for row in await HeldItem.all().order_by("id")]


async def test_a_player_of_a_visit_that_is_on_its_way_is_held_w3(
    world: World, journal: Journal
) -> None:
    assert await register(world, world.player("p1", tag=await journal.click())) == ["held"]
    assert await Player.all().count() == 0


async def test_a_held_player_is_taken_in_when_its_visit_comes_w3(
    world: World, journal: Journal, system: Scope
) -> None:
    tag = await journal.click()
    await register(world, world.player("p1", tag=tag, email="a@example.test", duplicate=True))
    assert await resolve_held(system, box=BOX) == 0

    await journal.replay()

    assert await resolve_held(system, box=BOX) == 1
    player = await Player.get(user_id="p1")
    assert f"{player.promo_id}_{player.visit_id}" == tag
    (person,) = (await read_subjects(BOX, [player.subject_id or 0])).values()
    assert person["email"] == "a@example.test"
    assert await states() == ["taken"]
    assert (await Event.get(type="player.flagged")).data["flag"] == "duplicate"


async def test_what_is_personal_waits_encrypted_and_leaves_with_the_answer_a6a(
    world: World, journal: Journal, system: Scope
) -> None:
    await register(world, world.player("p1", tag=await journal.click(), email="a@example.test"))
    (held,) = await HeldItem.all()
    assert "email" not in held.content
    assert b"example" not in (held.person or b"")

    await journal.replay()
    await resolve_held(system, box=BOX)

    assert (await HeldItem.get()).person is None


async def test_later_items_of_the_user_wait_behind_it_in_their_order_w3(
    world: World, journal: Journal, system: Scope
) -> None:
    tag = await journal.click()
    first, second = {"user_id": "p1", "deposits_sum": "5"}, {"user_id": "p1", "deposits_sum": "6"}

    assert await register(world, world.player("p1", tag=tag)) == ["held"]
    assert await play(world, first, {"user_id": "p2"}) == ["held", "unknown_player"]
    assert await play(world, second) == ["held"]
    flag = {"id": "f1", "type": "flag", "flag": "fraud", "user_id": "p1"}
    assert await tell(world, flag) == ["held"]

    await journal.replay()
    await resolve_held(system, box=BOX)

    assert await states() == ["taken"] * 4
    holding = await Activity.filter(superseded_by=None)
    assert [fact.deposits_sum for fact in holding] == [6]
    assert await BrandEvent.all().count() == 1


async def test_items_of_one_batch_wait_behind_each_other_too(
    world: World, journal: Journal, system: Scope
) -> None:
    tag = await journal.click()
    sale = {"id": "s1", "type": "sale", "tag": tag, "amount": "50"}
    refund = {"id": "r1", "type": "refund", "ref": "s1", "amount": "20"}

    assert await tell(world, sale, refund) == ["held", "held"]
    assert await tell(world, {"id": "v1", "type": "void", "ref": "r1"}) == ["held"]
    await journal.replay()
    while await resolve_held(system, box=BOX):
        pass

    assert await states() == ["taken"] * 3
    assert [fact.kind for fact in await Conversion.filter(superseded_by=None)] == ["sale"]


async def test_corrections_of_a_held_event_keep_nobody_waiting_w3(
    world: World, journal: Journal, system: Scope, clock: ManualClock
) -> None:
    """However many wait for one event: what is ready behind them is taken in at once."""
    first = await journal.click()
    clock.advance(timedelta(seconds=1))
    second = await journal.click()
    sale = {"id": "s1", "type": "sale", "tag": first, "amount": "50"}
    amendments = [
        {"id": f"a{n}", "type": "amend", "ref": "s1", "amount": "1"} for n in range(CHUNK)
    ]
    assert set(await tell(world, sale, *amendments)) == {"held"}
    assert await register(world, world.player("p1", tag=second)) == ["held"]

    await journal.replay(second)

    assert await resolve_held(system, box=BOX) == 1
    assert await Player.filter(user_id="p1").exists()
    await journal.replay(first)
    while await resolve_held(system, box=BOX):
        pass
    assert set(await states()) == {"taken"}


async def test_another_users_items_are_taken_at_once(world: World, journal: Journal) -> None:
    held = world.player("p1", tag=await journal.click())

    assert await register(world, held, world.player("p2")) == ["held", "created"]


async def test_repeating_a_held_item_keeps_it_once(world: World, journal: Journal) -> None:
    tag = await journal.click()
    item = world.player("p1", tag=tag)

    for _ in range(3):
        assert await register(world, item) == ["held"]

    assert await HeldItem.all().count() == 1


async def test_a_visit_that_never_comes_is_refused_after_two_days_with_an_event_w3(
    world: World, journal: Journal, system: Scope, clock: ManualClock
) -> None:
    await register(world, world.player("p1", tag=await journal.click()))
    await play(world, {"user_id": "p1", "deposits_sum": "5"})
    clock.advance(HELD_FOR)
    assert await resolve_held(system, box=BOX) == 0

    clock.advance(timedelta(milliseconds=1))

    assert await resolve_held(system, box=BOX) == 2
    rows = await HeldItem.all().order_by("id")
    assert [(row.state, row.error) for row in rows] == [
        ("rejected", "unknown_tag"),
        ("rejected", "unknown_player"),
    ]
    told = await Event.filter(type="intake.item_rejected").order_by("n")
    assert [(each.data["door"], each.data["error"]) for each in told] == [
        ("players", "unknown_tag"),
        ("activity", "unknown_player"),
    ]
    assert told[0].brand_id == world.brand.id


async def test_after_the_refusal_the_user_can_be_registered_again(
    world: World, journal: Journal, system: Scope, clock: ManualClock
) -> None:
    await register(world, world.player("p1", tag=await journal.click()))
    clock.advance(HELD_FOR + timedelta(minutes=1))
    await resolve_held(system, box=BOX)

    assert await register(world, world.player("p1")) == ["created"]


async def test_a_tag_of_another_brands_promo_or_visit_is_unknown_at_once(
    world: World, journal: Journal, clock: ManualClock
) -> None:
    other = await make_world(clock)
    made_up = (await journal.click()).partition("_")[2]

    items = [
        world.player("p1", tag=f"{other.promo.id}_{made_up}"),
        world.player("p2", tag=f"{world.promo.id}_{other.visit_id}"),
    ]

    assert await register(world, *items) == ["unknown_tag", "unknown_tag"]


async def test_an_item_that_waits_for_a_second_visit_keeps_waiting(
    world: World, journal: Journal, system: Scope, clock: ManualClock
) -> None:
    first = await journal.click()
    clock.advance(timedelta(seconds=1))
    second = await journal.click()
    await register(world, world.player("p1", tag=first))
    sale = {"id": "s1", "type": "sale", "tag": second, "amount": "5", "user_id": "p1"}
    await tell(world, sale)
    await play(world, {"user_id": "p1", "deposits_sum": "5"})

    await journal.replay(first)
    await resolve_held(system, box=BOX)
    assert await states() == ["taken", "held", "held"]
    await journal.replay(second)
    await resolve_held(system, box=BOX)

    assert await states() == ["taken"] * 3


async def test_workers_that_resolve_at_once_take_each_item_once(
    world: World, journal: Journal, system: Scope
) -> None:
    tag = await journal.click()
    await register(world, *(world.player(f"p{n}", tag=tag) for n in range(20)))
    await journal.replay()

    counts = await asyncio.gather(*(resolve_held(system, box=BOX) for _ in range(4)))

    assert sum(counts) == 20
    assert await Event.filter(type="player.registered").count() == 20


async def test_a_sandbox_brands_clock_does_not_change_which_visits_are_recent_x08(
    database: Settings, clock: ManualClock
) -> None:
    moved = await make_world(clock, clock_offset=timedelta(days=90), cookie_days=365)

    assert await register(moved, moved.player("p1", tag=await Journal(moved).click())) == ["held"]


async def test_operators_see_what_waits_of_their_brands_only(
    world: World, journal: Journal, clock: ManualClock
) -> None:
    await register(world, world.player("p1", tag=await journal.click()))
    elsewhere = await make_world(clock)

    async def seen(*brands: int) -> int:
        scope = staff_scope(clock, brand_ids=frozenset(brands))
        return await (await held_items(scope, HeldItemFilter(state="held"))).rows.count()

    assert await seen(world.brand.id) == 1
    assert await seen(elsewhere.brand.id) == 0


REFUSE = (
    """
CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'poison'; END $$
""",
    """
CREATE TRIGGER poison BEFORE INSERT ON players FOR EACH ROW WHEN (NEW.user_id = 'poison')
EXECUTE FUNCTION refuse_poison()
""",
)


async def test_an_item_that_the_database_refuses_is_refused_and_stops_no_other_w3(
    world: World, journal: Journal, system: Scope
) -> None:
    tags = [await journal.click() for _ in range(4)]
    users = ["a", "poison", "b", "c"]
    for user, tag in zip(users, tags, strict=True):
        assert await register(world, world.player(user, tag=tag)) == ["held"]
        assert await play(world, {"user_id": user, "deposits_sum": "1"}) == ["held"]
    for statement in REFUSE:
        await fetch(statement)
    await journal.replay(*tags[:3])

    assert await resolve_held(system, box=BOX) == 6

    assert sorted([player.user_id for player in await Player.all()]) == ["a", "b"]
    assert await Activity.all().count() == 2
    found = {(row.user_id, row.door): row.state for row in await HeldItem.all()}
    assert found == {
        ("a", "players"): "taken",
        ("a", "activity"): "taken",
        ("poison", "players"): "rejected",
        # Its player never came.
        ("poison", "activity"): "rejected",
        ("b", "players"): "taken",
        ("b", "activity"): "taken",
        # Their visit has not come.
        ("c", "players"): "held",
        ("c", "activity"): "held",
    }
    told = await Event.filter(type="intake.item_rejected").order_by("id")
    assert [event.data["error"] for event in told] == ["refused", "unknown_player"]
    assert await resolve_held(system, box=BOX) == 0
