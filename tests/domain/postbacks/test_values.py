"""The values of variables (A14)."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.conversions.record import record_conversions
from app.domain.events import Subject, place_recordings, read_log, record
from app.domain.players.register import register_players
from app.domain.postbacks.actions import ACTION_OF_EVENT
from app.domain.postbacks.matching import read_circumstances
from app.domain.postbacks.values import variables
from app.domain.postbacks.variables import BUILT_IN
from app.domain.scope import Scope
from app.domain.visits.destination import stag
from app.infra.clock import ManualClock
from app.infra.database import fetch, transaction
from app.models import Player
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import BOX, World, brand_scope, make_visits, make_world

DAY = {"start": "2026-03-10T00:00:00+02:00", "end": "2026-03-11T00:00:00+02:00"}


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def register(world: World, query: bytes = b"", **columns: Any) -> int:
    """A player of a new visit; returns the visit's id."""
    (visit_id,) = await make_visits(world.promo, world.clock, query=query, **columns)
    scope = brand_scope(world.brand, world.clock)
    player = world.player("p1", tag=stag(world.promo.id, visit_id))
    await register_players(scope, world.brand.id, [player], box=BOX)
    return visit_id


async def values_of(system: Scope, event_type: str) -> dict[str, str]:
    """The values of the last event of that type."""
    while await place_recordings(system):
        pass
    events, _ = await read_log(system, 0, 10_000)
    event = [event for event in events if event.type == event_type][-1]
    return variables(event, (await read_circumstances(fetch, [event]))[event.id])


async def test_a14_a_registration_has_the_values_of_its_promo_visit_and_player(
    world: World, system: Scope
) -> None:
    visit_id = await register(
        world, b"clickID=67890", device="mobile", language="ro-RO", country="RO"
    )

    values = await values_of(system, "player.registered")

    player = await Player.get()
    expected = {
        "promo_id": str(world.promo.id),
        "promo_code": world.promo.code,
        "campaign_id": str(world.campaign.id),
        "campaign_name": "Campaign",
        "brand_id": str(world.brand.id),
        "partner_id": str(world.partner.id),
        "visit_id": str(visit_id),
        "click_id": str(visit_id),
        "stag": f"{world.promo.id}_{visit_id}",
        "player_id": str(player.id),
        "user_id": str(player.id),
        "action": "registration",
        "currency": "EUR",
        "country": "RO",
        "device_type": "mobile",
        "language": "ro-RO",
        "occurred_at": NOW.isoformat(),
        "ip": "203.0.113.9",
        "clickID": "67890",
        "tag.clickID": "67890",
    }
    assert expected.items() <= values.items()
    assert set(values) - set(expected) == {"event_id"}


async def test_a14_the_brands_own_id_of_its_customer_is_not_given_away(
    world: World, system: Scope
) -> None:
    await register(world)

    assert "p1" not in (await values_of(system, "player.registered")).values()


async def test_a14_a_visit_id_without_a_value_on_the_link_is_none(
    world: World, system: Scope
) -> None:
    visit_id = await register(world, b"visit_id=&webID=7")

    values = await values_of(system, "player.registered")

    assert (values["visit_id"], values["click_id"]) == (str(visit_id), str(visit_id))


async def test_a14_the_links_own_visit_id_wins_and_click_id_stays_ours(
    world: World, system: Scope
) -> None:
    visit_id = await register(world, b"visit_id=theirs")

    values = await values_of(system, "player.registered")

    assert (values["visit_id"], values["click_id"]) == ("theirs", str(visit_id))


async def test_a14_a_link_parameter_with_a_built_in_name_is_reached_by_tag_only(
    world: World, system: Scope
) -> None:
    await register(world, b"amount=1000000&promo_id=7&click_id=9&tag.x=dotted&x=plain")

    values = await values_of(system, "player.registered")

    assert "amount" not in values
    assert values["promo_id"] == str(world.promo.id)
    assert (values["tag.amount"], values["tag.promo_id"], values["tag.click_id"]) == (
        "1000000",
        "7",
        "9",
    )
    assert (values["tag.x"], values["tag.tag.x"]) == ("plain", "dotted")


async def test_a14_deposits_have_amounts_in_units_and_in_cents(world: World, system: Scope) -> None:
    await register(world)
    item = {
        "user_id": "p1",
        "currency": "EUR",
        "deposits_count": 1,
        "deposits_sum": "30.5",
        "first_deposit_at": NOW.isoformat(),
        "first_deposit_sum": "25.50",
    }
    scope = brand_scope(world.brand, world.clock)
    await record_activity(scope, world.brand.id, DAY["start"], DAY["end"], [item])

    first = await values_of(system, "player.first_deposited")
    later = await values_of(system, "player.deposited")

    assert (first["amount"], first["amount_cents"], first["currency"]) == ("25.5", "2550", "EUR")
    assert first["first_deposit_amount"] == "25.5"
    assert (later["amount"], later["amount_cents"]) == ("30.5", "3050")
    assert later["first_deposit_amount"] == "25.5"


@pytest.mark.parametrize(
    ("currency", "amount", "cents"), [("JPY", "25", "25"), ("KWD", "1.5", "1500")]
)
async def test_a14_cents_are_the_smallest_unit_of_each_currency(
    world: World, system: Scope, currency: str, amount: str, cents: str
) -> None:
    item = {
        "type": "sale",
        "transaction_id": "T-1",
        "tag": world.tag,
        "occurred_at": NOW.isoformat(),
        "amount": amount,
        "currency": currency,
    }
    scope = brand_scope(world.brand, world.clock)
    await record_conversions(scope, world.brand.id, [item])

    values = await values_of(system, "sale.recorded")

    assert (values["amount"], values["amount_cents"]) == (amount, cents)
    assert (values["transaction_id"], values["action"]) == ("T-1", "sale")
    assert "player_id" not in values


async def test_a14_a_commission_has_its_own_amount_beside_that_of_the_sale(
    world: World, system: Scope
) -> None:
    """What computes commissions records such events."""
    async with transaction() as tx:
        await record(
            system,
            tx,
            "commission.accepted",
            Subject("commission", 4711),
            partner_id=world.partner.id,
            brand_id=world.brand.id,
            data={
                "promo_id": world.promo.id,
                "visit_id": world.visit_id,
                "amount": "100",
                "currency": "EUR",
                "commission_amount": "8.25",
                "commission_currency": "RON",
                "transaction_id": "T-1",
            },
        )

    values = await values_of(system, "commission.accepted")

    assert {
        "action": "commission_accepted",
        "commission_id": "4711",
        "commission_amount": "8.25",
        "commission_currency": "RON",
        "amount": "100",
        "transaction_id": "T-1",
    }.items() <= values.items()


async def test_a14_the_address_is_there_as_long_as_it_is_kept(world: World, system: Scope) -> None:
    await register(world)
    await fetch("TRUNCATE visit_addresses")

    assert "ip" not in await values_of(system, "player.registered")


async def test_a14_every_value_of_ours_is_a_variable_that_the_schema_lists(
    world: World, system: Scope
) -> None:
    await register(world)

    values = await values_of(system, "player.registered")

    assert {name for name in values if not name.startswith("tag.")} <= set(BUILT_IN)
    assert set(ACTION_OF_EVENT.values()) >= set().union(*(v.actions for v in BUILT_IN.values()))
