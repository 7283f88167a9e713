"""Announced changes: a brand's terms change after a notice, on its own clock, exactly once (O01)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.brands.changes import (
    BrandChangeFilter,
    ChangedField,
    announce_change,
    apply_due_changes,
    brand_changes,
    cancel_change,
    effective_from,
)
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock, business_day, day_bounds
from app.infra.database import fetch
from app.models import Brand, BrandChange
from app.settings import Settings
from tests.factories import make_brand, make_partner, partner_scope, staff_scope

NOTICE = 7
# Noon in UTC on 10 March is 14:00 in Bucharest; seven days later the next midnight there is 22:00 UTC on the 17th.
EFFECTIVE = datetime(2026, 3, 17, 22, 0, tzinfo=UTC)


@pytest.fixture
def manager(database: Settings, clock: ManualClock) -> Scope:
    """The scope of an affiliate manager."""
    return staff_scope(clock, StaffRole.AFFILIATE_MANAGER)


async def _brand(clock: ManualClock, **columns: Any) -> Brand:
    """A brand that somebody promotes."""
    brand = await make_brand(clock, **columns)
    await make_partner(clock, brand)
    return brand


async def _announce(manager: Scope, brand: Brand, days: int = 45) -> BrandChange:
    value = Decimal(days)
    field = ChangedField.COOKIE_DAYS
    return await announce_change(manager, brand.id, field, value, notice_days=NOTICE)


async def _cookie_days(brand: Brand) -> int:
    return (await Brand.get(id=brand.id)).cookie_days


async def _types() -> list[str]:
    rows = await fetch("SELECT type FROM events WHERE type LIKE 'brand_change.%' ORDER BY id")
    return [row["type"].removeprefix("brand_change.") for row in rows]


async def test_o01_a_change_takes_effect_after_the_notice_and_not_before(
    manager: Scope, system: Scope, clock: ManualClock
) -> None:
    brand = await _brand(clock)

    change = await _announce(manager, brand)

    assert change.effective_at == EFFECTIVE
    clock.at = EFFECTIVE - timedelta(microseconds=1)
    assert await apply_due_changes(system) == 0
    assert await _cookie_days(brand) == 30
    clock.at = EFFECTIVE
    assert await apply_due_changes(system) == 1
    assert await _cookie_days(brand) == 45
    assert await _types() == ["announced", "applied"]


async def test_o01_a_due_change_is_applied_once_by_however_many_schedulers(
    manager: Scope, system: Scope, clock: ManualClock
) -> None:
    brands = [await _brand(clock) for _ in range(3)]
    for brand in brands:
        await _announce(manager, brand)
    clock.at = EFFECTIVE

    counts = await asyncio.gather(*(apply_due_changes(system) for _ in range(5)))

    assert sum(counts) == 3
    assert (await _types()).count("applied") == 3


@pytest.mark.parametrize(
    ("field", "value", "column"),
    [
        (ChangedField.COOKIE_DAYS, "60", 60),
        (ChangedField.APPROVAL_DAYS, "0", 0),
        (ChangedField.DEFAULT_SALE_PERCENT, "7.25", Decimal("7.25")),
        (ChangedField.DEFAULT_LEAD_AMOUNT, "1.50", Decimal("1.5")),
        (ChangedField.DEFAULT_LEAD_AMOUNT, None, None),
    ],
)
async def test_o01_each_of_the_terms_can_be_announced(
    manager: Scope,
    system: Scope,
    clock: ManualClock,
    field: ChangedField,
    value: str | None,
    column: Any,
) -> None:
    brand = await _brand(clock, default_lead_amount=Decimal(2))
    wanted = None if value is None else Decimal(value)
    await announce_change(manager, brand.id, field, wanted, notice_days=NOTICE)

    clock.at = EFFECTIVE
    await apply_due_changes(system)

    assert getattr(await Brand.get(id=brand.id), field.value) == column


async def test_o01_a_brand_that_nobody_promotes_changes_at_once(
    manager: Scope, clock: ManualClock
) -> None:
    brand = await make_brand(clock)

    change = await _announce(manager, brand)

    assert change.applied_at == change.effective_at == clock.now()
    assert await _cookie_days(brand) == 45
    assert await _types() == ["announced", "applied"]


async def test_o01_a_second_announcement_replaces_the_first_of_its_field_alone(
    manager: Scope, system: Scope, clock: ManualClock
) -> None:
    brand = await _brand(clock)
    first = await _announce(manager, brand, 45)
    other = await announce_change(
        manager, brand.id, ChangedField.APPROVAL_DAYS, Decimal(10), notice_days=NOTICE
    )
    second = await _announce(manager, brand, 60)

    clock.at = EFFECTIVE
    await apply_due_changes(system)

    assert await _cookie_days(brand) == 60
    states = {row.id: row.cancelled_at is None for row in await BrandChange.all()}
    assert states == {first.id: False, other.id: True, second.id: True}


async def test_o01_announcements_at_the_same_time_leave_one_that_counts(
    manager: Scope, clock: ManualClock
) -> None:
    brand = await _brand(clock)

    await asyncio.gather(*(_announce(manager, brand, days) for days in range(40, 50)))

    assert await BrandChange.filter(cancelled_at=None).count() == 1


async def test_o01_a_cancelled_change_never_takes_effect(
    manager: Scope, system: Scope, clock: ManualClock
) -> None:
    brand = await _brand(clock)
    change = await _announce(manager, brand)

    await cancel_change(manager, change.id)
    clock.at = EFFECTIVE
    await apply_due_changes(system)

    assert await _cookie_days(brand) == 30
    with pytest.raises(Conflict, match="cancelled already"):
        await cancel_change(manager, change.id)


async def test_o01_what_is_in_effect_cannot_be_cancelled(
    manager: Scope, system: Scope, clock: ManualClock
) -> None:
    change = await _announce(manager, await _brand(clock))
    clock.at = EFFECTIVE
    await apply_due_changes(system)

    with pytest.raises(Conflict, match="in effect already"):
        await cancel_change(manager, change.id)


async def test_x08_a_sandboxs_change_is_due_on_its_own_clock(
    manager: Scope, system: Scope, clock: ManualClock
) -> None:
    brand = await _brand(clock)
    await _announce(manager, brand)

    await Brand.filter(id=brand.id).update(clock_offset=EFFECTIVE - clock.now())

    assert await apply_due_changes(system) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (ChangedField.COOKIE_DAYS, "0"),
        (ChangedField.COOKIE_DAYS, "366"),
        (ChangedField.COOKIE_DAYS, "1.5"),
        (ChangedField.COOKIE_DAYS, None),
        (ChangedField.APPROVAL_DAYS, "-1"),
        (ChangedField.DEFAULT_SALE_PERCENT, "0"),
        (ChangedField.DEFAULT_LEAD_AMOUNT, "0.001"),
    ],
)
async def test_o01_a_bad_value_is_refused(
    manager: Scope, clock: ManualClock, field: ChangedField, value: str | None
) -> None:
    brand = await _brand(clock)
    wanted = None if value is None else Decimal(value)

    with pytest.raises(Invalid) as refused:
        await announce_change(manager, brand.id, field, wanted, notice_days=NOTICE)

    assert refused.value.field == ("value",)
    assert await BrandChange.all().count() == 0


async def test_o01_the_value_that_is_there_already_is_no_change(
    manager: Scope, clock: ManualClock
) -> None:
    with pytest.raises(Conflict, match="30 already"):
        await _announce(manager, await _brand(clock), 30)


async def test_o01_partners_of_the_brand_see_what_is_announced_and_others_do_not(
    manager: Scope, clock: ManualClock
) -> None:
    brand, other = await make_brand(clock), await make_brand(clock)
    own = partner_scope(await make_partner(clock, brand), clock)
    stranger = partner_scope(await make_partner(clock, other), clock)
    change = await _announce(manager, brand)

    assert [row.id for row in await (await brand_changes(own, BrandChangeFilter())).rows] == [
        change.id
    ]
    assert await (await brand_changes(stranger, BrandChangeFilter())).rows == []


async def test_o01_an_advertiser_cannot_touch_a_foreign_brands_change(
    manager: Scope, clock: ManualClock
) -> None:
    own, foreign = await _brand(clock), await _brand(clock)
    change = await _announce(manager, foreign)
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({own.id}))

    with pytest.raises(NotFound):
        await cancel_change(advertiser, change.id)
    with pytest.raises(NotFound):
        await _announce(advertiser, foreign)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(min_value=0, max_value=60),
    st.sampled_from(["Europe/Bucharest", "America/St_Johns", "Pacific/Apia", "UTC"]),
)
def test_o01_the_notice_is_never_shorter_and_ends_with_a_business_day(
    now: datetime, days: int, zone: str
) -> None:
    effective = effective_from(now, zone, days)

    assert now + timedelta(days=days) <= effective < now + timedelta(days=days, hours=26)
    assert effective == day_bounds(business_day(effective, zone), zone)[0]
