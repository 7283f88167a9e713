"""Operators see what brands send and what counts of it, choose what counts, and enter data by hand (W3, O21)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.operator_intake import MOST_ITEMS
from app.domain.permissions import StaffRole
from app.infra.clock import ManualClock
from app.models import Activity, Conversion, Event, Player
from app.schema.ids import encode_id
from tests.factories import (
    World,
    email_of,
    graphql,
    make_brand,
    make_operator,
    make_world,
    sign_in,
)

SETTINGS = """
{ brandSettings(first: 5) { nodes { id metricSources {
    metric source activityAt eventsAt reporting choices { source fromDay } } } } }
"""
SET_SOURCE = """
mutation($input: SetMetricSourceInput!) { setMetricSource(input: $input) {
    settings { metricSources { metric source choices { source fromDay } } }
    userErrors { code field message } } }
"""
SEND_PLAYERS = """
mutation($input: SendPlayersInput!) { sendPlayers(input: $input) {
    results { userId stag promoId status error message } userErrors { code field message } } }
"""
SEND_ACTIVITY = """
mutation($input: SendActivityInput!) { sendActivity(input: $input) {
    results { userId status error message } userErrors { code field message } } }
"""
SEND_EVENTS = """
mutation($input: SendEventsInput!) { sendEvents(input: $input) {
    results { eventId status counted error message stored } userErrors { code field message } } }
"""


class Desk:
    """An operator at the admin schema."""

    def __init__(self, client: httpx.AsyncClient, world: World, token: str) -> None:
        self.client, self.world, self.token = client, world, token
        self.brand_id = str(encode_id("Brand", world.brand.id))

    async def ask(self, document: str, values: dict[str, Any] | None = None) -> Any:
        """The one root field of an operation that is about the brand."""
        variables = {"input": {"brandId": self.brand_id} | values} if values is not None else {}
        answer = await graphql(
            self.client, document, variables, token=self.token, endpoint="/admin/graphql"
        )
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        return found

    async def source(self, metric: str) -> Any:
        """What counts for a metric."""
        (settings,) = (await self.ask(SETTINGS))["nodes"]
        (found,) = [each for each in settings["metricSources"] if each["metric"] == metric]
        return found

    async def tell(self, *items: Any) -> list[Any]:
        """Enter events."""
        return list((await self.ask(SEND_EVENTS, {"events": list(items)}))["results"])


async def open_desk(
    client: httpx.AsyncClient,
    world: World,
    role: StaffRole = StaffRole.AFFILIATE_MANAGER,
    **columns: Any,
) -> Desk:
    """A desk of a new operator with that role."""
    operator = await make_operator(world.clock, role=role, **columns)
    token = await sign_in(client, await email_of(operator), endpoint="/admin/graphql")
    return Desk(client, world, token)


@pytest.fixture
async def world(client: httpx.AsyncClient, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
async def desk(client: httpx.AsyncClient, world: World) -> Desk:
    return await open_desk(client, world)


def deposit(world: World, name: str, **fields: Any) -> dict[str, Any]:
    """A deposit of p1, as operators enter it."""
    at = world.clock.now().isoformat()
    made = {"id": name, "type": "DEPOSIT", "userId": "p1", "amount": "7", "occurredAt": at}
    return made | fields


async def test_w3_operators_see_that_a_metric_is_reported_and_does_not_count_and_choose(
    desk: Desk, world: World
) -> None:
    bets = {"userId": "p1", "tag": world.tag, "casinoBetsCount": 1}
    start = world.clock.now() - timedelta(hours=1)
    hour = {"from": start.isoformat(), "to": world.clock.now().isoformat()}
    await desk.ask(SEND_ACTIVITY, hour | {"items": [bets]})
    (result,) = await desk.tell(deposit(world, "d1"))
    assert (result["status"], result["counted"]) == ("CREATED", False)
    assert (await desk.source("DEPOSITS_SUM"))["reporting"] == "NOT_COUNTED"

    answer = await desk.ask(SET_SOURCE, {"source": "EVENTS", "metrics": ["DEPOSITS_SUM"]})

    assert answer["userErrors"] == []
    found = await desk.source("DEPOSITS_SUM")
    assert (found["source"], found["choices"]) == (
        "ACTIVITY",
        [{"source": "EVENTS", "fromDay": "2026-03-11"}],
    )
    world.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    assert (await desk.source("DEPOSITS_SUM"))["source"] == "EVENTS"
    (again,) = await desk.tell(deposit(world, "d2"))
    assert again["counted"] is True


async def test_w3_a_day_that_was_reported_is_refused_by_name(desk: Desk, world: World) -> None:
    await desk.tell(deposit(world, "d1", tag=world.tag))

    values = {"source": "ACTIVITY", "fromDay": "2026-03-10"}
    (error,) = (await desk.ask(SET_SOURCE, values))["userErrors"]

    assert (error["code"], error["field"]) == ("CONFLICT", ["fromDay"])
    assert (await desk.source("DEPOSITS_SUM"))["choices"] == [{"source": "EVENTS", "fromDay": None}]


async def test_o21_an_operator_enters_players_activity_and_events_in_its_own_name(
    desk: Desk, world: World
) -> None:
    now = world.clock.now()
    item = {"userId": "p1", "tag": world.tag, "signUpAt": now.isoformat(), "duplicate": True}
    refused = {"userId": "p2", "tag": "1_1", "signUpAt": now.isoformat()}
    played = {"userId": "p1", "depositsSum": "12.50", "depositsCount": 2, "revision": 1}
    hour = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    sale = {
        "id": "s1",
        "type": "SALE",
        "userId": "p1",
        "transactionId": "T-1",
        "amount": "80",
        "occurredAt": now.isoformat(),
    }

    players = await desk.ask(SEND_PLAYERS, {"players": [item, refused]})
    activity = await desk.ask(
        SEND_ACTIVITY, {**hour, "items": [played], "completeThrough": now.isoformat()}
    )
    events = await desk.tell(sale)
    again = await desk.tell(sale | {"amount": "81"})

    assert [each["status"] for each in players["results"]] == ["CREATED", "REJECTED"]
    assert players["results"][0]["promoId"] == encode_id("Promo", world.promo.id)
    assert players["results"][1]["error"] == "unknown_tag"
    assert [each["status"] for each in activity["results"]] == ["CREATED"]
    assert [each["status"] for each in events] == ["CREATED"]
    assert (again[0]["error"], again[0]["stored"]["amount"]) == ("conflict", "80")
    fact = await Activity.get()
    assert (fact.deposits_sum, fact.deposits_count, fact.revision) == (12.5, 2, 1)
    assert (await Conversion.get()).transaction_id == "T-1"
    made = ("player.registered", "player.flagged", "player.deposited", "sale.recorded")
    actors = {row.actor_type for row in await Event.filter(type__in=made)}
    assert (await Event.filter(type__in=made).count(), actors) == (4, {"operator_user"})
    assert (await Event.get(type="brand.completed")).actor_type == "operator_user"


async def test_o21_data_of_a_sandbox_brand_is_entered_on_its_own_clock(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    ahead = timedelta(days=2)
    world = await make_world(clock, clock_offset=ahead)
    desk = await open_desk(client, world)
    at = (clock.now() + ahead).isoformat()

    (result,) = (
        await desk.ask(
            SEND_PLAYERS, {"players": [{"userId": "p1", "tag": world.tag, "signUpAt": at}]}
        )
    )["results"]

    assert result["status"] == "CREATED"
    assert (await Event.get(type="player.registered")).occurred_at == clock.now() + ahead


async def test_o21_an_advertiser_enters_data_of_its_own_brands_only(
    client: httpx.AsyncClient, world: World, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    desk = await open_desk(client, world, StaffRole.ADVERTISER, brand_ids=(other.id,))
    now = clock.now().isoformat()
    player = {"userId": "p1", "tag": world.tag, "signUpAt": now}

    (error,) = (await desk.ask(SEND_PLAYERS, {"players": [player]}))["userErrors"]
    (second,) = (await desk.ask(SEND_EVENTS, {"events": [deposit(world, "d1")]}))["userErrors"]

    assert error["code"] == second["code"] == "NOT_FOUND"
    assert await Player.all().count() == 0


async def test_o21_more_items_than_a_transaction_takes_are_refused_with_the_limit(
    desk: Desk, world: World
) -> None:
    items = [{"id": f"v{n}", "type": "VOID", "ref": "x"} for n in range(MOST_ITEMS + 1)]

    (error,) = (await desk.ask(SEND_EVENTS, {"events": items}))["userErrors"]

    assert error["field"] == ["events"]
    assert "1000" in error["message"]


async def test_w3_operators_list_held_items_and_flags(desk: Desk, world: World) -> None:
    await desk.ask(
        SEND_PLAYERS,
        {
            "players": [
                {
                    "userId": "p1",
                    "tag": world.tag,
                    "signUpAt": world.clock.now().isoformat(),
                    "disabled": True,
                }
            ]
        },
    )
    on_its_way = f"{world.promo.id}_{world.visit_id + 1}"
    await desk.tell(deposit(world, "d1", userId="p2", tag=on_its_way))
    flagged = await desk.tell(
        {
            "id": "f1",
            "type": "FLAG",
            "userId": "p1",
            "flag": "FRAUD",
            "occurredAt": world.clock.now().isoformat(),
        }
    )
    assert flagged[0]["status"] == "CREATED"

    held = await desk.ask(
        "{ heldItems(first: 5, filter: {state: HELD}) { nodes { door userId visitId content } } }"
    )
    player = await Player.get()
    chosen = f'filter: {{playerId: "{encode_id("Player", player.id)}"}}'
    flags = await desk.ask(
        f"{{ playerFlags(first: 5, {chosen}) {{ nodes {{ flag raised player {{ userId }} }} }} }}"
    )

    (item,) = held["nodes"]
    assert (item["door"], item["userId"]) == ("EVENTS", "p2")
    assert item["visitId"] == str(world.visit_id + 1)
    assert item["content"]["amount"] == "7"
    assert sorted(each["flag"] for each in flags["nodes"]) == ["DISABLED", "FRAUD"]
    assert {each["player"]["userId"] for each in flags["nodes"]} == {"p1"}
