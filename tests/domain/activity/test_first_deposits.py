"""First deposits: the earliest by time; a late, earlier one moves it and leaves a correction (M05)."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.activity.record import record_activity
from app.domain.players.register import Status, register_players
from app.infra.clock import ManualClock
from app.models import Event, FactChange, FirstDeposit
from app.settings import Settings
from tests.factories import BOX, World, brand_scope, make_world

START = datetime(2026, 3, 8, 22, tzinfo=UTC)
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A programme with the players p1 and p2."""
    made = await make_world(clock)
    players = [made.player("p1"), made.player("p2")]
    await register_players(brand_scope(made.brand, clock), made.brand.id, players, box=BOX)
    return made


_minutes = itertools.count()


def item(at: datetime, amount: str, **fields: Any) -> dict[str, Any]:
    deposit = {"first_deposit_at": at.isoformat(), "first_deposit_sum": amount}
    return {"user_id": "p1", **deposit, **fields}


async def tell(world: World, *items: dict[str, Any]) -> list[Status]:
    """Report the items in an interval that no other report has."""
    scope, start = brand_scope(world.brand, world.clock), START + timedelta(minutes=next(_minutes))
    bounds = (start.isoformat(), (start + timedelta(minutes=1)).isoformat())
    results = await record_activity(scope, world.brand.id, *bounds, items)
    return [result.status for result in results]


async def holding() -> list[tuple[Any, ...]]:
    facts = await FirstDeposit.filter(superseded_by=None).order_by("player_id")
    return [(fact.occurred_at, fact.first_deposit_sum, fact.currency) for fact in facts]


async def test_the_first_deposit_is_a_fact_of_its_own_day(world: World, clock: ManualClock) -> None:
    await tell(world, item(datetime(2026, 3, 8, 22, 30, tzinfo=UTC), "20.00"))

    fact = await FirstDeposit.get()
    assert fact.business_day == date(2026, 3, 9)
    assert (fact.first_deposit_sum, fact.currency) == (20, "EUR")
    assert (fact.promo_id, fact.partner_id) == (world.promo.id, world.partner.id)


async def test_a_late_earlier_deposit_moves_the_first_deposit(world: World) -> None:
    await tell(world, item(NOON, "20.00"))

    await tell(world, item(NOON - timedelta(days=3), "5.00"))

    old, new = await FirstDeposit.all().order_by("id")
    assert old.superseded_by == new.recording_id
    assert await holding() == [(NOON - timedelta(days=3), 5, "EUR")]
    assert new.business_day == date(2026, 3, 6)


async def test_a_later_deposit_does_not_move_the_first_one(world: World) -> None:
    await tell(world, item(NOON, "20.00"))

    await tell(world, item(NOON + timedelta(seconds=1), "5.00"))

    assert await holding() == [(NOON, 20, "EUR")]
    assert await FirstDeposit.all().count() == 1


async def test_a_moved_first_deposit_leaves_a_change(world: World) -> None:
    await tell(world, item(NOON, "20.00"))

    await tell(world, item(NOON - timedelta(hours=1), "5.00"))

    old, new = await FirstDeposit.all().order_by("id")
    change = await FactChange.get()
    assert (change.fact, change.before_id, change.after_id) == ("first_deposits", old.id, new.id)
    assert change.delta["first_deposit_sum"] == ["20", "5"]
    assert change.delta["occurred_at"] == [
        NOON.isoformat(),
        (NOON - timedelta(hours=1)).isoformat(),
    ]


@pytest.mark.parametrize("correction", [{"amount": "21.00"}, {"currency": "RON"}], ids=str)
async def test_another_amount_or_currency_at_the_same_time_is_a_correction(
    world: World, correction: dict[str, str]
) -> None:
    await tell(world, item(NOON, "20.00"))

    amount, currency = correction.get("amount", "20.00"), correction.get("currency", "EUR")
    await tell(world, item(NOON, amount, currency=currency))

    assert await holding() == [(NOON, Decimal(amount), currency)]
    assert await FactChange.all().count() == 1


async def test_only_a_players_very_first_one_is_an_event_m38(world: World) -> None:
    await tell(world, item(NOON, "20.00"))
    await tell(world, item(NOON - timedelta(hours=1), "5.00"))
    await tell(world, item(NOON - timedelta(hours=1), "6.00"))

    events = await Event.filter(type="player.first_deposited")
    assert [event.data["amount"] for event in events] == ["20"]
    assert events[0].occurred_at == NOON


async def test_of_two_in_one_batch_the_earlier_counts(world: World) -> None:
    statuses = await tell(
        world,
        item(NOON, "20.00", currency="EUR"),
        item(NOON - timedelta(hours=1), "99.00", currency="RON"),
    )

    assert statuses == [Status.CREATED, Status.CREATED]
    assert await holding() == [(NOON - timedelta(hours=1), 99, "RON")]


async def test_each_player_has_its_own(world: World) -> None:
    await tell(world, item(NOON, "20.00"), item(NOON, "7.00", user_id="p2"))

    assert await holding() == [(NOON, 20, "EUR"), (NOON, 7, "EUR")]


async def test_a_first_deposit_that_comes_later_updates_a_known_interval(world: World) -> None:
    scope = brand_scope(world.brand, world.clock)
    bounds = (START.isoformat(), (START + timedelta(days=1)).isoformat())
    known = {"user_id": "p1", "deposits_count": 1, "deposits_sum": "20.00"}
    told = known | item(NOON, "20.00")

    statuses = [
        (await record_activity(scope, world.brand.id, *bounds, [each]))[0].status
        for each in (known, told, told)
    ]

    assert statuses == [Status.CREATED, Status.UPDATED, Status.UNCHANGED]


async def test_reports_that_race_leave_the_earliest(world: World) -> None:
    hours = [5, 1, 8, 3, 7, 2, 6, 4]

    await asyncio.gather(
        *(tell(world, item(NOON - timedelta(hours=hour), f"{hour}.00")) for hour in hours)
    )

    assert await holding() == [(NOON - timedelta(hours=8), 8, "EUR")]
    assert await Event.filter(type="player.first_deposited").count() == 1
