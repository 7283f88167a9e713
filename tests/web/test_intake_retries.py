"""A brand that dies half-way through and sends everything again: nothing twice, nothing lost (W3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.intake import CHUNK
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Activity, BrandEvent, Event, FirstDeposit, Player, Registration
from tests.factories import BOX, World, make_brand_key, make_world, post_signed

COUNT = CHUNK + 50
LATE = f"u{CHUNK + 10}"
# The second thousand fails in the database as if its connection had gone.
BREAK = (
    """
CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = 'deadlock_detected'; END $$
""",
    "CREATE TRIGGER break_off BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION break_off()",
)
MEND = "DROP FUNCTION break_off CASCADE"


@pytest.fixture
async def world(client: httpx.AsyncClient, clock: ManualClock) -> World:
    return await make_world(clock)


async def break_inserts(table: str, when: str) -> None:
    for statement in BREAK:
        await fetch(statement.format(table=table, when=when))


def document_of(kind: str, world: World) -> dict[str, Any]:
    """A batch of more than one transaction, of as many users."""
    at = world.clock.now() - timedelta(hours=1)
    users = [f"u{number}" for number in range(COUNT)]
    if kind == "players":
        return {"players": [world.player(user) for user in users]}
    if kind == "activity":
        items = [
            {
                "user_id": user,
                "tag": world.tag,
                "deposits_count": 1,
                "deposits_sum": "2",
                "first_deposit_at": at.isoformat(),
                "first_deposit_sum": "2",
            }
            for user in users
        ]
        return {"from": at.isoformat(), "to": world.clock.now().isoformat(), "items": items}
    events = [
        {
            "id": f"d-{user}",
            "type": "deposit",
            "user_id": user,
            "tag": world.tag,
            "occurred_at": at.isoformat(),
            "amount": "2",
        }
        for user in users
    ]
    return {"events": events}


@pytest.mark.parametrize("kind", ["players", "activity", "events"])
async def test_a_batch_that_failed_half_way_is_sent_again_whole_w3(
    client: httpx.AsyncClient, world: World, clock: ManualClock, kind: str
) -> None:
    key = await make_brand_key(world.brand, BOX, clock)
    document = document_of(kind, world)
    await break_inserts("players", f"NEW.user_id = '{LATE}'")

    first = await post_signed(client, f"/api/v1/{kind}", key, document)
    half = await Player.all().count()
    await fetch(MEND)
    answers = [await post_signed(client, f"/api/v1/{kind}", key, document) for _ in range(2)]

    assert (first.status_code, half) == (503, CHUNK)
    statuses = [[item["status"] for item in answer.json()] for answer in answers]
    assert statuses[0] == ["unchanged"] * CHUNK + ["created"] * (COUNT - CHUNK)
    assert statuses[1] == ["unchanged"] * COUNT
    assert await Player.all().count() == await Registration.all().count() == COUNT
    assert await Event.filter(type="player.registered").count() == COUNT
    played = 0 if kind == "players" else COUNT
    assert await Activity.all().count() == await FirstDeposit.all().count() == played
    for name in ("player.deposited", "player.first_deposited"):
        assert await Event.filter(type=name).count() == played


@pytest.mark.parametrize("kind", ["players", "activity", "events"])
async def test_a_brand_that_hangs_up_and_retries_from_several_places_is_taken_once_w3(
    client: httpx.AsyncClient, world: World, clock: ManualClock, kind: str
) -> None:
    key = await make_brand_key(world.brand, BOX, clock)
    document = document_of(kind, world)

    async def send(patience: float) -> httpx.Response:
        async with asyncio.timeout(patience):
            return await post_signed(client, f"/api/v1/{kind}", key, document)

    # The first ones hang up before the answer; the server may be anywhere then.
    impatient = await asyncio.gather(*(send(0.02 * n) for n in (1, 3, 6)), return_exceptions=True)
    answers = await asyncio.gather(*(send(60) for _ in range(3)))

    assert any(isinstance(each, TimeoutError) for each in impatient)
    assert {answer.status_code for answer in answers} == {200}
    assert {item["status"] for answer in answers for item in answer.json()} <= {
        "created",
        "unchanged",
    }
    assert await Player.all().count() == await Registration.all().count() == COUNT
    played = 0 if kind == "players" else COUNT
    assert await Activity.all().count() == await FirstDeposit.all().count() == played
    assert await Event.filter(type="player.first_deposited").count() == played


async def test_two_brands_use_the_same_user_and_event_ids_w3(
    client: httpx.AsyncClient, world: World, clock: ManualClock
) -> None:
    other = await make_world(clock)
    answers = []
    for each in (world, other):
        key = await make_brand_key(each.brand, BOX, clock)
        at = clock.now().isoformat()
        event = {"id": "e1", "user_id": "same", "occurred_at": at}
        sent = [
            event | {"type": "deposit", "tag": each.tag, "amount": str(each.brand.id)},
            event | {"id": "e2", "type": "sale", "amount": "5", "transaction_id": "T"},
            {"id": "e3", "type": "amend", "ref": "e1", "amount": str(each.brand.id + 10)},
            {"id": "e4", "type": "void", "ref": "e2"},
        ]
        answer = await post_signed(client, "/api/v1/events", key, {"events": sent})
        answers.append([item["status"] for item in answer.json()])
        foreign = sent[0] | {"id": "x", "user_id": "stranger", "tag": world.tag}
        if each is other:
            answer = await post_signed(client, "/api/v1/events", key, {"events": [foreign]})
            assert [item["error"] for item in answer.json()] == ["unknown_tag"]

    assert answers == [["created"] * 4] * 2
    assert await BrandEvent.filter(event_id="e1").count() == 2
    for each in (world, other):
        (fact,) = await Activity.filter(brand_id=each.brand.id, superseded_by=None)
        assert (fact.deposits_sum, fact.promo_id) == (each.brand.id + 10, each.promo.id)
