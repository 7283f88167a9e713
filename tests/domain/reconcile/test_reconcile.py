"""X06: the brand's numbers against ours; the answer names exactly what differs."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.activity.record import record_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.conversions.record import record_conversions
from app.domain.errors import Invalid
from app.domain.players.register import register_players
from app.domain.reconcile.compare import Difference, reconcile
from app.domain.reconcile.read import MOST_DAYS, MOST_ITEMS, read_days
from app.infra.clock import ManualClock, day_bounds
from app.infra.database import fetch
from app.models import Activity, BrandEvent, Event, FactChange
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_brand_key,
    make_world,
    post_signed,
)

FIRST = date(2026, 3, 7)
_numbers = itertools.count(1)
amounts = st.integers(0, 10**6).map(lambda units: Decimal(units) / 100)
players = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.tuples(amounts, st.integers(0, 3)), max_size=4
)
sales = st.dictionaries(st.sampled_from(["1", "2", "3"]), amounts, max_size=3)


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(ManualClock(clock.now() - timedelta(days=20)), cookie_days=300)


async def send(world: World, day: date, told: Any, sold: Any) -> None:
    """Make the brand's word ours: players of that day, and its sales."""
    scope = brand_scope(world.brand, ManualClock(NOW))
    start, end = day_bounds(day, world.brand.time_zone)
    items = [
        {"user_id": user, "deposits_sum": f"{amount}", "deposits_count": count}
        for user, (amount, count) in told.items()
    ]
    registered = [world.player(user) for user in told]
    await register_players(scope, world.brand.id, registered, box=BOX)
    for result in await record_activity(
        scope, world.brand.id, start.isoformat(), end.isoformat(), items
    ):
        assert result.error is None
    conversions = [
        {
            "type": "sale",
            "transaction_id": number,
            "tag": world.tag,
            "occurred_at": start.isoformat(),
            "amount": f"{amount}",
        }
        for number, amount in sold.items()
    ]
    for sale in await record_conversions(scope, world.brand.id, conversions):
        assert sale.error is None


def said(day: date, told: Any, sold: Any) -> dict[str, Any]:
    """The brand's side of a day."""
    return {
        "day": day.isoformat(),
        "totals": {
            "deposits_sum": f"{sum((amount for amount, _ in told.values()), Decimal(0))}",
            "deposits_count": sum(count for _, count in told.values()),
            "sales_sum": f"{sum(sold.values(), Decimal(0))}",
            "sales_count": len(sold),
        },
        "players": [
            {"user_id": user, "deposits_sum": f"{amount}", "deposits_count": count}
            for user, (amount, count) in told.items()
        ],
        "conversions": [
            {"type": "sale", "transaction_id": number, "amount": f"{amount}"}
            for number, amount in sold.items()
        ],
    }


@given(ours=players, theirs=players, our_sales=sales, their_sales=sales)
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.reuse, Phase.generate],
)
async def test_x06_the_answer_names_exactly_what_differs(
    world: World, ours: Any, theirs: Any, our_sales: Any, their_sales: Any
) -> None:
    await fetch("TRUNCATE activities, conversions")
    await send(world, FIRST, ours, our_sales)
    # Another day and its numbers are nobody's business here.
    await send(
        world, FIRST + timedelta(days=1), {"a": (Decimal("7.77"), 7)}, {"elsewhere": Decimal(5)}
    )

    scope = brand_scope(world.brand, ManualClock(NOW))
    (day,) = await reconcile(scope, world.brand.id, [said(FIRST, theirs, their_sales)])

    def there(side: Any) -> set[str]:
        return {user for user, numbers in side.items() if any(numbers)}

    assert day.players is not None
    assert day.conversions is not None
    assert day.totals is not None
    assert set(day.players.missing_here) == there(theirs) - there(ours)
    assert set(day.players.missing_there) == there(ours) - there(theirs)
    both = there(ours) & there(theirs)
    assert {
        user: {name: (each.yours, each.ours) for name, each in found.items()}
        for user, found in day.players.different
    } == {
        user: {
            name: (theirs[user][place], ours[user][place])
            for place, name in enumerate(("deposits_sum", "deposits_count"))
            if theirs[user][place] != ours[user][place]
        }
        for user in both
        if theirs[user] != ours[user]
    }
    assert {key for _, key in day.conversions.missing_here} == set(their_sales) - set(our_sales)
    assert {key for _, key in day.conversions.missing_there} == set(our_sales) - set(their_sales)
    assert {
        key[1]: (d["amount"].yours, d["amount"].ours) for key, d in day.conversions.different
    } == {
        number: (their_sales[number], our_sales[number])
        for number in set(our_sales) & set(their_sales)
        if our_sales[number] != their_sales[number]
    }
    yours, mine = said(FIRST, theirs, their_sales), said(FIRST, ours, our_sales)
    assert set(day.totals) == {
        name
        for name, value in yours["totals"].items()
        if Decimal(value) != Decimal(mine["totals"][name])
    }


async def test_x06_a_signed_request_is_answered_and_changes_nothing_but_the_log(
    client: httpx.AsyncClient, world: World
) -> None:
    await send(world, FIRST, {"a": (Decimal(5), 1), "b": (Decimal(6), 1)}, {"1": Decimal(9)})
    key = await make_brand_key(world.brand, BOX, world.clock)
    before = (await Activity.all().count(), await FactChange.all().count())
    theirs = said(FIRST, {"a": (Decimal(5), 1), "c": (Decimal(2), 3)}, {"1": Decimal("8.50")})

    answer = await post_signed(client, "/api/v1/reconcile", key, {"days": [theirs]})

    assert answer.status_code == 200
    assert answer.json() == [
        {
            "day": "2026-03-07",
            "currency": "EUR",
            "status": "different",
            "totals": {
                "deposits_count": {"yours": 4, "ours": 2},
                "deposits_sum": {"yours": "7", "ours": "11"},
                "sales_sum": {"yours": "8.5", "ours": "9"},
            },
            "players": {
                "missing_here": [{"user_id": "c"}],
                "missing_there": [{"user_id": "b"}],
                "different": [],
                "counts": {"missing_here": 1, "missing_there": 1, "different": 0},
            },
            "conversions": {
                "missing_here": [],
                "missing_there": [],
                "different": [
                    {
                        "type": "sale",
                        "transaction_id": "1",
                        "amount": {"yours": "8.5", "ours": "9"},
                    }
                ],
                "counts": {"missing_here": 0, "missing_there": 0, "different": 1},
            },
        }
    ]
    assert (await Activity.all().count(), await FactChange.all().count()) == before
    event = await Event.get(type="intake.reconciled")
    assert (event.brand_id, event.partner_id) == (world.brand.id, None)
    assert event.data["days"][0]["players"] == {
        "missing_here": 1,
        "missing_there": 1,
        "different": 0,
    }


async def test_x06_equal_days_are_said_to_be_equal_and_ids_alone_are_enough(world: World) -> None:
    await send(world, FIRST, {"a": (Decimal(5), 1), "b": (Decimal(6), 1)}, {})
    scope = brand_scope(world.brand, ManualClock(NOW))

    equal, lacking = [
        (await reconcile(scope, world.brand.id, [{"day": FIRST.isoformat(), "players": ids}]))[0]
        for ids in (["a", "b"], ["a"])
    ]

    assert equal.equal
    assert not lacking.equal
    assert lacking.players is not None
    assert lacking.players.missing_there == ("b",)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, "days is missing"),
        ([], "days is missing"),
        ([{}], "days[0]: day is missing"),
        ([{"day": "7 March"}], "days[0]: day is not a date"),
        ([{"day": "2026-03-07"}], "days[0] has nothing to compare"),
        ([{"day": "2026-03-07", "totals": {"visits_count": 1}}], "not a metric that brands report"),
        ([{"day": "2026-03-07", "totals": {"deposits_sum": 1.5}}], "days[0].totals"),
        ([{"day": "2026-03-07", "players": ["a", "a"]}], "named twice"),
        ([{"day": "2026-03-07", "events": ["a", {"id": "a"}]}], "named twice"),
        ([{"day": "2026-03-07", "events": [{"amount": "1"}]}], "events[0]: id is missing"),
        ([{"day": "2026-03-07", "totals": {}}] * 2, "named twice"),
        ([{"day": "2026-03-07", "totals": {}}] * (MOST_DAYS + 1), f"more than {MOST_DAYS}"),
        (
            [{"day": "2026-03-07", "players": list(range(MOST_ITEMS + 1))}],
            f"more than {MOST_ITEMS}",
        ),
    ],
)
async def test_x06_what_cannot_be_compared_is_refused_with_its_place(
    world: World, days: Any, words: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await reconcile(brand_scope(world.brand, ManualClock(NOW)), world.brand.id, days)

    assert words in refusal.value.message


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9001-01-01", "9999-12-31"])
async def test_x06_a_day_outside_the_years_that_can_be_recorded_is_refused_by_name(
    world: World, day: str
) -> None:
    days = [{"day": day, "events": []}]

    with pytest.raises(Invalid, match="day lies outside the years") as refusal:
        await reconcile(brand_scope(world.brand, ManualClock(NOW)), world.brand.id, days)

    assert refusal.value.field == ("days[0]", "day")


@pytest.mark.parametrize("day", ["1970-01-01", "9000-12-31"])
async def test_x06_the_first_and_the_last_day_that_can_be_recorded_are_compared(
    world: World, day: str
) -> None:
    days = [{"day": day, "events": [], "players": [], "totals": {}}]

    (answer,) = await reconcile(brand_scope(world.brand, ManualClock(NOW)), world.brand.id, days)

    assert answer.equal


@pytest.mark.parametrize(
    "day", ["2026-W09-1", "2026W091", "20260301", 20260301, "2026-060", "٢٠٢٦-٠٣-٠١", "2026-02-30"]
)
async def test_x06_a_day_is_taken_only_in_the_form_yyyy_mm_dd(world: World, day: Any) -> None:
    days = [{"day": day, "totals": {}}]

    with pytest.raises(Invalid, match="day is not a date such as 2026-03-01"):
        await reconcile(brand_scope(world.brand, ManualClock(NOW)), world.brand.id, days)


@pytest.mark.parametrize(
    "named",
    [
        {"totals": {"deposits_count_cents": 5}},
        {"players": [{"user_id": "a", "deposits_count_cents": 5}]},
        {"totals": {"user_id_cents": 5}},
    ],
    ids=str,
)
async def test_x06_minor_units_of_what_is_no_amount_are_refused_by_name(
    world: World, named: Any
) -> None:
    days = [{"day": FIRST.isoformat(), **named}]

    with pytest.raises(Invalid, match="_cents' is not a metric that brands report"):
        await reconcile(brand_scope(world.brand, ManualClock(NOW)), world.brand.id, days)


async def test_x06_an_event_without_money_stands_in_the_brands_currency_whatever_it_names(
    database: Settings, clock: ManualClock
) -> None:
    other = await make_world(clock, currency="USD")
    brand, scope = other.brand, brand_scope(other.brand, clock)
    at = clock.now().isoformat()
    told = {"user_id": "a", "occurred_at": at, "currency": "EUR"}
    events = [
        told | {"id": "r", "type": "registration", "tag": other.tag},
        told | {"id": "f", "type": "flag", "flag": "fraud"},
        told | {"id": "d", "type": "deposit", "amount": "5"},
    ]
    results = await record_brand_events(scope, brand.id, events)
    assert [result.status for result in results] == ["created"] * 3, results

    day = NOW.date().isoformat()
    days = [
        {"day": day, "events": ["f", "r"]},
        {"day": day, "currency": "EUR", "events": ["d"]},
    ]
    answers = await reconcile(scope, brand.id, days)

    assert [answer.equal for answer in answers] == [True, True]


def refunds(*amounts: str | None) -> dict[str, Any]:
    """The brand's side of the first day: partial refunds of the sale s, as they were sent."""
    one = {"type": "refund", "transaction_id": "s"}
    told = [one if amount is None else one | {"amount": amount} for amount in amounts]
    return {"day": FIRST.isoformat(), "conversions": told}


@pytest.mark.parametrize(
    ("told", "yours"),
    [
        (["3.10", "4"], None),
        (["7.10"], None),
        ([None, None], None),
        (["1", None], None),
        (["3.10", "5"], "8.10"),
        (["3.10"], "3.10"),
    ],
    ids=str,
)
async def test_x06_several_refunds_of_one_transaction_are_compared_by_their_sum(
    world: World, told: list[str | None], yours: str | None
) -> None:
    scope, brand = brand_scope(world.brand, ManualClock(NOW)), world.brand
    at = day_bounds(FIRST, brand.time_zone)[0].isoformat()
    sale = {"id": "s", "type": "sale", "tag": world.tag, "occurred_at": at, "amount": "10"}
    parts = [
        {"id": f"r{amount}", "type": "refund", "ref": "s", "occurred_at": at, "amount": amount}
        for amount in ("3.10", "4.00")
    ]
    results = await record_brand_events(scope, brand.id, [sale, *parts])
    assert [result.status for result in results] == ["created"] * 3, results

    (day,) = await reconcile(scope, brand.id, [refunds(*told)])

    assert day.conversions is not None
    assert day.conversions.missing_there == (("sale", "s"),)
    assert day.conversions.missing_here == ()
    found = [(key, numbers["amount"]) for key, numbers in day.conversions.different]
    ours = Decimal("7.10")
    assert found == ([] if yours is None else [(("refund", "s"), Difference(Decimal(yours), ours))])


def test_x06_the_sum_of_refunds_is_exact_in_a_coin_of_many_decimals() -> None:
    large, small = "1000000000000000", "0.000000000000000001"
    day = refunds(large, small) | {"currency": "ETH"}

    (answer,) = read_days([day], "EUR")

    expected = Decimal("1000000000000000.000000000000000001")
    assert answer.conversions == {("refund", "s"): expected}


@pytest.mark.parametrize("kind", ["sale", "lead"])
def test_x06_a_sale_or_lead_that_is_named_twice_is_refused(kind: str) -> None:
    twice = [{"type": kind, "transaction_id": "s", "amount": "5"}] * 2

    with pytest.raises(Invalid, match=f"{kind} 's' is named twice"):
        read_days([{"day": FIRST.isoformat(), "conversions": twice}], "EUR")


def test_x06_each_of_several_refunds_counts_towards_the_limit() -> None:
    with pytest.raises(Invalid, match=f"more than {MOST_ITEMS}"):
        read_days([refunds(*["1"] * (MOST_ITEMS + 1))], "EUR")


async def test_x06_another_brands_numbers_are_not_compared(world: World) -> None:
    await send(world, FIRST, {"a": (Decimal(5), 1)}, {"1": Decimal(9)})
    other = await make_world(world.clock)
    scope = brand_scope(other.brand, ManualClock(NOW))

    (day,) = await reconcile(scope, other.brand.id, [said(FIRST, {}, {})])

    assert day.equal


event_amounts = st.dictionaries(
    st.sampled_from(["e1", "e2", "e3", "e4", "e5"]), st.integers(1, 10**6), max_size=5
)


@hypothesis_settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(yours=event_amounts, ours=event_amounts, voided=st.sets(st.sampled_from(["e1", "e2"])))
async def test_x06_single_events_are_compared_by_their_ids_and_amounts(
    world: World, yours: dict[str, int], ours: dict[str, int], voided: set[str]
) -> None:
    """An event that is voided does not hold, and what voids it is no event of the day."""
    run = next(_numbers)
    scope, brand = brand_scope(world.brand, ManualClock(NOW)), world.brand
    await register_players(scope, brand.id, [world.player("a")], box=BOX)
    day = FIRST + timedelta(days=run % 3)
    at = (day_bounds(day, brand.time_zone)[0] + timedelta(hours=5)).isoformat()
    events = [
        {"id": f"{run}-{key}", "type": "deposit", "user_id": "a", "occurred_at": at}
        | {"amount_cents": cents, "currency": "EUR"}
        for key, cents in ours.items()
    ]
    gone = voided & ours.keys()
    events += [
        {"id": f"{run}-void-{key}", "type": "void", "ref": f"{run}-{key}", "occurred_at": at}
        for key in sorted(gone)
    ]
    results = await record_brand_events(scope, brand.id, events)
    assert {result.status for result in results} <= {"created"}, results

    earlier = {
        event.event_id
        for event in await BrandEvent.filter(brand_id=brand.id, type="deposit", voided=False)
        if not event.event_id.startswith(f"{run}-")
    }
    said_events = [
        {"id": f"{run}-{key}", "amount_cents": cents, "currency": "EUR"}
        for key, cents in yours.items()
    ]
    asked = {"day": day.isoformat(), "currency": "EUR", "events": said_events}
    (answer,) = await reconcile(scope, brand.id, [asked])

    holding = {key: cents for key, cents in ours.items() if key not in gone}
    found = answer.events
    assert found is not None
    assert set(found.missing_here) == {f"{run}-{key}" for key in yours.keys() - holding.keys()}
    new_there = {each for each in found.missing_there if each not in earlier}
    assert new_there == {f"{run}-{key}" for key in holding.keys() - yours.keys()}
    assert {key: numbers["amount"] for key, numbers in found.different} == {
        f"{run}-{key}": Difference(Decimal(yours[key]) / 100, Decimal(holding[key]) / 100)
        for key in yours.keys() & holding.keys()
        if yours[key] != holding[key]
    }
