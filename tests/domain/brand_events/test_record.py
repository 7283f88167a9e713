"""Single events: each once by its id, counted where the brand's metrics count events (W3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.activity.record import record_activity
from app.domain.brand_events.read import FIELDS, METRICS, EventType
from app.domain.intake import CHUNK
from app.domain.players.register import Status
from app.infra.clock import ManualClock
from app.models import (
    Activity,
    BrandEvent,
    Conversion,
    Event,
    FirstDeposit,
    Player,
    Recording,
    Registration,
)
from app.settings import Settings
from tests.domain import hostile
from tests.domain.brand_events.sending import (
    ago,
    event,
    holding_activity,
    holding_first,
    holding_sales,
    make_event_world,
    said,
    sale,
    send,
    totals,
)
from tests.factories import (
    World,
    brand_scope,
    make_brand,
    make_partner,
    make_promo,
    make_visits,
    make_world,
)

# Once by id


async def test_a_repeated_event_is_unchanged_w3(world: World) -> None:
    items = [event(world, f"d{n}", "deposit", amount="10.00") for n in range(3)]
    assert said(*await send(world, *items)) == ["created"] * 3
    recordings = await Recording.all().count()

    assert said(*await send(world, *items)) == ["unchanged"] * 3
    assert await Recording.all().count() == recordings
    assert await Activity.all().count() == 3


async def test_the_same_content_in_another_writing_is_unchanged_w3(world: World) -> None:
    await send(world, event(world, "d1", "deposit", amount="10.50"))

    again = event(world, "d1", "deposit", amount_cents=1_050, currency="EUR", note="unread")
    again["occurred_at"] = world.clock.now().isoformat().replace("+00:00", "Z")

    assert said(*await send(world, again)) == ["unchanged"]


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "11"},
        {"currency": "RON"},
        {"occurred_at": "2026-03-10T11:00:00Z"},
        {"user_id": "p2"},
        {"type": "cashout"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_other_content_is_a_conflict_that_shows_what_is_stored_w3(
    world: World, change: dict[str, str]
) -> None:
    await send(world, event(world, "d1", "deposit", amount="10.00"))

    (result,) = await send(world, event(world, "d1", "deposit", amount="10.00") | change)

    assert said(result) == ["conflict"]
    assert result.stored is not None
    assert (result.stored["id"], result.stored["amount"]) == ("d1", "10")
    assert "amend or void" in (result.message or "")
    assert await holding_activity("deposits_count", "deposits_sum") == [(1, 10)]


async def test_one_batch_may_hold_an_event_twice(world: World) -> None:
    item = event(world, "d1", "deposit", amount="1")

    assert said(*await send(world, item, item, item | {"amount": "2"})) == [
        "created",
        "unchanged",
        "conflict",
    ]
    assert await BrandEvent.all().count() == 1


async def test_two_brands_may_use_the_same_ids_of_events_and_users(
    world: World, clock: ManualClock
) -> None:
    other = await make_event_world(clock, "p1")

    for each, amount in ((world, "1"), (other, "2")):
        assert said(*await send(each, event(each, "d1", "deposit", amount=amount))) == ["created"]

    facts = await Activity.all()
    assert {fact.brand_id: fact.deposits_sum for fact in facts} == {
        world.brand.id: 1,
        other.brand.id: 2,
    }


async def test_the_same_events_from_many_connections_count_once(world: World) -> None:
    items = [event(world, f"d{n}", "deposit", amount="1") for n in range(20)]

    answers = await asyncio.gather(*(send(world, *items) for _ in range(6)))

    found = [status for answer in answers for status in said(*answer)]
    assert (found.count("created"), found.count("unchanged")) == (20, 100)
    assert await totals(world) == (await totals(world)) | {"deposits_count": 20}


async def test_a_batch_of_several_transactions_answers_in_order(world: World) -> None:
    items = [event(world, f"b{n}", "bet", amount="1") for n in range(CHUNK + 3)]
    items[5] = {"id": "bad"}

    results = await send(world, *items)

    assert [n for n, result in enumerate(results) if said(result) != ["created"]] == [5]
    assert (await totals(world))["casino_bets_count"] == CHUNK + 2


# Metrics


@pytest.mark.parametrize(
    ("type_", "kind", "count", "total"),
    [(type_, kind, *names) for (type_, kind), names in METRICS.items()],
    ids=str,
)
async def test_each_type_adds_to_its_metrics_w3(
    world: World, type_: EventType, kind: str | None, count: str | None, total: str
) -> None:
    field = "kind" if type_ is EventType.FEE else "product"
    more = {field: kind} if kind else {}

    (result,) = await send(world, event(world, "e1", type_.value, amount="2.50", **more))

    found = await totals(world)
    assert result.counted is True
    assert found[total] == {"EUR": Decimal("2.5")}
    expected = {total, *([count] if count else []), "registrations_count", "visits_count"}
    if type_ is EventType.DEPOSIT:
        expected |= {"first_deposits_count", "first_deposits_sum"}
    assert set(found) == expected


async def test_a_deposit_that_counts_fires_and_a_bet_does_not(world: World) -> None:
    await send(
        world, event(world, "d1", "deposit", amount="5"), event(world, "b1", "bet", amount="5")
    )

    (told,) = await Event.filter(type="player.deposited")
    assert told.data["amount"] == "5"
    assert told.data["visit_id"] == world.visit_id


async def test_the_business_day_is_the_brands_m42(world: World, clock: ManualClock) -> None:
    clock.at = clock.at.replace(hour=23)

    await send(world, event(world, "d1", "deposit", amount="5"))

    assert ((await Activity.get()).business_day - clock.at.date()).days == 1


# Players


async def test_a_registration_makes_the_player_w3(world: World) -> None:
    item = event(world, "r1", "registration", user_id="new", tag=world.tag, country="FI")

    results = await send(world, item, event(world, "d1", "deposit", user_id="new", amount="3"))

    assert said(*results) == ["created", "created"]
    player = await Player.get(user_id="new")
    assert (player.promo_id, player.country) == (world.promo.id, "FI")
    assert (await Registration.get(player_id=player.id)).occurred_at == world.clock.now()
    assert (await Activity.get()).player_id == player.id


@pytest.mark.parametrize("size", [1, 3])
async def test_the_country_of_facts_does_not_depend_on_the_batches_w3(
    world: World, size: int
) -> None:
    items = [
        event(world, "r1", "registration", user_id="new", tag=world.tag, country="FI"),
        event(world, "d1", "deposit", user_id="new", amount="3"),
        sale(world, user_id="new") | {"tag": None},
    ]
    for start in range(0, len(items), size):
        await send(world, *items[start : start + size])

    player = await Player.get(user_id="new")
    facts = [
        await Activity.get(player_id=player.id),
        await FirstDeposit.get(player_id=player.id),
        await Conversion.get(player_id=player.id),
    ]
    assert [fact.country for fact in facts] == ["FI", "FI", "FI"]


@pytest.mark.parametrize("together", [True, False])
async def test_a_second_registration_with_another_tag_is_a_conflict_in_any_batch_m03(
    world: World, clock: ManualClock, together: bool
) -> None:
    (visit,) = await make_visits(world.promo, clock)
    items = [
        event(world, "r1", "registration", user_id="new", tag=world.tag),
        event(world, "r2", "registration", user_id="new", tag=f"{world.promo.id}_{visit}"),
    ]

    results = [
        r
        for batch in ([items] if together else [[i] for i in items])
        for r in await send(world, *batch)
    ]

    assert said(*results) == ["created", "conflict"]


async def test_a_registration_of_an_unknown_country_has_that_of_the_visit_w3(world: World) -> None:
    (visit_id,) = await make_visits(world.promo, world.clock, country="MD")
    tag = f"{world.promo.id}_{visit_id}"
    told = event(world, "r1", "registration", user_id="new", tag=tag, country="ZZ")
    again = {name: value for name, value in told.items() if name != "country"}

    results = await send(world, told, again, told | {"country": "XX"})

    assert said(*results) == ["created", "unchanged", "unchanged"]
    assert (await Player.get(user_id="new")).country == "MD"


async def test_a_registration_from_kosovo_is_taken_w3(world: World) -> None:
    await send(
        world, event(world, "r1", "registration", user_id="new", tag=world.tag, country="XK")
    )

    assert (await Player.get(user_id="new")).country == "XK"


async def test_a_registration_of_a_known_player_with_another_tag_is_a_conflict_m03(
    world: World, clock: ManualClock
) -> None:
    (visit,) = await make_visits(world.promo, clock)
    other = f"{world.promo.id}_{visit}"

    results = await send(
        world,
        event(world, "r1", "registration", tag=world.tag),
        event(world, "r2", "registration", tag=other),
    )

    assert said(*results) == ["created", "conflict"]
    assert await Player.filter(user_id="p1").count() == 1


async def test_an_unknown_user_with_a_tag_is_registered_as_in_activity_w3(world: World) -> None:
    item = event(world, "d1", "deposit", user_id="new", tag=world.tag, amount="3")

    assert said(*await send(world, item)) == ["created"]
    assert await Player.filter(user_id="new").exists()


@pytest.mark.parametrize("type_", ["deposit", "bet", "flag", "registration"])
async def test_an_unknown_user_without_a_tag_is_refused_w3(world: World, type_: str) -> None:
    more = {"flag": "fraud"} if type_ == "flag" else {"amount": "1"}

    (result,) = await send(world, event(world, "e1", type_, user_id="nobody", **more))

    assert said(result) == ["no_tag" if type_ == "registration" else "unknown_player"]
    assert await BrandEvent.all().count() == 0


# Sales and leads


async def test_sales_and_leads_are_conversions_attributed_on_their_own_m03(world: World) -> None:
    lead = event(world, "l1", "lead", tag=world.tag)

    await send(world, sale(world, transaction_id="T-1", user_id="p1"), lead)

    assert await holding_sales() == [("lead", "l1", 0), ("sale", "T-1", 50)]
    fact = await Conversion.get(kind="sale")
    assert fact.player_id == (await Player.get(user_id="p1")).id
    assert await Event.filter(type="sale.recorded").count() == 1
    assert (await totals(world))["sales_sum"] == {"EUR": 50}


async def test_a_sale_of_a_known_user_alone_comes_from_where_the_user_came_from(
    world: World,
) -> None:
    results = await send(
        world, sale(world, tag=None, user_id="p1"), sale(world, "s2", tag=None, user_id="nobody")
    )

    assert said(*results) == ["created", "unknown_player"]
    assert (await Conversion.get()).promo_id == world.promo.id


async def test_the_log_tells_whose_a_sale_is_when_the_brand_does(world: World) -> None:
    await send(world, sale(world, user_id="p1"), sale(world, "s2"))

    named, unnamed = await Event.filter(type="sale.recorded").order_by("id")
    assert named.data["player_id"] == (await Player.get(user_id="p1")).id
    assert "player_id" not in unnamed.data


async def test_a_partner_that_gets_a_sale_is_not_told_of_another_partners_player_a6a(
    world: World, clock: ManualClock
) -> None:
    rival = await make_partner(clock, world.brand)
    _, promo = await make_promo(rival, world.brand, clock)
    (visit_id,) = await make_visits(promo, clock)

    results = await send(
        world,
        sale(world, user_id="p1", tag=f"{promo.id}_{visit_id}"),
        event(world, "r1", "refund", ref="s1", amount="5.00"),
    )

    assert said(*results) == ["created", "created"]
    told = await Event.filter(partner_id=rival.id, type__in=["sale.recorded", "refund.recorded"])
    assert [("player_id" in each.data, each.data["promo_id"]) for each in told] == [
        (False, promo.id),
        (False, promo.id),
    ]


async def test_a_sale_of_another_partners_player_does_not_show_the_player(
    world: World, clock: ManualClock
) -> None:
    rival = await make_partner(clock, world.brand)
    _, promo = await make_promo(rival, world.brand, clock)
    (visit,) = await make_visits(promo, clock)
    theirs = {"tag": f"{promo.id}_{visit}", "user_id": "p1", "transaction_id": "T2"}

    await send(world, sale(world, "s1", user_id="p1"), sale(world, "s2", **theirs))

    facts = await Conversion.all().order_by("id")
    player = await Player.get(user_id="p1")
    assert [(fact.partner_id, fact.player_id) for fact in facts] == [
        (world.partner.id, player.id),
        (rival.id, None),
    ]


async def test_a_second_sale_with_the_same_transaction_is_a_conflict(world: World) -> None:
    await send(world, sale(world, transaction_id="T-1"))

    results = await send(
        world,
        sale(world, "s2", transaction_id="T-1"),
        event(world, "l1", "lead", tag=world.tag, transaction_id="T-1"),
    )

    assert said(*results) == ["conflict", "created"]


async def test_a_sale_comes_from_a_partners_network_link_w4(
    world: World, clock: ManualClock
) -> None:
    codes = {"2pau": world.partner.code, "2ptu": world.brand.code, "2ptt": "quicklink"}

    results = await send(
        world,
        sale(world, tag=None, **codes, **{"2pdlst": "a,b"}),
        sale(world, "s2", tag=None, **codes),
    )

    assert said(*results) == ["created", "created"]
    first, second = await Conversion.all()
    assert first.promo_id == second.promo_id != world.promo.id
    assert (first.partner_id, first.attributed_by) == (world.partner.id, "network")
    assert (await BrandEvent.get(event_id="s1")).content["2pdlst"] == "a,b"


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ({"2pau": "nobody"}, "unknown_partner"),
        ({"2pau": "nobody\x00"}, "invalid"),
        ({"2ptu": "another"}, "invalid"),
        ({"2pau": "x" * 33}, "invalid"),
    ],
)
async def test_codes_of_nobody_are_refused_w4(
    world: World, codes: dict[str, str], error: str
) -> None:
    (result,) = await send(world, sale(world, tag=None, **codes))

    assert said(result) == [error]
    assert await Conversion.all().count() == 0


async def test_a_partner_without_a_relation_to_the_brand_gets_no_sale_w4(
    world: World, clock: ManualClock
) -> None:
    stranger = await make_partner(clock, await make_brand(clock))

    (result,) = await send(world, sale(world, tag=None, **{"2pau": stranger.code}))

    assert said(result) == ["unknown_partner"]


# First deposits


async def test_the_first_deposit_is_the_earliest_ties_by_id_m05(world: World) -> None:
    early = ago(world, hours=2)

    await send(
        world,
        event(world, "b", "deposit", amount="2", occurred_at=early),
        event(world, "a", "deposit", amount="1", occurred_at=early),
        event(world, "c", "deposit", amount="3"),
    )

    assert [amount for _, amount in await holding_first()] == [1]


async def test_a_late_earlier_deposit_moves_it_and_its_void_moves_it_back_m05(
    world: World,
) -> None:
    await send(world, event(world, "c", "deposit", amount="3"))
    await send(world, event(world, "b", "deposit", amount="2", occurred_at=ago(world, hours=1)))
    await send(world, event(world, "a", "deposit", amount="1", occurred_at=ago(world, hours=2)))
    assert [amount for _, amount in await holding_first()] == [1]

    await send(world, event(world, "va", "void", ref="a"))
    assert [amount for _, amount in await holding_first()] == [2]
    await send(world, event(world, "vb", "void", ref="b"), event(world, "vc", "void", ref="c"))

    assert await holding_first() == []
    assert "first_deposits_count" not in await totals(world)
    assert await Event.filter(type="player.first_deposited").count() == 1


async def test_an_amended_time_moves_the_first_deposit_m05(world: World) -> None:
    await send(
        world,
        event(world, "a", "deposit", amount="1", occurred_at=ago(world, hours=2)),
        event(world, "b", "deposit", amount="2", occurred_at=ago(world, hours=1)),
    )

    await send(
        world,
        {"id": "x", "type": "amend", "ref": "a", "occurred_at": world.clock.now().isoformat()},
    )

    assert [amount for _, amount in await holding_first()] == [2]


# Refusals of items


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"id": None}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"type": "nothing"}, "type"),
        ({"type": None}, "type"),
        ({"user_id": None}, "user_id"),
        ({"occurred_at": None}, "occurred_at"),
        ({"occurred_at": "2026-03-10"}, "occurred_at"),
        ({"occurred_at": "2036-03-10T00:00:00Z"}, "occurred_at"),
        ({"amount": None}, "amount"),
        ({"amount": "-0.01"}, "amount"),
        ({"amount": "1000000000000001"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": 12.5}, "amount"),
        ({"amount": "12", "amount_cents": 1200}, "amount"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"country": "QQ"}, "country"),
        ({"tag": "nonsense"}, "tag"),
        ({"type": "bet", "product": "lottery"}, "product"),
        ({"type": "fee"}, "kind"),
        ({"type": "win", "product": "poker"}, "product"),
        ({"type": "flag", "flag": "ugly"}, "flag"),
        ({"type": "flag", "flag": "fraud", "value": "yes"}, "value"),
        ({"type": "sale", "user_id": None}, "tag"),
    ],
    ids=str,
)
async def test_a_bad_event_is_invalid_and_names_its_field(
    world: World, fields: dict[str, Any], blamed: str
) -> None:
    good = event(world, "good", "deposit", amount="1")

    bad, fine = await send(world, event(world, "bad", "deposit", amount="1") | fields, good)

    assert said(bad, fine) == ["invalid", "created"]
    assert blamed in (bad.message or "")


async def test_an_event_a_little_ahead_of_the_clock_is_taken(
    world: World, clock: ManualClock
) -> None:
    soon = (clock.now() + timedelta(minutes=5)).isoformat()
    late = (clock.now() + timedelta(minutes=5, seconds=1)).isoformat()

    results = await send(
        world,
        event(world, "a", "deposit", amount="1", occurred_at=soon),
        event(world, "b", "deposit", amount="1", occurred_at=late),
    )

    assert said(*results) == ["created", "invalid"]


async def test_a_currency_without_a_rate_is_taken_m40(world: World) -> None:
    (result,) = await send(
        world, event(world, "d1", "deposit", amount="0.00000001", currency="BTC")
    )

    assert said(result) == ["created"]
    assert (await totals(world))["deposits_sum"] == {"BTC": Decimal("0.00000001")}


@hypothesis_settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_whatever_an_item_is_only_it_is_refused(world: World, data: st.DataObject) -> None:
    types = st.sampled_from([*(type_.value for type_ in EventType), "other"])
    names = [*FIELDS, "other"]
    fields = st.fixed_dictionaries(
        {"id": st.one_of(hostile.values, st.just("known")), "type": types},
        optional={name: hostile.values for name in names if name not in {"id", "type"}},
    )
    items = data.draw(st.lists(st.one_of(hostile.values, fields), max_size=6))
    name = f"good {data.draw(st.integers(0, 2**60))}"

    results = await send(world, *items, event(world, name, "bet", amount="1"))

    assert len(results) == len(items) + 1
    assert results[-1].status in {Status.CREATED, Status.UNCHANGED}
    assert all(result.message for result in results if result.status is Status.REJECTED)


# What counts


async def test_a_brand_that_reports_activity_counts_it_until_it_chooses_events(
    database: Settings, clock: ManualClock
) -> None:
    plain = await make_world(clock)
    bounds = (ago(plain, hours=2), ago(plain, hours=1))
    played = {"user_id": "p1", "tag": plain.tag, "casino_bets_count": 1}
    await record_activity(brand_scope(plain.brand, clock), plain.brand.id, *bounds, [played])

    (result,) = await send(plain, event(plain, "d1", "deposit", amount="1"))

    assert (said(result), result.counted) == (["created"], False)
    assert await Activity.filter(event_id__not_isnull=True).count() == 0
    assert await BrandEvent.all().count() == 1
    assert await holding_first() == []
    assert await Event.filter(type="player.deposited").count() == 0


async def test_only_the_promo_of_the_tag_gets_the_player(world: World, clock: ManualClock) -> None:
    _, other = await make_promo(world.partner, world.brand, clock)

    (result,) = await send(
        world, event(world, "r1", "registration", user_id="new", tag=f"{other.id}_{world.visit_id}")
    )

    assert said(result) == ["unknown_tag"]
