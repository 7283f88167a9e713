"""Prepaid brands: the balance, what it decides, and downtime (O01)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.brands.funding import (
    FundingFilter,
    correct_funding,
    deposit,
    fundings,
    set_prepaid,
)
from app.domain.brands.standing import (
    DOWNTIME_WINDOW,
    disable_brand,
    downtime,
    downtimes,
    enable_brand,
)
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import IntegrityViolation, fetch
from app.models import Brand, BrandFunding, BrandSuspension
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import make_brand, make_partner, partner_scope, staff_scope


@pytest.fixture
def finance(database: Settings, clock: ManualClock) -> Scope:
    """The scope of somebody of the finance department."""
    return staff_scope(clock, StaffRole.FINANCE)


async def _prepaid(finance: Scope, clock: ManualClock, amount: str) -> Brand:
    brand = await make_brand(clock)
    await deposit(finance, brand.id, Decimal(amount), "first invoice")
    return await set_prepaid(finance, brand.id, prepaid=True)


async def _state(brand: Brand) -> str:
    return str((await Brand.get(id=brand.id)).state)


async def _types() -> list[str]:
    return [row["type"] for row in await fetch("SELECT type FROM events ORDER BY id")]


async def test_o01_a_prepaid_brand_without_funds_is_suspended_at_once(
    finance: Scope, clock: ManualClock
) -> None:
    brand = await make_brand(clock)

    prepaid = await set_prepaid(finance, brand.id, prepaid=True)

    assert prepaid.state == "suspended"
    assert await _types() == ["brand.prepaid_set", "brand.suspended"]


async def test_o01_a_deposit_above_zero_resumes_and_at_zero_it_is_suspended_again(
    finance: Scope, clock: ManualClock
) -> None:
    brand = await _prepaid(finance, clock, "10.50")
    assert brand.state == "active"

    await correct_funding(finance, brand.id, Decimal("-10.49"), "spent")
    assert await _state(brand) == "active"
    line = await correct_funding(finance, brand.id, Decimal("-0.01"), "spent")
    assert (line.balance, await _state(brand)) == (0, "suspended")
    clock.advance(timedelta(days=1))
    await deposit(finance, brand.id, Decimal("0.01"), "second invoice")

    assert await _state(brand) == "active"
    (suspension,) = await BrandSuspension.all()
    assert (suspension.started_at, suspension.ended_at) == (NOW, NOW + timedelta(days=1))


async def test_o01_a_brand_that_pays_later_resumes(finance: Scope, clock: ManualClock) -> None:
    brand = await make_brand(clock)
    await set_prepaid(finance, brand.id, prepaid=True)

    after = await set_prepaid(finance, brand.id, prepaid=False)

    assert after.state == "active"
    with pytest.raises(Conflict):
        await set_prepaid(finance, brand.id, prepaid=False)


async def test_o01_funding_does_not_wake_a_brand_that_an_operator_disabled(
    finance: Scope, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    await set_prepaid(finance, brand.id, prepaid=True)
    owner = staff_scope(clock)
    await disable_brand(owner, brand.id, "licence expired")

    await deposit(finance, brand.id, Decimal(5), "invoice")

    assert await _state(brand) == "disabled"
    assert (await enable_brand(owner, brand.id)).state == "active"
    assert await BrandSuspension.filter(ended_at=None).count() == 0


async def test_o01_an_enabled_brand_without_funds_is_suspended(
    finance: Scope, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    await disable_brand(staff_scope(clock), brand.id, "licence expired")
    await set_prepaid(finance, brand.id, prepaid=True)

    enabled = await enable_brand(staff_scope(clock), brand.id)

    assert enabled.state == "suspended"


async def test_o01_fundings_at_the_same_time_all_count(finance: Scope, clock: ManualClock) -> None:
    brand = await make_brand(clock)
    await set_prepaid(finance, brand.id, prepaid=True)
    amounts = [Decimal(number) / 100 for number in range(1, 13)]

    await asyncio.gather(
        *(deposit(finance, brand.id, amount, "at once") for amount in amounts),
        *(correct_funding(finance, brand.id, -amount, "at once") for amount in amounts[:6]),
    )

    lines = await BrandFunding.filter(brand_id=brand.id).order_by("id")
    assert len(lines) == 18
    assert lines[0].balance == lines[0].amount
    for before, line in pairwise(lines):
        assert line.balance == before.balance + line.amount
    now = await Brand.get(id=brand.id)
    assert now.funding_balance == lines[-1].balance == sum(amounts[6:])
    # Whatever the order was, nothing is left open that should not be.
    assert now.state == "active"
    assert await BrandSuspension.filter(brand_id=brand.id, ended_at=None).count() == 0


@pytest.mark.parametrize(
    ("amount", "told"),
    [("0", "above 0"), ("-1", "above 0"), ("1.001", "2 decimals"), ("1000000000000001", "larger")],
)
async def test_o01_a_bad_deposit_is_refused_with_the_limit(
    finance: Scope, clock: ManualClock, amount: str, told: str
) -> None:
    brand = await make_brand(clock)

    with pytest.raises(Invalid, match=told) as refused:
        await deposit(finance, brand.id, Decimal(amount), "invoice")

    assert refused.value.field == ("amount",)
    assert await BrandFunding.all().count() == 0


async def test_o01_a_balance_stays_within_what_can_be_stored(
    finance: Scope, clock: ManualClock
) -> None:
    brand = await make_brand(clock)
    await deposit(finance, brand.id, Decimal(10) ** 15, "a rich brand")

    with pytest.raises(Invalid, match="the balance would be"):
        await deposit(finance, brand.id, Decimal("0.01"), "a cent")


async def test_o01_a_line_of_a_balance_never_changes(finance: Scope, clock: ManualClock) -> None:
    brand = await make_brand(clock)
    await deposit(finance, brand.id, Decimal(5), "invoice")

    for statement in ("UPDATE brand_fundings SET amount = 6", "DELETE FROM brand_fundings"):
        with pytest.raises(IntegrityViolation):
            await fetch(statement)


async def test_o01_balances_are_for_staff_and_an_advertiser_sees_its_own(
    finance: Scope, clock: ManualClock
) -> None:
    own, foreign = await make_brand(clock), await make_brand(clock)
    for brand in (own, foreign):
        await deposit(finance, brand.id, Decimal(5), "invoice")
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({own.id}))

    seen = await (await fundings(advertiser, FundingFilter())).rows

    assert [line.brand_id for line in seen] == [own.id]
    with pytest.raises(Forbidden):
        await deposit(advertiser, own.id, Decimal(5), "to myself")
    with pytest.raises(Forbidden):
        await fundings(partner_scope(await make_partner(clock, own), clock), FundingFilter())
    with pytest.raises(NotFound):
        await deposit(finance, foreign.id + 1, Decimal(5), "to nobody")


async def test_o01_downtime_is_read_on_the_brands_own_clock(
    finance: Scope, clock: ManualClock
) -> None:
    brand = await make_brand(clock, clock_offset=timedelta(days=3))
    await set_prepaid(finance, brand.id, prepaid=True)
    clock.advance(timedelta(days=3))

    found = await downtimes(partner_scope(await make_partner(clock, brand), clock), [brand.id])

    assert found == {brand.id: Decimal("0.1")}


@pytest.mark.parametrize(
    ("since", "until", "share"),
    [
        (timedelta(days=40), timedelta(days=30), "0"),
        (timedelta(days=31), timedelta(days=29), "0.033333"),
        (timedelta(days=30), timedelta(days=27), "0.1"),
        (timedelta(days=3), None, "0.1"),
        (timedelta(days=400), None, "1"),
        (timedelta(0), None, "0"),
        (timedelta(days=-1), None, "0"),
    ],
)
def test_o01_downtime_at_the_edges_of_the_window(
    since: timedelta, until: timedelta | None, share: str
) -> None:
    ended = None if until is None else NOW - until

    assert downtime([(NOW - since, ended)], NOW) == Decimal(share)


_MOMENTS = st.lists(
    st.integers(min_value=-60 * 86_400, max_value=0), min_size=0, max_size=12, unique=True
)


@given(_MOMENTS, st.booleans())
def test_o01_downtime_is_the_share_of_seconds_that_were_suspended(
    seconds: list[int], still: bool
) -> None:
    moments = [NOW + timedelta(seconds=second) for second in sorted(seconds)]
    starts, ends = moments[::2], list[datetime | None](moments[1::2])
    if len(ends) < len(starts):
        ends.append(None if still else NOW)
    times = list(zip(starts, ends, strict=True))

    # Counted the slow way, in whole seconds from the window's start.
    first = NOW - DOWNTIME_WINDOW
    down = 0
    for start, end in times:
        lower = max(0, int((start - first).total_seconds()))
        upper = int(((end or NOW) - first).total_seconds())
        down += len(range(lower, upper)) if upper > lower else 0
    exact = Decimal(down) / Decimal(30 * 86_400)

    assert abs(downtime(times, NOW) - exact) <= Decimal("0.0000005")
    assert 0 <= downtime(times, NOW) <= 1
