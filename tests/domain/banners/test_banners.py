"""Banners: who sees which, what operators do with them, and what a filter finds (A06, O01)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.domain.banners.commands import (
    MOST_TAGS,
    BannerEdit,
    edit_banner,
    make_private,
    make_public,
    set_banner_enabled,
    sort_banners,
)
from app.domain.banners.markup import banner_markup
from app.domain.banners.reads import (
    BannerFilter,
    BannerOrder,
    GrantFilter,
    Orientation,
    banners,
    grants,
    require_banner,
)
from app.domain.banners.uploads import (
    LONGEST_UPLOAD,
    NewBanner,
    begin_upload,
    finish_upload,
    forget_upload,
    give_up_uploads,
    leftovers,
)
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.paging import PageRequest, fetch_page
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Affiliation, Banner, Brand, Event, Partner
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.banners.gallery import make_banner
from tests.factories import make_brand, make_partner, partner_scope, staff_scope


@pytest.fixture
async def brand(database: Settings, clock: ManualClock) -> Brand:
    return await make_brand(clock)


@pytest.fixture
async def partner(brand: Brand, clock: ManualClock) -> Partner:
    return await make_partner(clock, brand)


@pytest.fixture
def scope(partner: Partner, clock: ManualClock) -> Scope:
    return partner_scope(partner, clock)


@pytest.fixture
def staff(clock: ManualClock) -> Scope:
    return staff_scope(clock)


async def _titles(scope: Scope, **chosen: Any) -> list[str]:
    listing = await banners(scope, BannerFilter(**chosen))
    page = await fetch_page(listing.rows, listing.orderings[BannerOrder.RANK], PageRequest(50))
    return [row.title for row in page.rows]


async def test_a06_a_partner_sees_banners_of_brands_with_an_accepted_affiliation_only(
    brand: Brand, partner: Partner, scope: Scope, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    await make_banner(brand, clock, title="Own")
    foreign = await make_banner(other, clock, title="Other")

    assert await _titles(scope) == ["Own"]
    with pytest.raises(NotFound):
        await require_banner(scope, other.id, foreign.id)
    for state in ("pending", "suspended", "rejected", "deleted"):
        await Affiliation.filter(partner_id=partner.id).update(state=state)
        assert await _titles(scope) == []


async def test_a06_a_private_banner_is_there_for_the_chosen_partner_alone(
    brand: Brand, partner: Partner, scope: Scope, clock: ManualClock
) -> None:
    stranger = partner_scope(await make_partner(clock, brand), clock)
    private = await make_banner(brand, clock, partner, title="Private")
    await make_banner(brand, clock, title="Public")

    assert await _titles(scope) == ["Private", "Public"]
    assert await _titles(stranger) == ["Public"]
    assert (await require_banner(scope, brand.id, private.id)).id == private.id
    with pytest.raises(NotFound) as refusal:
        await require_banner(stranger, brand.id, private.id)
    assert refusal.value.field == ("bannerId",)


async def test_a06_a_disabled_banner_is_no_choice_and_operators_still_see_it(
    brand: Brand, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock, state="disabled", title="Off")

    assert (await _titles(scope), await _titles(staff)) == ([], ["Off"])
    for asking in (scope, staff):
        with pytest.raises(NotFound):
            await require_banner(asking, brand.id, banner.id)


async def test_a06_a_banner_of_another_brand_is_not_found_for_this_one(
    brand: Brand, partner: Partner, scope: Scope, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    await Affiliation.create(partner=partner, brand=other, state="accepted", created_at=NOW)
    banner = await make_banner(other, clock)

    with pytest.raises(NotFound):
        await require_banner(scope, brand.id, banner.id)


async def test_o01_an_advertiser_sees_and_edits_the_banners_of_its_brands_only(
    brand: Brand, clock: ManualClock
) -> None:
    other = await make_brand(clock)
    own = await make_banner(brand, clock, title="Own")
    foreign = await make_banner(other, clock)
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({brand.id}))

    assert await _titles(advertiser) == ["Own"]
    assert (await edit_banner(advertiser, own.id, BannerEdit("New"))).title == "New"
    with pytest.raises(NotFound):
        await edit_banner(advertiser, foreign.id, BannerEdit("New"))
    with pytest.raises(NotFound):
        await sort_banners(advertiser, other.id, [foreign.id])


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"title_contains": "WIDE"}, ["Wide 100%"]),
        ({"title_contains": "0%"}, ["Wide 100%"]),
        ({"title_contains": "%"}, ["Wide 100%"]),
        ({"title_contains": "_"}, ["Tall_one"]),
        ({"language": "de"}, ["Tall_one"]),
        ({"language": "DE-at"}, ["Tall_one"]),
        ({"language": "de-DE"}, []),
        ({"format": "gif"}, ["Square"]),
        ({"private": True}, ["Tall_one"]),
        ({"private": False}, ["Wide 100%", "Square"]),
        ({"resolution": "728x90"}, ["Wide 100%"]),
        ({"resolution": " 160X600 "}, ["Tall_one"]),
        ({"resolution": "160 × 600"}, ["Tall_one"]),
        ({"resolution": "90x728"}, []),
        ({"min_width": 160, "max_width": 250}, ["Tall_one", "Square"]),
        ({"min_height": 600}, ["Tall_one"]),
        ({"max_height": 90}, ["Wide 100%"]),
        ({"tag": "Spring"}, ["Wide 100%", "Square"]),
        ({"tag": "spr"}, []),
        ({"orientation": Orientation.LANDSCAPE}, ["Wide 100%"]),
        ({"orientation": Orientation.PORTRAIT}, ["Tall_one"]),
        ({"orientation": Orientation.SQUARE}, ["Square"]),
        ({"animated": True}, ["Square"]),
        ({"state": "active"}, ["Wide 100%", "Tall_one", "Square"]),
        ({"tag": "spring", "format": "gif"}, ["Square"]),
    ],
)
async def test_a06_the_gallery_is_filtered(
    brand: Brand,
    partner: Partner,
    scope: Scope,
    clock: ManualClock,
    chosen: dict[str, Any],
    found: list[str],
) -> None:
    await make_banner(
        brand, clock, title="Wide 100%", width=728, height=90, tags=["casino", "spring"]
    )
    await make_banner(
        brand, clock, partner, title="Tall_one", width=160, height=600, language="de-AT"
    )
    await make_banner(
        brand,
        clock,
        title="Square",
        width=250,
        height=250,
        format="gif",
        animated=True,
        tags=["spring"],
    )

    assert await _titles(scope, **chosen) == found


@pytest.mark.parametrize("resolution", ["300", "300x", "x250", "0x250", "300x250x3", "wide"])
async def test_a06_a_resolution_that_is_none_is_refused(scope: Scope, resolution: str) -> None:
    with pytest.raises(Invalid, match="300x250"):
        await banners(scope, BannerFilter(resolution=resolution))


async def test_a06_a_language_that_is_none_is_refused(scope: Scope) -> None:
    with pytest.raises(Invalid, match="pt-BR"):
        await banners(scope, BannerFilter(language="Portuguese"))


async def test_o01_an_edit_changes_what_is_given_and_is_an_event_with_before_and_after(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock, title="Old", language="en", tags=["a"])

    edited = await edit_banner(
        staff, banner.id, BannerEdit(title=" New ", tags=["Spring", "SPRING", "sale"])
    )

    assert (edited.title, edited.language, edited.tags) == ("New", "en", ["sale", "spring"])
    event = await Event.get(type="banner.edited")
    assert event.data == {"title": ["Old", "New"], "tags": [["a"], ["sale", "spring"]]}
    assert (event.brand_id, event.subject_id) == (brand.id, banner.id)


async def test_o01_an_edit_that_changes_nothing_leaves_no_event(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock, title="Same")

    await edit_banner(staff, banner.id, BannerEdit(title="Same"))

    assert not await Event.filter(subject_type="banner").exists()


async def test_o01_an_empty_language_clears_it_and_a_wrong_one_is_refused(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock, language="en")

    assert (await edit_banner(staff, banner.id, BannerEdit(language="PT-br"))).language == "pt-BR"
    with pytest.raises(Invalid, match="pt-BR"):
        await edit_banner(staff, banner.id, BannerEdit(language="Portuguese"))
    assert (await edit_banner(staff, banner.id, BannerEdit(language=""))).language is None


async def test_o01_a_banner_has_a_limited_number_of_tags(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock)
    tags = [f"tag {number}" for number in range(MOST_TAGS + 1)]

    with pytest.raises(Invalid, match=f"at most {MOST_TAGS} tags"):
        await edit_banner(staff, banner.id, BannerEdit(tags=tags))
    assert len((await edit_banner(staff, banner.id, BannerEdit(tags=tags[1:]))).tags) == MOST_TAGS


async def test_o01_a_banner_is_given_to_partners_and_taken_back(
    brand: Brand, partner: Partner, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    other = await make_partner(clock, brand)
    banner = await make_banner(brand, clock)

    await make_private(staff, banner.id, [partner.id, other.id])
    await make_private(staff, banner.id, [other.id])

    assert await _titles(scope) == []
    listing = await grants(staff, GrantFilter(banner_id=banner.id))
    assert [row.partner_id for row in await listing.rows] == [other.id]
    assert not (await make_public(staff, banner.id)).private
    assert len(await _titles(scope)) == 1
    told = [event.data for event in await Event.filter(subject_type="banner").order_by("id")]
    assert told == [
        {"given": [partner.id, other.id], "taken": []},
        {"given": [], "taken": [partner.id]},
        {"taken": [other.id]},
    ]


async def test_o01_a_private_banner_needs_partners_that_exist(
    brand: Brand, partner: Partner, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock)

    with pytest.raises(Invalid, match="1 to 500 partners"):
        await make_private(staff, banner.id, [])
    with pytest.raises(NotFound) as refusal:
        await make_private(staff, banner.id, [partner.id, 999_999])
    assert refusal.value.field == ("partnerIds",)
    assert not (await Banner.get(id=banner.id)).private


async def test_o01_an_advertiser_gives_banners_to_partners_of_its_brands_only(
    brand: Brand, clock: ManualClock
) -> None:
    stranger = await make_partner(clock, await make_brand(clock))
    banner = await make_banner(brand, clock)
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({brand.id}))

    with pytest.raises(NotFound):
        await make_private(advertiser, banner.id, [stranger.id])


async def test_o01_two_operators_who_give_at_once_leave_the_choice_of_one_of_them(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    some = [(await make_partner(clock, brand)).id for _ in range(6)]
    banner = await make_banner(brand, clock)

    await asyncio.gather(
        *(make_private(staff, banner.id, half) for half in (some[:3], some[3:]) * 5)
    )

    rows = await (await grants(staff, GrantFilter(banner_id=banner.id))).rows
    assert sorted(row.partner_id for row in rows) in (some[:3], some[3:])


async def test_o01_a_banner_is_switched_off_and_on_once(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    banner = await make_banner(brand, clock)

    assert (await set_banner_enabled(staff, banner.id, enabled=False)).state == "disabled"
    with pytest.raises(Conflict, match="disabled already"):
        await set_banner_enabled(staff, banner.id, enabled=False)
    assert (await set_banner_enabled(staff, banner.id, enabled=True)).state == "active"
    types = [event.type for event in await Event.all().order_by("id")]
    assert types == ["banner.disabled", "banner.enabled"]


async def test_o01_sorted_banners_come_first_and_the_others_keep_their_order(
    brand: Brand, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    made = [
        await make_banner(brand, clock, title=title, sort_order=place)
        for place, title in enumerate("ABCDE")
    ]

    await sort_banners(staff, brand.id, [made[3].id, made[1].id])

    assert await _titles(scope) == ["D", "B", "A", "C", "E"]


@pytest.mark.parametrize("wanted", [[], [0, 0]])
async def test_o01_sorting_names_each_banner_once(
    brand: Brand, staff: Scope, clock: ManualClock, wanted: list[int]
) -> None:
    banner = await make_banner(brand, clock)

    with pytest.raises(Invalid, match="each once"):
        await sort_banners(staff, brand.id, [banner.id for _ in wanted])


@pytest.mark.parametrize("role", [StaffRole.FINANCE, StaffRole.SUPPORT])
async def test_o01_banners_are_changed_by_those_who_manage_offers(
    brand: Brand, clock: ManualClock, role: StaffRole
) -> None:
    banner = await make_banner(brand, clock)

    with pytest.raises(Forbidden):
        await set_banner_enabled(staff_scope(clock, role), banner.id, enabled=False)


def _new(brand: Brand) -> NewBanner:
    return NewBanner(brand.id, "Spring", "en", "png", 300, 250, False, 1_000, "0" * 64)


async def test_o01_an_upload_is_nobodys_banner_until_its_file_has_arrived(
    brand: Brand, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    begun = await begin_upload(staff, _new(brand))
    assert (await _titles(scope), await _titles(staff)) == ([], [])

    banner = await finish_upload(staff, begun.banner_id)

    assert banner.state == "active"
    assert await _titles(scope) == ["Spring"]
    event = await Event.get(type="banner.uploaded")
    assert (event.data["code"], event.brand_id) == (banner.code, brand.id)


async def test_o01_an_upload_that_never_arrived_is_given_up_and_forgotten(
    brand: Brand, staff: Scope, system: Scope, clock: ManualClock
) -> None:
    begun = await begin_upload(staff, _new(brand))
    clock.advance(LONGEST_UPLOAD - timedelta(seconds=1))
    await give_up_uploads(system)
    assert await leftovers(system, 0, 10) == []

    clock.advance(timedelta(seconds=1))
    await give_up_uploads(system)

    (left,) = await leftovers(system, 0, 10)
    assert left.storage_key == begun.storage_key
    with pytest.raises(Conflict, match="send the file again"):
        await finish_upload(staff, begun.banner_id)
    await forget_upload(system, left.banner_id)
    assert not await Banner.all().exists()


def test_a06_the_markup_escapes_every_value() -> None:
    made = banner_markup(
        "https://t.example/abc?x=1&y='2'",
        "https://t.example/banners/q.png",
        """<b onload="alert('1')">&""",
        300,
        250,
    )

    assert made == (
        '<a href="https://t.example/abc?x=1&amp;y=&#x27;2&#x27;"'
        ' rel="sponsored nofollow noopener" target="_blank">'
        '<img src="https://t.example/banners/q.png" width="300" height="250"'
        ' alt="&lt;b onload=&quot;alert(&#x27;1&#x27;)&quot;&gt;&amp;"></a>'
    )
