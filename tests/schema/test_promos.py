"""A07: what a promo shows besides itself; fifty of them cost the statements of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.domain.events import place_recordings
from app.domain.rollups.fold import fold
from app.domain.rollups.tables import DAILY
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Postback, Promo
from app.schema.ids import encode_id
from app.settings import Settings
from tests.conftest import NOW, serving
from tests.factories import World, make_partner_user, make_visits, make_world
from tests.schema.programme import ask, codes, open_session
from tests.schema.statements import statements

PROMOS = """
query($first: Int!, $from: Date!, $to: Date!) {
  promos(first: $first, orderBy: OLDEST) {
    nodes {
      id
      numbers(from: $from, to: $to) { visitsCount uniqueVisitsCount registrationsCount firstDepositsCount
        depositsSum { amount currency } registrationsConversionRate }
      postbacks { id url }
    }
  }
}
"""
DAY = {"from": "2026-03-10", "to": "2026-03-10"}


@pytest.fixture
async def client(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with one connection, which learns PostgreSQL's types only once."""
    async with serving(settings.model_copy(update={"database_pool_max": 1}), clock) as http:
        yield http


@pytest.fixture
async def world(client: httpx.AsyncClient, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
async def token(world: World, clock: ManualClock) -> str:
    return await open_session(await make_partner_user(world.partner, clock), clock)


async def _promos(client: httpx.AsyncClient, token: str, **variables: Any) -> list[dict[str, Any]]:
    answer = await ask(client, "partner", PROMOS, token, {"first": 100, **DAY, **variables})
    assert "errors" not in answer, answer
    nodes: list[dict[str, Any]] = answer["data"]["promos"]["nodes"]
    return nodes


async def _more_promos(world: World, count: int) -> list[Promo]:
    made = []
    for number in range(count):
        promo = await Promo.create(
            campaign=world.campaign,
            partner=world.partner,
            brand=world.brand,
            landing_id=world.promo.landing_id,
            code=f"more{number}",
            title="More",
            created_at=NOW,
        )
        await Postback.create(
            partner=world.partner,
            promo=promo,
            action="any",
            url=f"https://tracker.example/{number}",
            created_at=NOW,
        )
        made.append(promo)
    return made


async def test_a07_each_promo_shows_its_own_numbers_and_postbacks(
    client: httpx.AsyncClient, world: World, token: str, clock: ManualClock
) -> None:
    first, second = await _more_promos(world, 2)
    await make_visits(second, clock, 3)
    nodes = {node["id"]: node for node in await _promos(client, token)}
    counts = {key: node["numbers"]["visitsCount"] for key, node in nodes.items()}
    assert counts == {
        encode_id("Promo", world.promo.id): 1,
        encode_id("Promo", first.id): 0,
        encode_id("Promo", second.id): 3,
    }
    empty = nodes[encode_id("Promo", first.id)]["numbers"]
    assert (empty["depositsSum"], empty["registrationsConversionRate"]) == ([], None)
    urls = [node["postbacks"] for node in nodes.values()]
    assert [[item["url"][-1] for item in items] for items in urls] == [[], ["0"], ["1"]]


async def test_a07_the_numbers_are_those_of_the_period(
    client: httpx.AsyncClient, world: World, token: str
) -> None:
    (node,) = await _promos(client, token, **{"from": "2026-03-08", "to": "2026-03-09"})
    assert node["numbers"]["visitsCount"] == 0


async def test_a07_the_numbers_are_the_same_before_and_after_folding(
    client: httpx.AsyncClient, world: World, token: str, system: Scope
) -> None:
    before = await _promos(client, token)
    while await place_recordings(system):
        continue
    while await fold(system, DAILY):
        continue
    assert await _promos(client, token) == before


async def test_g24_the_numbers_and_postbacks_of_fifty_promos_take_the_statements_of_one(
    client: httpx.AsyncClient, world: World, token: str
) -> None:
    await _more_promos(world, 49)
    counts = []
    for first in (1, 1, 50):
        async with statements() as sent:
            assert len(await _promos(client, token, first=first)) == first
        counts.append(len(sent))
    assert counts[1] == counts[2]


async def test_a07_a_period_that_ends_before_it_starts_is_refused(
    client: httpx.AsyncClient, world: World, token: str
) -> None:
    variables = {"first": 1, "from": "2026-03-10", "to": "2026-03-09"}
    answer = await ask(client, "partner", PROMOS, token, variables)
    assert codes(answer) == ["INVALID"]


async def test_a13_deleted_postbacks_are_not_listed(
    client: httpx.AsyncClient, world: World, token: str
) -> None:
    await _more_promos(world, 1)
    await Postback.all().update(state="deleted")
    assert all(node["postbacks"] == [] for node in await _promos(client, token))
    answer = await ask(client, "partner", "{ postbacks(first: 5) { totalCount } }", token)
    assert answer["data"]["postbacks"]["totalCount"] == 0
