"""Sales and leads: idempotent by transaction, each attributed on its own (M03)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.conversions.record import ConversionResult, record_conversions
from app.domain.intake import CHUNK
from app.domain.players.register import Status
from app.infra.clock import ManualClock
from app.models import Conversion, Event, Recording
from app.settings import Settings
from tests.domain import hostile
from tests.factories import World, brand_scope, make_promo, make_visits, make_world


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


def sale(world: World, transaction_id: str = "t1", **fields: Any) -> dict[str, Any]:
    return {
        "type": "sale",
        "transaction_id": transaction_id,
        "tag": world.tag,
        "occurred_at": world.clock.now().isoformat(),
        "amount": "12.50",
        **fields,
    }


async def convert(world: World, *items: Any) -> list[ConversionResult]:
    scope = brand_scope(world.brand, world.clock)
    return await record_conversions(scope, world.brand.id, list(items))


def said(results: list[ConversionResult]) -> list[str | None]:
    return [r.error if r.status is Status.REJECTED else r.status for r in results]


async def test_a_sale_is_a_fact_with_the_attribution_of_its_visit_m03(
    world: World, clock: ManualClock
) -> None:
    clock.at = clock.at.replace(hour=23)

    assert said(await convert(world, sale(world, description="Lamp"))) == ["created"]

    fact = await Conversion.get()
    assert (fact.kind, fact.transaction_id, fact.amount) == ("sale", "t1", Decimal("12.50"))
    assert (fact.promo_id, fact.partner_id) == (world.promo.id, world.partner.id)
    assert (fact.campaign_id, fact.plan_id) == (world.campaign.id, world.campaign.plan_id)
    assert (fact.currency, fact.description, fact.player_id) == ("EUR", "Lamp", None)
    assert (fact.business_day - clock.at.date()).days == 1


async def test_a_lead_needs_no_amount_a_sale_does(world: World) -> None:
    results = await convert(
        world, sale(world, "l1", type="lead", amount=None), sale(world, "s1", amount=None)
    )

    assert said(results) == ["created", "invalid"]
    assert (await Conversion.get()).amount == 0


async def test_sales_and_leads_are_events_with_their_amounts(world: World) -> None:
    await convert(world, sale(world), sale(world, type="lead", amount="3"))

    events = await Event.filter(subject_type="conversion").order_by("n")
    assert [(event.type, event.data["amount"]) for event in events] == [
        ("sale.recorded", "12.5"),
        ("lead.recorded", "3"),
    ]
    assert events[0].data["transaction_id"] == "t1"


async def test_repeating_a_batch_changes_nothing(world: World) -> None:
    items = [sale(world, f"t{n}") for n in range(3)]
    await convert(world, *items)
    recordings = await Recording.all().count()

    assert said(await convert(world, *items)) == ["unchanged"] * 3
    assert await Conversion.all().count() == 3
    assert await Recording.all().count() == recordings


@pytest.mark.parametrize(
    "change", [{"amount": "12.51"}, {"currency": "RON"}, {"occurred_at": "2026-03-10T11:00:00Z"}]
)
async def test_the_same_transaction_with_other_content_is_a_conflict(
    world: World, change: dict[str, str]
) -> None:
    await convert(world, sale(world))

    assert said(await convert(world, sale(world, **change))) == ["conflict"]
    assert (await Conversion.get()).amount == Decimal("12.50")


async def test_a_sale_and_a_lead_may_share_a_transaction_id(world: World) -> None:
    results = await convert(world, sale(world), sale(world, type="lead"))

    assert said(results) == ["created", "created"]


async def test_a_transaction_twice_in_a_batch_is_stored_once(world: World) -> None:
    results = await convert(world, sale(world), sale(world), sale(world, amount="1"))

    assert said(results) == ["created", "unchanged", "conflict"]
    assert await Conversion.all().count() == 1


async def test_the_tag_must_name_a_visit_of_the_brand_and_its_promo(
    world: World, clock: ManualClock
) -> None:
    other = await make_world(clock)
    _, promo = await make_promo(world.partner, world.brand, clock)

    results = await convert(
        world,
        sale(world, "a", tag=other.tag),
        sale(world, "b", tag=f"{promo.id}_{world.visit_id}"),
        sale(world, "c", tag=f"{world.promo.id}_{world.visit_id + 1}"),
    )

    assert said(results) == ["unknown_tag"] * 3


async def test_each_sale_is_attributed_on_its_own_m03(world: World, clock: ManualClock) -> None:
    _, promo = await make_promo(world.partner, world.brand, clock)
    (visit_id,) = await make_visits(promo, clock)

    await convert(world, sale(world, "a"), sale(world, "b", tag=f"{promo.id}_{visit_id}"))

    facts = await Conversion.all().order_by("transaction_id")
    assert [fact.promo_id for fact in facts] == [world.promo.id, promo.id]


async def test_the_window_of_the_visit_ends_the_attribution_m01(
    world: World, clock: ManualClock
) -> None:
    ends = clock.at + timedelta(days=world.brand.cookie_days)
    late = ends + timedelta(microseconds=1)
    clock.advance(timedelta(days=60))

    results = await convert(
        world,
        sale(world, "a", occurred_at=ends.isoformat()),
        sale(world, "b", occurred_at=late.isoformat()),
    )

    assert said(results) == ["created", "window_ended"]


BAD: list[dict[str, Any]] = [
    {"transaction_id": None},
    {"transaction_id": "\x00"},
    {"transaction_id": "x" * 201},
    {"type": "refund"},
    {"type": None},
    {"tag": None},
    {"tag": "rubbish"},
    {"occurred_at": None},
    {"occurred_at": "2036-03-10T12:00:00Z"},
    {"occurred_at": "0001-01-01T00:00:00Z"},
    {"amount": 12.5},
    {"amount": Decimal("12.5")},
    {"amount": "12.555"},
    {"amount_cents": 5},
    {"amount": "-0.01"},
    {"amount": None, "amount_cents": -1},
    {"type": "lead", "amount": "-0.01"},
    {"amount": "1000000000000000.01"},
    {"currency": "XXX"},
    {"description": "x" * 501},
    {"description": "\ud800"},
]


async def test_a_bad_field_refuses_its_item_by_name_and_no_other(world: World) -> None:
    bad = [sale(world, **({"transaction_id": f"bad {n}"} | change)) for n, change in enumerate(BAD)]

    *results, last = await convert(world, *bad, sale(world, "good"))

    assert said([last]) == ["created"]
    for result, change in zip(results, BAD, strict=True):
        assert said([result]) == ["invalid"], change
        assert any(name in (result.message or "") for name in change), result.message
    assert await Conversion.all().count() == 1


names = (
    *("type", "transaction_id", "tag", "occurred_at", "amount", "amount_cents", "currency"),
    "description",
)


@given(items=st.lists(hostile.items(*names), max_size=5))
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_sent_gets_one_result_for_each_item(
    world: World, items: list[Any]
) -> None:
    merged = [sale(world) | item if isinstance(item, dict) else item for item in items]

    results = await convert(world, *merged)

    assert len(results) == len(items)
    assert all(result.message for result in results if result.status is Status.REJECTED)


async def test_the_same_batch_from_many_connections_is_stored_once(world: World) -> None:
    items = [sale(world, f"t{n}") for n in range(10)]

    answers = await asyncio.gather(*(convert(world, *items) for _ in range(8)))

    for n in range(10):
        assert sorted(answer[n].status for answer in answers) == ["created", *["unchanged"] * 7]
    assert await Conversion.all().count() == 10


async def test_two_brands_may_use_the_same_transaction_ids(
    world: World, clock: ManualClock
) -> None:
    other = await make_world(clock)

    assert said(await convert(world, sale(world))) == ["created"]
    assert said(await convert(other, sale(other))) == ["created"]


async def test_a_batch_of_several_transactions_answers_in_order(world: World) -> None:
    items = [sale(world, f"t{n}") for n in range(CHUNK + 3)]
    items[5] = {}

    results = await convert(world, *items)

    assert [n for n, status in enumerate(said(results)) if status != "created"] == [5]
