"""Creating, editing, switching and sorting brands (O01)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.domain.brands.commands import (
    BrandEdit,
    NewBrand,
    create_brand,
    edit_brand,
    sort_brands,
)
from app.domain.brands.offers import OfferOrder, brands
from app.domain.brands.standing import disable_brand, enable_brand
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.paging import PageRequest, fetch_page
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Brand
from app.settings import Settings
from tests.factories import make_brand, make_world, staff_scope

NEW = NewBrand("Lucky Otter", "Casino", "https://otter.example", "EUR", "Europe/Malta")


@pytest.fixture
def owner(database: Settings, clock: ManualClock) -> Scope:
    """The scope of an owner of the programme."""
    return staff_scope(clock)


async def events_of(type_: str) -> list[dict[str, Any]]:
    """The events of a type, the oldest first."""
    return await fetch("SELECT * FROM events WHERE type = $1 ORDER BY id", type_)


async def test_o01_a_new_brand_is_active_and_behind_the_others(owner: Scope) -> None:
    first = await create_brand(owner, NEW)
    second = await create_brand(owner, NEW)

    assert (first.state, first.category, first.slug) == ("active", "casino", "lucky-otter")
    assert second.slug == "lucky-otter-2"
    assert second.sort_order > first.sort_order
    assert first.code != second.code


async def test_o01_a_name_without_latin_letters_has_an_address_as_well(owner: Scope) -> None:
    brand = await create_brand(owner, replace(NEW, name="Выдра"))

    assert brand.slug == "brand"


async def test_o01_what_was_created_is_in_the_log(owner: Scope) -> None:
    brand = await create_brand(owner, NEW)

    (event,) = await events_of("brand.created")
    assert (event["brand_id"], event["actor_type"]) == (brand.id, "operator_user")


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("name", " ", "name"),
        ("category", "x" * 65, "category"),
        ("main_url", "ftp://otter.example", "mainUrl"),
        ("currency", "EURO", "currency"),
        ("time_zone", "Europe/Atlantis", "timeZone"),
        ("countries", ("RO", "XX"), "countries"),
        ("domains", ("https://otter.example",), "domains"),
        ("stag_parameter", "a b", "stagParameter"),
        ("cookie_days", 0, "cookieDays"),
        ("cookie_days", 366, "cookieDays"),
        ("approval_days", -1, "approvalDays"),
        ("default_sale_percent", Decimal("100.01"), "defaultSalePercent"),
        ("default_sale_percent", Decimal("0.00001"), "defaultSalePercent"),
        ("default_lead_amount", Decimal("1.001"), "defaultLeadAmount"),
        ("default_lead_amount", Decimal(0), "defaultLeadAmount"),
    ],
)
async def test_o01_a_bad_value_is_refused_with_its_field(
    owner: Scope, column: str, value: Any, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await create_brand(owner, replace(NEW, **{column: value}))

    assert refused.value.field == (field,)
    assert field in refused.value.message
    assert await Brand.all().count() == 0


async def test_o01_an_edit_changes_what_is_named_and_tells_before_and_after(
    owner: Scope,
) -> None:
    brand = await create_brand(owner, NEW)

    edited = await edit_brand(
        owner,
        brand.id,
        BrandEdit(
            countries=("ro", "DE"),
            domains=("Shop.Otter.example", "otter.example"),
            ignored_ips=("198.51.100.7/24", "::ffff:192.0.2.1"),
            redirect_arguments=(("aff", "%%affiliate_name%%"),),
            coupon_first=True,
        ),
    )

    assert edited.name == brand.name
    assert edited.countries == ["DE", "RO"]
    assert edited.domains == ["otter.example", "shop.otter.example"]
    assert edited.ignored_ips == ["192.0.2.1", "198.51.100.0/24"]
    assert edited.redirect_arguments == [["aff", "%%affiliate_name%%"]]
    assert (edited.coupon_first, edited.server_last_click) == (True, False)
    (event,) = await events_of("brand.edited")
    assert '"coupon_first": false' in event["data"]
    assert '"name"' not in event["data"]


async def test_o01_an_edit_that_changes_nothing_leaves_no_event(owner: Scope) -> None:
    brand = await create_brand(owner, NEW)

    await edit_brand(owner, brand.id, BrandEdit(name=NEW.name, countries=()))

    assert await events_of("brand.edited") == []


async def test_o01_the_stag_cannot_take_the_name_of_a_redirect_argument(owner: Scope) -> None:
    brand = await create_brand(owner, NEW)
    await edit_brand(owner, brand.id, BrandEdit(redirect_arguments=(("aff", "x"),)))

    with pytest.raises(Invalid, match="argument 1"):
        await edit_brand(owner, brand.id, BrandEdit(stag_parameter="aff"))

    assert (await Brand.get(id=brand.id)).stag_parameter == "stag"


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (BrandEdit(time_zone="Europe/Malta"), "timeZone"),
        (BrandEdit(currency="USD"), "currency"),
    ],
)
async def test_m42_zone_and_currency_of_a_brand_with_facts_stay(
    database: Settings, clock: ManualClock, edit: BrandEdit, field: str
) -> None:
    world = await make_world(clock)

    with pytest.raises(Conflict, match="create another brand") as refused:
        await edit_brand(staff_scope(clock), world.brand.id, edit)

    assert refused.value.field == (field,)


async def test_m42_zone_and_currency_of_a_brand_without_facts_can_change(owner: Scope) -> None:
    brand = await create_brand(owner, NEW)

    edited = await edit_brand(owner, brand.id, BrandEdit(time_zone="Asia/Tokyo", currency="USD"))

    assert (edited.time_zone, edited.currency) == ("Asia/Tokyo", "USD")


async def test_o01_two_who_edit_different_things_at_once_lose_nothing(
    owner: Scope, clock: ManualClock
) -> None:
    brand = await create_brand(owner, NEW)

    await asyncio.gather(
        edit_brand(owner, brand.id, BrandEdit(name="Otter")),
        edit_brand(owner, brand.id, BrandEdit(category="sports")),
        edit_brand(owner, brand.id, BrandEdit(countries=("RO",))),
    )

    now = await Brand.get(id=brand.id)
    assert (now.name, now.category, now.countries) == ("Otter", "sports", ["RO"])
    assert len(await events_of("brand.edited")) == 3


async def test_o01_brands_are_sorted_the_named_ones_first(owner: Scope) -> None:
    made = [(await create_brand(owner, NEW)).id for _ in range(4)]

    await sort_brands(owner, [made[3], made[1]])

    listing = await brands(owner)
    page = await fetch_page(listing.rows, listing.orderings[OfferOrder.RANK], PageRequest(10))
    assert [row.id for row in page.rows] == [made[3], made[1], made[0], made[2]]


@pytest.mark.parametrize("twice", [True, False])
async def test_o01_sorting_what_is_not_there_or_twice_is_refused(owner: Scope, twice: bool) -> None:
    brand = await create_brand(owner, NEW)
    ids = [brand.id, brand.id] if twice else [brand.id, brand.id + 1]

    with pytest.raises(Invalid if twice else NotFound):
        await sort_brands(owner, ids)


async def test_o01_a_disabled_brand_can_be_enabled_again(owner: Scope) -> None:
    brand = await create_brand(owner, NEW)

    disabled = await disable_brand(owner, brand.id, "licence expired")
    enabled = await enable_brand(owner, brand.id)

    assert (disabled.state, enabled.state) == ("disabled", "active")
    (event,) = await events_of("brand.disabled")
    assert "licence expired" in event["data"]
    with pytest.raises(Conflict):
        await enable_brand(owner, brand.id)


async def test_o01_an_advertiser_edits_its_own_brands_alone(
    database: Settings, clock: ManualClock
) -> None:
    own, foreign = await make_brand(clock), await make_brand(clock)
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({own.id}))

    edited = await edit_brand(advertiser, own.id, BrandEdit(name="Mine"))

    assert edited.name == "Mine"
    with pytest.raises(NotFound):
        await edit_brand(advertiser, foreign.id, BrandEdit(name="Mine as well"))
    with pytest.raises(Forbidden):
        await create_brand(advertiser, NEW)
    with pytest.raises(Forbidden):
        await disable_brand(advertiser, own.id, "holidays")
