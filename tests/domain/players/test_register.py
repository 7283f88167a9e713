"""Registering players: each status and error of W3, attribution (M01 to M03), and what it leaves behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.attribution.decide import HELD_FOR
from app.domain.intake import CHUNK, CLOCK_SKEW
from app.domain.players.register import PlayerResult, Status, register_players
from app.infra.clock import ManualClock
from app.infra.visit_ids import first_visit_id
from app.models import Coupon, Event, Player, Recording, Registration
from app.settings import Settings
from tests.domain import hostile
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_brand,
    make_promo,
    make_visits,
    make_world,
)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def register(world: World, *items: Any) -> list[PlayerResult]:
    scope = brand_scope(world.brand, world.clock)
    return await register_players(scope, world.brand.id, list(items), box=BOX)


async def register_one(world: World, item: Any) -> PlayerResult:
    (result,) = await register(world, item)
    return result


def said(result: PlayerResult) -> str:
    """The status, or the error of a refusal."""
    return result.error if result.status is Status.REJECTED and result.error else result.status


# created


async def test_a_player_of_a_visit_is_created_and_belongs_to_its_promo_m03(world: World) -> None:
    result = await register_one(world, world.player("p1"))

    player = await Player.get(user_id="p1")
    assert result == PlayerResult("p1", world.tag, world.promo.id, Status.CREATED)
    assert (player.brand_id, player.partner_id) == (world.brand.id, world.partner.id)
    assert (player.campaign_id, player.promo_id) == (world.campaign.id, world.promo.id)
    assert player.visit_id == world.visit_id


async def test_a_new_player_has_the_country_of_the_visit_and_the_currency_of_the_brand(
    world: World,
) -> None:
    await register(world, world.player("p1"), world.player("p2", country="FR", currency="RON"))

    first, second = await Player.all().order_by("id")
    assert (first.country, first.currency) == ("ZZ", world.brand.currency)
    assert (second.country, second.currency) == ("FR", "RON")


@pytest.mark.parametrize("unknown", ["ZZ", "XX"])
async def test_a_country_that_the_platform_does_not_know_is_as_good_as_absent(
    world: World, unknown: str
) -> None:
    (visit_id,) = await make_visits(world.promo, world.clock, country="MD")
    tag = f"{world.promo.id}_{visit_id}"
    first = world.player("p1", tag=tag, country=unknown)
    await register(world, first, world.player("p2", country="FR"))

    again = await register_one(world, world.player("p2", country=unknown))

    assert said(again) == "unchanged"
    assert [player.country for player in await Player.all().order_by("id")] == ["MD", "FR"]
    assert [fact.country for fact in await Registration.all().order_by("id")] == ["MD", "FR"]


async def test_kosovo_is_a_country_under_the_code_in_general_use(world: World) -> None:
    await register(world, world.player("p1", country="XK"))

    assert (await Player.get()).country == "XK"


async def test_a_registration_is_a_fact_of_the_brands_business_day_m42(
    world: World, clock: ManualClock
) -> None:
    clock.at = clock.at.replace(hour=22, minute=30)

    await register(world, world.player("p1", country="FR"))

    fact = await Registration.get()
    assert (fact.business_day - clock.at.date()).days == 1
    assert fact.occurred_at == clock.at
    assert (fact.promo_id, fact.plan_id) == (world.promo.id, world.campaign.plan_id)
    assert (fact.country, fact.currency) == ("FR", "EUR")


async def test_a_registration_is_one_event_and_shares_its_recording(world: World) -> None:
    await register(world, world.player("p1"), world.player("p2"))

    events = await Event.filter(type="player.registered").order_by("n")
    facts = await Registration.all()
    assert [event.n for event in events] == [1, 2]
    assert {fact.recording_id for fact in facts} == {event.recording_id for event in events}
    assert len({event.recording_id for event in events}) == 1
    assert events[0].partner_id == world.partner.id
    assert events[0].data["visit_id"] == world.visit_id
    assert (events[0].actor_type, events[0].actor_id) == ("brand", world.brand.id)


async def test_the_plan_of_a_registration_is_the_campaigns_at_that_time(world: World) -> None:
    await register(world, world.player("p1"))

    assert (await Registration.get()).plan_id == world.campaign.plan_id


async def test_user_ids_may_be_numbers(world: World) -> None:
    assert (await register_one(world, world.player("") | {"user_id": 4_711})).user_id == "4711"


# unchanged, updated


async def test_repeating_a_batch_changes_nothing(world: World) -> None:
    items = [world.player(f"p{n}", country="FR", language="fr") for n in range(3)]
    await register(world, *items)
    recordings = await Recording.all().count()

    results = await register(world, *items)

    assert [result.status for result in results] == [Status.UNCHANGED] * 3
    assert [result.stag for result in results] == [world.tag] * 3
    assert await Player.all().count() == await Registration.all().count() == 3
    assert await Recording.all().count() == recordings


@pytest.mark.parametrize(
    "change", [{"country": "FR"}, {"language": "fr"}, {"currency": "RON"}], ids=str
)
async def test_another_country_language_or_currency_is_an_update(
    world: World, change: dict[str, str]
) -> None:
    await register(world, world.player("p1", country="RO", language="ro"))

    result = await register_one(world, world.player("p1") | change)

    player = await Player.get()
    assert result.status is Status.UPDATED
    assert {name: getattr(player, name) for name in change} == change
    assert await Event.filter(type="player.updated").count() == 1


async def test_what_an_update_does_not_say_stays(world: World) -> None:
    await register(world, world.player("p1", country="RO", language="ro", currency="RON"))

    result = await register_one(world, world.player("p1", country="FR"))

    player = await Player.get()
    assert result.status is Status.UPDATED
    assert (player.country, player.language, player.currency) == ("FR", "ro", "RON")


async def test_a_known_player_needs_no_tag(world: World) -> None:
    await register(world, world.player("p1"))

    item = world.player("p1", country="FR")
    del item["tag"]

    assert (await register_one(world, item)).status is Status.UPDATED


async def test_an_update_leaves_earlier_facts_as_they_were_m03(world: World) -> None:
    await register(world, world.player("p1", country="RO"))

    await register(world, world.player("p1", country="FR"))

    assert (await Registration.get()).country == "RO"


async def test_several_updates_of_one_player_in_a_batch_follow_each_other(world: World) -> None:
    await register(world, world.player("p1", country="RO", language="ro"))

    results = await register(
        world,
        world.player("p1", country="FR"),
        world.player("p1", language="fr"),
        world.player("p1", country="FR", language="fr"),
        world.player("p1", country="RO"),
    )

    player = await Player.get()
    assert [said(result) for result in results] == ["updated", "updated", "unchanged", "updated"]
    assert (player.country, player.language) == ("RO", "fr")


# conflict


async def test_a_player_stays_with_its_first_tag_m03(world: World, clock: ManualClock) -> None:
    (other,) = await make_visits(world.promo, clock)
    await register(world, world.player("p1"))

    result = await register_one(world, world.player("p1", tag=f"{world.promo.id}_{other}"))

    assert said(result) == "conflict"
    assert (await Player.get()).visit_id == world.visit_id


async def test_a_later_click_of_the_same_visitor_is_another_tag_m03(
    world: World, clock: ManualClock
) -> None:
    first, second = await make_visits(world.promo, clock, 2, visitor_id=7)
    await register(world, world.player("p1", tag=f"{world.promo.id}_{first}"))

    result = await register_one(world, world.player("p1", tag=f"{world.promo.id}_{second}"))

    assert said(result) == "conflict"
    assert (await Player.get()).visit_id == first


async def test_the_same_visit_under_another_promo_is_another_tag(
    world: World, clock: ManualClock
) -> None:
    _, promo = await make_promo(world.partner, world.brand, clock)
    await register(world, world.player("p1"))

    result = await register_one(world, world.player("p1", tag=f"{promo.id}_{world.visit_id}"))

    assert said(result) == "conflict"


async def test_a_player_twice_in_a_batch_is_created_once(world: World) -> None:
    item = world.player("p1")

    results = await register(world, item, item, item | {"country": "FR"})

    assert [said(result) for result in results] == ["created", "unchanged", "conflict"]
    assert await Player.all().count() == await Registration.all().count() == 1


SOON = timedelta(minutes=5, seconds=1)


async def make_coupon(world: World, code: str) -> None:
    """A bonus code that is bound to the world's promo."""
    await Coupon.create(
        brand_id=world.brand.id, promo_id=world.promo.id, code=code, created_at=world.clock.now()
    )


# unknown_tag, no_tag, window_ended


async def test_a_visit_that_cannot_be_on_its_way_is_an_unknown_tag_w3(
    world: World, clock: ManualClock
) -> None:
    ids = (1, 0, first_visit_id(clock.now() - HELD_FOR) - 1, first_visit_id(clock.now() + SOON))
    for visit_id in ids:
        tag = f"{world.promo.id}_{visit_id}"

        assert said(await register_one(world, world.player("p1", tag=tag))) == "unknown_tag"


async def test_a_bonus_code_is_answered_with_the_tag_of_its_promo_w3(world: World) -> None:
    await make_coupon(world, "SPRING")
    item = world.player("p1", tag=None, bonus_code="spring")

    result = await register_one(world, item)

    assert (said(result), result.stag) == ("created", f"{world.promo.id}_0")
    again = await register_one(world, world.player("p1", tag=result.stag))
    assert said(again) == "unchanged"


async def test_the_visit_must_belong_to_the_promo_of_the_tag(
    world: World, clock: ManualClock
) -> None:
    _, promo = await make_promo(world.partner, world.brand, clock)
    tag = f"{promo.id}_{world.visit_id}"

    assert said(await register_one(world, world.player("p1", tag=tag))) == "unknown_tag"


async def test_a_visit_of_another_brand_is_an_unknown_tag(world: World, clock: ManualClock) -> None:
    other = await make_world(clock)

    result = await register_one(world, world.player("p1", tag=other.tag))

    assert said(result) == "unknown_tag"
    assert await Player.all().count() == 0


async def test_a_new_player_without_a_tag_is_refused(world: World) -> None:
    item = world.player("p1")
    del item["tag"]

    assert said(await register_one(world, item)) == "no_tag"


async def test_the_window_of_the_visit_ends_the_attribution_m01(
    world: World, clock: ManualClock
) -> None:
    visited, clock.at = clock.at, clock.at + timedelta(days=60)
    ends = visited + timedelta(days=world.brand.cookie_days)
    late = ends + timedelta(microseconds=1)

    results = await register(
        world,
        world.player("p1", sign_up_at=ends.isoformat()),
        world.player("p2", sign_up_at=late.isoformat()),
    )

    assert [said(result) for result in results] == ["created", "window_ended"]


async def test_a_shorter_window_of_the_brand_does_not_shorten_an_old_click_m01(
    world: World, clock: ManualClock
) -> None:
    world.brand.cookie_days = 1
    await world.brand.save(update_fields=["cookie_days"])
    clock.advance(timedelta(days=20))

    assert said(await register_one(world, world.player("p1"))) == "created"


# invalid


BAD: list[dict[str, Any]] = [
    {"user_id": None},
    {"user_id": ""},
    {"user_id": "x" * 201},
    {"user_id": "a\x00b"},
    {"user_id": "\ud800"},
    {"user_id": True},
    {"user_id": []},
    {"tag": "rubbish"},
    {"tag": "1_2_3"},
    {"tag": "-1_2"},
    {"tag": "0_1"},
    {"tag": "1_9223372036854775808"},
    {"tag": "١_٢"},
    {"sign_up_at": None},
    {"sign_up_at": "yesterday"},
    {"sign_up_at": "2026-03-10T12:00:00"},
    {"sign_up_at": "2026-03-10"},
    {"sign_up_at": 1_773_144_000},
    {"sign_up_at": "0001-01-01T00:00:00Z"},
    {"sign_up_at": "9999-12-31T23:59:59-12:00"},
    {"country": "FRA"},
    {"country": "fr"},
    {"country": "QQ"},
    {"country": "UK"},
    {"country": "EU"},
    {"country": "XA"},
    {"country": "\ud800"},
    {"currency": "XXX"},
    {"currency": "euro"},
    {"currency": 5},
    {"language": "x" * 17},
    {"language": "\x00"},
    {"email": "x" * 300},
    {"first_name": "\ud800"},
]


async def test_a_bad_field_refuses_its_item_by_name_and_no_other(world: World) -> None:
    bad = [world.player(f"bad {n}") | change for n, change in enumerate(BAD)]

    first, *results, last = await register(
        world, world.player("p1"), *bad, *NO_OBJECTS, world.player("p2")
    )

    assert (said(first), said(last)) == ("created", "created")
    for result, (field, *_) in zip(results, [*BAD, *[("object",)] * len(NO_OBJECTS)], strict=True):
        assert said(result) == "invalid", field
        assert field in (result.message or "")
    assert await Player.all().count() == 2


NO_OBJECTS = [None, 5, "text", [], True, [["user_id", "p1"]]]


async def test_a_sign_up_in_the_future_is_refused_beyond_the_skew_of_clocks(
    world: World, clock: ManualClock
) -> None:
    ahead = clock.at + CLOCK_SKEW
    later = ahead + timedelta(seconds=1)

    results = await register(
        world,
        world.player("p1", sign_up_at=ahead.isoformat()),
        world.player("p2", sign_up_at=later.isoformat()),
    )

    assert [said(result) for result in results] == ["created", "invalid"]


async def test_the_future_begins_at_the_brands_own_clock_x08(
    database: Settings, clock: ManualClock
) -> None:
    world = await make_world(clock, sandbox=True, clock_offset=timedelta(days=10))
    at = clock.at + timedelta(days=9)

    assert (
        said(await register_one(world, world.player("p1", sign_up_at=at.isoformat()))) == "created"
    )


async def test_times_with_an_offset_are_kept_in_utc(world: World, clock: ManualClock) -> None:
    await register(world, world.player("p1", sign_up_at="2026-03-10T13:30:00+02:00"))

    assert (await Player.get()).sign_up_at == clock.at - timedelta(minutes=30)


names = ("user_id", "tag", "sign_up_at", "country", "currency", "language", "email", "first_name")


@given(items=st.lists(hostile.items(*names), max_size=5))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_sent_gets_one_result_for_each_item(
    world: World, items: list[Any]
) -> None:
    valid = world.player("good")
    merged = [valid | item if isinstance(item, dict) else item for item in items]

    results = await register(world, valid, *merged)

    assert len(results) == len(items) + 1
    assert results[0].status in {Status.CREATED, Status.UNCHANGED, Status.UPDATED}
    assert all(result.message for result in results if result.status is Status.REJECTED)


# Tenants, order, concurrency


async def test_two_brands_may_use_the_same_user_ids(world: World, clock: ManualClock) -> None:
    other = await make_world(clock)

    for each in (world, other):
        assert said(await register_one(each, each.player("p1"))) == "created"

    assert {player.brand_id for player in await Player.filter(user_id="p1")} == {
        world.brand.id,
        other.brand.id,
    }


async def test_one_brand_cannot_write_for_another(world: World, clock: ManualClock) -> None:
    other = await make_brand(clock)

    with pytest.raises(Exception, match="does not exist"):
        await register_players(
            brand_scope(world.brand, clock), other.id, [world.player("p1")], box=BOX
        )


async def test_results_come_in_the_order_of_the_items_over_several_transactions(
    world: World,
) -> None:
    items = [world.player(f"p{n}") for n in range(CHUNK + 5)]
    items[7] = {"user_id": "p7"}

    results = await register(world, *items)

    assert [result.user_id for result in results] == [f"p{n}" for n in range(CHUNK + 5)]
    assert [n for n, r in enumerate(results) if r.status is not Status.CREATED] == [7]
    assert await Player.all().count() == CHUNK + 4


async def test_the_same_batch_from_many_connections_creates_each_player_once(world: World) -> None:
    items = [world.player(f"p{n}") for n in range(20)]

    answers = await asyncio.gather(*(register(world, *items) for _ in range(8)))

    for n in range(20):
        statuses = sorted(answer[n].status for answer in answers)
        assert statuses == ["created", *["unchanged"] * 7]
    assert await Player.all().count() == await Registration.all().count() == 20
    assert await Event.filter(type="player.registered").count() == 20


async def test_two_brands_take_in_at_once_without_waiting_for_each_other(
    world: World, clock: ManualClock
) -> None:
    other = await make_world(clock)
    both: list[Any] = [
        register(each, *(each.player(f"p{n}") for n in range(50))) for each in (world, other) * 3
    ]

    await asyncio.gather(*both)

    assert await Player.all().count() == 100


async def test_an_empty_batch_is_an_empty_answer(world: World) -> None:
    assert await register(world) == []
