"""Voids, amendments and refunds: what they do to facts, and what they may not do (W3)."""

from __future__ import annotations

from typing import Any

import pytest

from app.infra.clock import ManualClock
from app.models import Activity, BrandEvent, Conversion, Event
from tests.domain.brand_events.sending import (
    ago,
    event,
    holding_activity,
    holding_sales,
    said,
    sale,
    send,
    totals,
)
from tests.factories import World, make_coupon, make_promo

# Voids and amendments


async def test_a_void_takes_the_fact_back_and_leaves_a_change(world: World) -> None:
    await send(world, event(world, "d1", "deposit", amount="10"))

    results = await send(world, event(world, "v1", "void", ref="d1"))

    assert said(*results) == ["created"]
    assert await holding_activity("deposits_sum") == []
    assert "deposits_sum" not in await totals(world)
    voided = await Event.get(type="deposit.voided")
    assert voided.data["event_id"] == "d1"


async def test_a_void_in_the_same_batch_works_and_leaves_no_fact(world: World) -> None:
    results = await send(
        world,
        event(world, "d1", "deposit", amount="10"),
        event(world, "v1", "void", ref="d1"),
        event(world, "v2", "void", ref="d1"),
    )

    assert said(*results) == ["created", "created", "unchanged"]
    assert await Activity.all().count() == 0
    assert await Event.filter(type="player.deposited").count() == 0


@pytest.mark.parametrize("together", [True, False])
async def test_a_voided_sale_may_be_told_again_with_its_transaction(
    world: World, together: bool
) -> None:
    items = [
        sale(world, "s1", transaction_id="T1"),
        event(world, "v1", "void", ref="s1"),
        sale(world, "s2", transaction_id="T1", amount="40.00"),
        sale(world, "s3", transaction_id="T1"),
    ]

    if together:
        results = await send(world, *items)
    else:
        results = [result for item in items for result in await send(world, item)]

    assert said(*results) == ["created", "created", "created", "conflict"]
    assert await holding_sales() == [("sale", "T1", 40)]


@pytest.mark.parametrize("type_", ["void", "amend", "refund"])
async def test_what_names_another_player_than_its_event_is_refused(
    world: World, type_: str
) -> None:
    await send(world, sale(world, user_id="p1"))

    (result,) = await send(world, event(world, "c1", type_, ref="s1", amount="1", user_id="p2"))

    assert said(result) == ["invalid"]
    assert "another player" in (result.message or "")


@pytest.mark.parametrize("amount", ["10", "10.0", "10.00"])
async def test_a_repeated_refund_is_unchanged_however_its_amount_is_written(
    world: World, amount: str
) -> None:
    await send(world, sale(world), event(world, "f1", "refund", ref="s1", amount="10.00"))

    (result,) = await send(world, event(world, "f1", "refund", ref="s1", amount=amount))

    assert said(result) == ["unchanged"]


async def test_what_is_left_to_refund_is_told_in_the_decimals_of_the_currency(
    world: World,
) -> None:
    await send(world, sale(world))

    (result,) = await send(world, event(world, "f1", "refund", ref="s1", amount="50.01"))

    assert result.message == "only 50.00 EUR are left to refund: refund at most that"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_numbered_amendments_of_the_currency_hold_in_any_order_w3(
    world: World, order: tuple[int, int]
) -> None:
    """Each says all that differs from the event as it was sent, so the second one takes the currency back."""
    await send(world, event(world, "d1", "deposit", amount="10"))
    amendments = {
        1: {"revision": 1, "amount": "20", "currency": "RON"},
        2: {"revision": 2, "occurred_at": ago(world, days=1)},
    }

    for number in order:
        await send(world, {"id": f"a{number}", "type": "amend", "ref": "d1"} | amendments[number])

    (fact,) = await Activity.filter(superseded_by=None)
    assert (fact.deposits_sum, fact.currency) == (10, "EUR")
    assert fact.occurred_at.isoformat() == ago(world, days=1)


async def test_an_amendment_replaces_amount_and_time(world: World) -> None:
    await send(world, event(world, "d1", "deposit", amount="10"))
    yesterday = ago(world, days=1)

    await send(
        world, {"id": "a1", "type": "amend", "ref": "d1", "amount": "12", "occurred_at": yesterday}
    )

    (fact,) = await Activity.filter(superseded_by=None)
    assert (fact.deposits_sum, fact.occurred_at.isoformat()) == (12, yesterday)
    assert (await totals(world))["deposits_count"] == 1


async def test_numbered_amendments_leave_the_highest_in_any_order_w3(world: World) -> None:
    await send(world, event(world, "d1", "deposit", amount="10"))

    def amend(number: int) -> dict[str, Any]:
        return {"id": f"a{number}", "type": "amend", "ref": "d1", "revision": number} | {
            "amount": f"{number}"
        }

    results = await send(
        world, amend(2), amend(5), amend(3), amend(5) | {"id": "a6", "amount": "9"}
    )

    assert said(*results) == ["created", "created", "stale", "conflict"]
    assert await holding_activity("deposits_sum") == [(5,)]


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ({"type": "void", "ref": "unknown"}, "unknown_ref"),
        ({"type": "void"}, "invalid"),
        ({"type": "void", "ref": "r1"}, "invalid"),
        ({"type": "void", "ref": "f1"}, "invalid"),
        ({"type": "void", "ref": "v0"}, "invalid"),
        ({"type": "amend", "ref": "d1"}, "invalid"),
        ({"type": "amend", "ref": "d0", "amount": "1"}, "voided"),
        (
            {
                "type": "amend",
                "ref": "d1",
                "currency": "RON",
                "occurred_at": "2026-03-10T01:00:00Z",
            },
            "invalid",
        ),
        ({"type": "amend", "ref": "d1", "amount": "-1"}, "invalid"),
        ({"type": "amend", "ref": "d1", "amount": {"a": "\ud800"}}, "invalid"),
        ({"type": "refund", "ref": "d1", "occurred_at": "2026-03-10T01:00:00Z"}, "invalid"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
async def test_what_cannot_be_corrected_says_why(
    world: World, item: dict[str, Any], error: str
) -> None:
    await send(
        world,
        event(world, "r1", "registration"),
        event(world, "d1", "deposit", amount="10"),
        event(world, "d0", "deposit", amount="10"),
        event(world, "v0", "void", ref="d0"),
        event(world, "f1", "flag", flag="fraud"),
    )

    (result,) = await send(world, {"id": "x"} | item)

    assert said(result) == [error]
    assert result.message
    assert not await BrandEvent.filter(event_id="x").exists()


@pytest.mark.parametrize(
    ("type_", "instead"),
    [
        ("deposit", "a chargeback"),
        ("cashout", "a withdrawal that did not happen is voided"),
        ("bet", "a bet that is taken back is voided"),
        ("win", "a win that is rolled back is voided"),
        ("bonus", "a bonus that is taken back is voided"),
        ("chargeback", "what is taken back is voided"),
    ],
)
async def test_an_amount_below_0_is_refused_and_says_what_to_send_instead_w3(
    world: World, type_: str, instead: str
) -> None:
    item = event(world, "x1", type_, amount="5")
    (negative, _, amended) = await send(
        world,
        event(world, "x0", type_, amount="-5"),
        item,
        {"id": "x2", "type": "amend", "ref": "x1", "amount": "-1"},
    )

    assert said(negative, amended) == ["invalid", "invalid"]
    for message in (negative.message or "", amended.message or ""):
        assert message.startswith("amount is less than 0: ")
        assert instead in message
        assert "amend" in message


# Refunds


async def test_a_refund_of_nothing_or_less_is_refused_and_says_what_to_send(world: World) -> None:
    results = await send(
        world,
        sale(world),
        event(world, "f1", "refund", ref="s1", amount="0"),
        event(world, "f2", "refund", ref="s1", amount="-1"),
    )

    assert said(*results) == ["created", "invalid", "invalid"]
    assert "all that is left" in (results[1].message or "")
    assert "a refund that is taken back is voided" in (results[2].message or "")


async def test_refunds_add_up_to_the_sale_at_most_m19(world: World) -> None:
    await send(world, sale(world))

    def refund(name: str, **fields: Any) -> dict[str, Any]:
        return event(world, name, "refund", ref="s1", **fields)

    results = await send(
        world,
        refund("f1", amount="20.00"),
        refund("f2", amount="30.01"),
        refund("f3", currency="RON"),
        refund("f4"),
        refund("f5", amount="0.01"),
        refund("f6"),
    )

    assert said(*results) == ["created", "exceeds", "invalid", "created", "exceeds", "exceeds"]
    found = await totals(world)
    assert (found["refunds_count"], found["refunds_sum"]) == (2, {"EUR": 50})
    assert found["sales_sum"] == {"EUR": 50}
    facts = await Conversion.filter(kind="refund")
    assert {(fact.promo_id, fact.transaction_id) for fact in facts} == {(world.promo.id, "s1")}


async def test_a_voided_refund_can_be_given_again(world: World) -> None:
    await send(world, sale(world), event(world, "f1", "refund", ref="s1"))

    results = await send(
        world,
        event(world, "v1", "void", ref="f1"),
        event(world, "f2", "refund", ref="s1", amount="50"),
    )

    assert said(*results) == ["created", "created"]
    assert (await totals(world))["refunds_sum"] == {"EUR": 50}


async def test_a_sale_with_refunds_is_neither_voided_nor_made_smaller_than_they_are(
    world: World,
) -> None:
    await send(world, sale(world), event(world, "f1", "refund", ref="s1", amount="20"))

    results = await send(
        world,
        event(world, "v1", "void", ref="s1"),
        {"id": "a1", "type": "amend", "ref": "s1", "amount": "19.99"},
        {"id": "a2", "type": "amend", "ref": "f1", "amount": "50.01"},
        {"id": "a3", "type": "amend", "ref": "s1", "amount": "20"},
    )

    assert said(*results) == ["has_refunds", "exceeds", "exceeds", "created"]


async def test_an_amended_sale_keeps_its_attribution(world: World) -> None:
    await send(world, sale(world, description="Lamp"))

    await send(world, {"id": "a1", "type": "amend", "ref": "s1", "amount": "60"})

    (fact,) = await Conversion.filter(superseded_by=None)
    assert (fact.amount, fact.visit_id, fact.description) == (60, world.visit_id, "Lamp")


async def test_an_amended_sale_keeps_what_lost_m02(world: World, clock: ManualClock) -> None:
    _, rival = await make_promo(world.partner, world.brand, clock, "Rival")
    await make_coupon(rival, clock)
    await send(world, sale(world, coupon="SPRING"))

    await send(world, {"id": "a1", "type": "amend", "ref": "s1", "amount": "60"})

    before, after = await Conversion.all().order_by("id")
    assert before.losing_candidates
    assert after.losing_candidates == before.losing_candidates
