"""Activity: new intervals, revisions, overlaps, and what each of them leaves behind (W3, decision 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.activity.record import ActivityResult, record_activity
from app.domain.errors import Invalid
from app.domain.intake import CHUNK, CLOCK_SKEW
from app.domain.players.register import Status, register_players
from app.infra.clock import ManualClock
from app.models import Activity, Event, FactChange, FirstDeposit, Player, Recording, Registration
from app.settings import Settings
from tests.domain import hostile
from tests.factories import BOX, World, brand_scope, make_world

# A business day of Bucharest that is over at NOW.
START = datetime(2026, 3, 8, 22, tzinfo=UTC)
END = START + timedelta(days=1)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    """A programme with the player p1."""
    made = await make_world(clock)
    scope = brand_scope(made.brand, clock)
    await register_players(scope, made.brand.id, [made.player("p1", country="RO")], box=BOX)
    return made


async def report(
    world: World, items: Sequence[Any], start: datetime = START, end: datetime = END
) -> list[ActivityResult]:
    scope = brand_scope(world.brand, world.clock)
    first, last = start.isoformat(), end.isoformat()
    return await record_activity(scope, world.brand.id, first, last, items)


async def report_one(
    world: World, start: datetime = START, end: datetime = END, **fields: Any
) -> ActivityResult:
    (result,) = await report(world, [{"user_id": "p1", **fields}], start, end)
    return result


def said(result: ActivityResult) -> str:
    return result.error if result.status is Status.REJECTED and result.error else result.status


async def holding() -> list[Activity]:
    return await Activity.filter(superseded_by=None).order_by("id")


# created


async def test_an_interval_is_a_fact_with_the_attribution_of_its_player_m03(world: World) -> None:
    result = await report_one(world, deposits_count=2, deposits_sum="12.50")

    (fact,) = await holding()
    assert result == ActivityResult("p1", Status.CREATED)
    assert (fact.deposits_count, fact.deposits_sum) == (2, Decimal("12.50"))
    assert (fact.promo_id, fact.campaign_id) == (world.promo.id, world.campaign.id)
    assert (fact.partner_id, fact.plan_id) == (world.partner.id, world.campaign.plan_id)
    assert (fact.country, fact.currency) == ("RO", "EUR")
    assert (fact.period_from, fact.period_to) == (START, END)
    assert fact.business_day == date(2026, 3, 9)
    assert fact.casino_total_bets_sum == 0


async def test_minor_units_and_decimal_strings_mean_the_same(world: World) -> None:
    await report_one(world, currency="EUR", deposits_sum="12.34")
    result = await report_one(world, currency="EUR", deposits_sum_cents=1_234)
    await report_one(world, currency="JPY", deposits_sum_cents=1_234)
    await report_one(world, currency="ETH", deposits_sum_cents=1_500_000_000_000_000_000)

    assert said(result) == "unchanged"
    assert [(fact.currency, fact.deposits_sum) for fact in await holding()] == [
        ("EUR", Decimal("12.34")),
        ("JPY", Decimal(1_234)),
        ("ETH", Decimal("1.5")),
    ]


async def test_an_amount_of_a_coin_is_stored_to_its_last_digit(world: World) -> None:
    await report_one(world, currency="ETH", deposits_sum="123456789012345.123456789012345678")

    (fact,) = await holding()
    assert fact.deposits_sum == Decimal("123456789012345.123456789012345678")


async def test_nulls_are_absent_fields(world: World) -> None:
    await report_one(world, deposits_count=None, deposits_sum=None, deposits_sum_cents=None)

    (fact,) = await holding()
    assert (fact.deposits_count, fact.deposits_sum) == (0, 0)


async def test_each_currency_of_a_player_is_an_item_of_its_own(world: World) -> None:
    items = [{"user_id": "p1", "currency": code, "deposits_sum": "5"} for code in ("EUR", "RON")]

    results = await report(world, items)

    assert [said(result) for result in results] == ["created", "created"]
    assert [fact.currency for fact in await holding()] == ["EUR", "RON"]


async def test_deposits_are_an_event_with_what_was_added(world: World) -> None:
    await report_one(world, revision=1, deposits_count=1, deposits_sum="10")
    await report_one(world, revision=2, deposits_count=3, deposits_sum="17.5")
    await report_one(world, revision=3, deposits_count=3, deposits_sum="17")

    events = await Event.filter(type="player.deposited").order_by("id")
    assert [event.data["amount"] for event in events] == ["10", "7.5"]


# unchanged, updated


async def test_repeating_a_batch_changes_nothing(world: World, clock: ManualClock) -> None:
    item = {
        "user_id": "p1",
        "deposits_count": 1,
        "deposits_sum": "10.00",
        "first_deposit_at": START.isoformat(),
        "first_deposit_sum": "10.00",
        "revision": 7,
    }
    await report(world, [item])
    recordings = await Recording.all().count()

    (again,) = await report(world, [item])

    assert said(again) == "unchanged"
    assert await Recording.all().count() == recordings
    assert await Activity.all().count() == 1


async def test_other_numbers_replace_the_interval_and_leave_the_old_row_superseded(
    world: World,
) -> None:
    await report_one(world, deposits_count=1, deposits_sum="10", cashouts_sum="3")

    result = await report_one(world, deposits_count=1, deposits_sum="8", cashouts_sum="3")

    old, new = await Activity.all().order_by("id")
    assert said(result) == "updated"
    assert (old.deposits_sum, new.deposits_sum) == (10, 8)
    assert old.superseded_by == new.recording_id
    assert new.superseded_by is None


async def test_a_replacement_leaves_a_change_with_the_difference(world: World) -> None:
    await report_one(world, deposits_count=1, deposits_sum="10", cashouts_sum="3")

    await report_one(world, deposits_count=2, deposits_sum="8.5", cashouts_sum="3")

    old, new = await Activity.all().order_by("id")
    change = await FactChange.get()
    assert (change.fact, change.before_id, change.after_id) == ("activities", old.id, new.id)
    assert change.delta == {"deposits_count": "1", "deposits_sum": "-1.5"}
    assert change.recording_id == new.recording_id
    assert (change.partner_id, change.brand_id) == (world.partner.id, world.brand.id)


async def test_a_difference_in_the_last_digit_of_a_coin_is_a_difference(world: World) -> None:
    await report_one(world, currency="ETH", deposits_sum="100000000000000.000000000000000001")

    result = await report_one(
        world, currency="ETH", deposits_sum="100000000000000.000000000000000002"
    )

    assert said(result) == "updated"
    assert (await FactChange.get()).delta == {"deposits_sum": "0.000000000000000001"}


# Revisions


async def test_the_highest_revision_wins(world: World) -> None:
    said_of = [
        said(await report_one(world, revision=revision, deposits_sum=amount))
        for revision, amount in ((3, "30"), (2, "20"), (3, "30"), (3, "31"), (4, "40"))
    ]

    assert said_of == ["created", "stale", "unchanged", "conflict", "updated"]
    assert [fact.deposits_sum for fact in await holding()] == [40]


async def test_a_newer_revision_with_the_same_numbers_still_outranks_an_older_one(
    world: World,
) -> None:
    said_of = [
        said(await report_one(world, revision=revision, deposits_sum=amount))
        for revision, amount in ((1, "10"), (5, "10"), (3, "30"))
    ]

    assert said_of == ["created", "unchanged", "stale"]
    assert [(fact.deposits_sum, fact.revision) for fact in await holding()] == [(10, 5)]


async def test_a_report_without_a_revision_makes_no_older_one_newer(world: World) -> None:
    """A late retry of the brand does not undo what an operator corrected by hand."""
    said_of = [
        said(await report_one(world, revision=revision, deposits_sum=amount))
        for revision, amount in ((3, "30"), (None, "31"), (2, "20"), (3, "30"), (4, "40"))
    ]

    assert said_of == ["created", "updated", "stale", "conflict", "updated"]


async def test_a_first_deposit_that_is_taken_back_is_an_update(world: World) -> None:
    no_more: dict[str, Any] = {}
    first: dict[str, Any] = {"first_deposit_at": START.isoformat(), "first_deposit_sum": "5"}
    said_of = [
        said(await report_one(world, revision=revision, deposits_sum="5", **more))
        for revision, more in ((1, first), (2, no_more), (3, no_more))
    ]

    assert said_of == ["created", "updated", "unchanged"]
    assert not await FirstDeposit.filter(superseded_by=None).exists()


async def test_the_version_that_was_generated_last_holds_and_refusals_name_its_time(
    world: World,
) -> None:
    times = ["2026-03-10T11:00:00+01:00", "2026-03-10T09:59:59Z", "2026-03-10T10:00:00Z"]
    results = [
        await report_one(world, generated_at=at, deposits_sum=f"{number}")
        for number, at in enumerate(times)
    ]

    assert [said(result) for result in results] == ["created", "stale", "conflict"]
    assert [result.message for result in results] == [
        None,
        "the version generated at 2026-03-10T10:00:00+00:00 is stored and is newer: it stays",
        "the version generated at 2026-03-10T10:00:00+00:00 is stored with other content: send a newer one",
    ]


async def test_a_stored_revision_that_is_no_time_is_named_as_the_number_that_it_is(
    world: World,
) -> None:
    await report_one(world, revision=2**63 - 1, deposits_sum="1")

    result = await report_one(world, generated_at=START.isoformat(), deposits_sum="2")

    assert said(result) == "stale"
    assert result.message == f"revision {2**63 - 1} is stored and is newer: it stays"


async def test_a_version_cannot_be_generated_in_the_future_beyond_the_skew_of_clocks(
    world: World, clock: ManualClock
) -> None:
    ahead = [
        (clock.now() + CLOCK_SKEW + more).isoformat() for more in (timedelta(0), timedelta(hours=1))
    ]
    results = [await report_one(world, generated_at=at, deposits_sum="1") for at in ahead]

    assert [said(result) for result in results] == ["created", "invalid"]
    assert (results[1].message or "").startswith("generated_at lies in the future")


async def test_what_was_generated_in_the_future_blocks_no_version_of_the_present(
    world: World, clock: ManualClock
) -> None:
    await report_one(world, generated_at="2036-03-10T12:00:00Z", deposits_sum="1")

    result = await report_one(world, generated_at=clock.now().isoformat(), deposits_sum="2")

    assert said(result) == "created"


async def test_without_a_revision_the_order_of_arrival_decides(world: World) -> None:
    said_of = [
        said(await report_one(world, deposits_sum=amount)) for amount in ("10", "10", "5", "10")
    ]

    assert said_of == ["created", "unchanged", "updated", "updated"]
    assert [fact.deposits_sum for fact in await holding()] == [10]


# overlap, conflict, unknown_player


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START, END - timedelta(hours=1)),
        (START + timedelta(hours=1), END),
        (START + timedelta(hours=1), END - timedelta(hours=1)),
        (START + timedelta(hours=23), END),
    ],
    ids=["same start", "same end", "within", "last hour"],
)
async def test_an_interval_with_other_bounds_that_covers_part_of_a_known_one_overlaps(
    world: World, start: datetime, end: datetime
) -> None:
    await report_one(world, deposits_sum="10")

    result = await report_one(world, start, end, deposits_sum="5")

    assert said(result) == "overlap"
    assert f"{START.isoformat()} to {END.isoformat()}" in (result.message or "")


async def test_intervals_that_only_touch_do_not_overlap(world: World) -> None:
    middle = START + timedelta(hours=12)

    said_of = [
        said(await report_one(world, *bounds, deposits_sum="5"))
        for bounds in ((START, middle), (middle, END))
    ]

    assert said_of == ["created", "created"]


async def test_another_currency_or_player_does_not_overlap(
    world: World, clock: ManualClock
) -> None:
    scope = brand_scope(world.brand, clock)
    await register_players(scope, world.brand.id, [world.player("p2")], box=BOX)
    await report_one(world, deposits_sum="10")
    half = END - timedelta(hours=12)

    results = await report(
        world, [{"user_id": "p1", "currency": "RON"}, {"user_id": "p2"}], START, half
    )

    assert [said(result) for result in results] == ["created", "created"]


async def test_a_player_and_currency_twice_in_a_batch_is_a_conflict(world: World) -> None:
    results = await report(world, [{"user_id": "p1", "deposits_sum": "5"}, {"user_id": "p1"}])

    assert [said(result) for result in results] == ["created", "conflict"]
    assert [fact.deposits_sum for fact in await holding()] == [5]


async def test_an_unknown_player_is_refused_unless_its_item_carries_a_tag(world: World) -> None:
    results = await report(world, [{"user_id": "p2"}, {"user_id": "p3", "tag": world.tag}])

    player = await Player.get(user_id="p3")
    assert [said(result) for result in results] == ["unknown_player", "created"]
    assert player.sign_up_at == START
    assert (await Registration.get(player_id=player.id)).business_day == date(2026, 3, 9)
    assert await Player.filter(user_id="p2").count() == 0


@pytest.mark.parametrize("wrong", ["visit", "promo", "brand", "window"])
async def test_a_tag_that_names_no_visit_of_the_brand_makes_no_player(
    world: World, clock: ManualClock, wrong: str
) -> None:
    other = await make_world(clock)
    start, end = START, END
    tag = {
        "visit": f"{world.promo.id}_1",
        "promo": f"{other.promo.id}_{world.visit_id}",
        "brand": other.tag,
        "window": world.tag,
    }[wrong]
    if wrong == "window":
        clock.advance(timedelta(days=90))
        start, end = clock.at - timedelta(hours=2), clock.at - timedelta(hours=1)

    (result,) = await report(world, [{"user_id": "p2", "tag": tag}], start, end)

    assert said(result) == "unknown_player"
    assert tag in (result.message or "") or wrong == "window"
    assert await Player.all().count() == 1


# invalid


BAD: list[dict[str, Any]] = [
    {"user_id": None},
    {"user_id": "\ud800"},
    {"currency": "XXX"},
    {"deposits_count": -1},
    {"deposits_count": 1.0},
    {"deposits_count": Decimal("1.0")},
    {"deposits_count": "1"},
    {"deposits_count": True},
    {"deposits_count": 10**13},
    {"deposits_count": 10**4_000},
    {"deposits_sum": 12},
    {"deposits_sum": 12.5},
    {"deposits_sum": Decimal("12.5")},
    {"deposits_sum": "1.234"},
    {"deposits_sum": "1e3"},
    {"deposits_sum": "NaN"},
    {"deposits_sum": "\x00"},
    {"deposits_sum": "9999999999999999"},
    {"deposits_sum": hostile.nested(900)},
    {"deposits_sum_cents": "1234"},
    {"deposits_sum_cents": 12.5},
    {"deposits_sum_cents": 10**40},
    {"deposits_sum_cents": hostile.nested(900)},
    {"deposits_sum_cents": 1, "deposits_sum": "0.01"},
    {"deposits_sum": "-0.01"},
    {"deposits_sum_cents": -1},
    {"first_deposit_sum": "-5", "first_deposit_at": "2026-03-09T00:00:00Z"},
    {"casino_balance_corrections_sum": "-1000000000000000.01"},
    {"revision": -1},
    {"revision": "1"},
    {"revision": 2**63},
    {"revision": Decimal(1)},
    {"first_deposit_at": "2026-03-09T00:00:00Z"},
    {"first_deposit_sum": "5"},
    {"first_deposit_sum": "5", "first_deposit_at": "2036-03-09T00:00:00Z"},
    {"first_deposit_sum": "5", "first_deposit_at": "0001-01-01T00:00:00Z"},
]


async def test_a_bad_field_refuses_its_item_by_name_and_no_other(world: World) -> None:
    bad = [{"user_id": "p1", **change} for change in BAD]

    *results, last = await report(world, [*bad, None, [], {"user_id": "p1", "deposits_sum": "5"}])

    assert said(last) == "created"
    for result, change in zip(results, [*BAD, {"object": None}, {"object": None}], strict=True):
        assert said(result) == "invalid", change
        assert any(name in (result.message or "") for name in change), result.message
        assert len(result.message or "") < 300
    assert await Activity.all().count() == 1


names = (
    *("user_id", "tag", "currency", "revision", "deposits_count", "deposits_sum"),
    *("deposits_sum_cents", "casino_total_wins_sum", "first_deposit_at", "first_deposit_sum"),
)


@given(items=st.lists(hostile.items(*names), max_size=5))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_sent_gets_one_result_for_each_item(
    world: World, items: list[Any]
) -> None:
    merged = [{"user_id": "p1", **item} if isinstance(item, dict) else item for item in items]

    results = await report(world, merged)

    assert len(results) == len(items)
    assert all(result.message for result in results if result.status is Status.REJECTED)


# The interval of a batch


IMPOSSIBLE: list[tuple[Any, Any, str]] = [
    (None, "2026-03-09T22:00:00Z", "from"),
    ("2026-03-08T22:00:00Z", None, "to"),
    ("2026-03-08T22:00:00", "2026-03-09T22:00:00", "from"),
    (5, "2026-03-09T22:00:00Z", "from"),
    ("2026-03-09T22:00:00Z", "2026-03-09T22:00:00Z", "to"),
    ("2026-03-09T22:00:00Z", "2026-03-08T22:00:00Z", "to"),
    ("2036-03-08T22:00:00Z", "2036-03-09T22:00:00Z", "from"),
    # Over midnight in Bucharest, though within one day in UTC.
    ("2026-03-09T21:00:00Z", "2026-03-09T23:00:00Z", "to"),
    ("2026-03-08T22:00:00Z", "2026-03-09T22:00:00.000001Z", "to"),
    ("2026-03-08T22:00:00Z", "9999-12-31T23:59:59Z", "to"),
    ("0001-01-01T00:00:00Z", "2026-03-09T22:00:00Z", "from"),
    ("2026-03-08T22:00:00Z\n", "2026-03-09T22:00:00Z", "from"),
]


async def test_an_impossible_interval_refuses_the_batch_and_names_the_bound(world: World) -> None:
    scope = brand_scope(world.brand, world.clock)
    for start, end, field in IMPOSSIBLE:
        with pytest.raises(Invalid) as refusal:
            await record_activity(scope, world.brand.id, start, end, [{"user_id": "p1"}])

        assert refusal.value.field == (field,), (start, end)


@pytest.mark.parametrize(
    ("start", "end", "day"),
    [
        # The night of the change of the clock is an hour shorter, or longer.
        ("2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z", date(2026, 3, 29)),
        ("2025-10-25T21:00:00Z", "2025-10-26T22:00:00Z", date(2025, 10, 26)),
        ("2026-03-10T00:00:00+02:00", "2026-03-11T00:00:00+02:00", date(2026, 3, 10)),
    ],
)
async def test_a_business_day_is_as_long_as_the_brands_zone_makes_it_m42(
    world: World, clock: ManualClock, start: str, end: str, day: date
) -> None:
    clock.advance(timedelta(days=30))
    scope = brand_scope(world.brand, clock)

    await record_activity(scope, world.brand.id, start, end, [{"user_id": "p1"}])

    assert [fact.business_day for fact in await holding()] == [day]


async def test_the_interval_that_runs_at_this_moment_can_be_reported(
    world: World, clock: ManualClock
) -> None:
    start = clock.at - timedelta(hours=1)

    assert said(await report_one(world, start, clock.at + timedelta(hours=1))) == "created"


# Concurrency


async def test_the_same_batch_from_many_connections_is_stored_once(world: World) -> None:
    item = {"user_id": "p1", "deposits_count": 1, "deposits_sum": "10"}

    answers = await asyncio.gather(*(report(world, [item]) for _ in range(8)))

    assert sorted(said(answer[0]) for answer in answers) == ["created", *["unchanged"] * 7]
    assert await Activity.all().count() == 1
    assert await Event.filter(type="player.deposited").count() == 1


async def test_revisions_that_race_leave_the_highest_whatever_their_order(world: World) -> None:
    async def send(revision: int) -> None:
        await report_one(world, revision=revision, deposits_sum=f"{revision}.00")

    await asyncio.gather(*(send(revision) for revision in (5, 1, 8, 3, 7, 2, 6, 4)))

    assert [(fact.revision, fact.deposits_sum) for fact in await holding()] == [(8, 8)]
    superseded = await Activity.exclude(superseded_by=None).count()
    assert await FactChange.all().count() == superseded == await Activity.all().count() - 1


async def test_a_batch_of_several_transactions_answers_in_order(world: World) -> None:
    items: list[dict[str, Any]] = [
        {"user_id": f"new {n}", "tag": world.tag} for n in range(CHUNK + 3)
    ]
    items[5] = {"user_id": "nobody"}

    results = await report(world, items)

    assert [n for n, result in enumerate(results) if said(result) != "created"] == [5]
    assert [result.user_id for result in results] == [item["user_id"] for item in items]


async def test_two_brands_may_report_the_same_user_id(world: World, clock: ManualClock) -> None:
    other = await make_world(clock)
    scope = brand_scope(other.brand, clock)
    await register_players(scope, other.brand.id, [other.player("p1")], box=BOX)

    for each, amount in ((world, "1"), (other, "2")):
        assert said(await report_one(each, deposits_sum=amount)) == "created"

    assert {fact.brand_id: fact.deposits_sum for fact in await holding()} == {
        world.brand.id: 1,
        other.brand.id: 2,
    }
