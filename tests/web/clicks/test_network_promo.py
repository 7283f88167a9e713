"""The promo that network clicks are recorded under, made on the first of them (W4)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx
import pytest

from app.domain.brands.commands import BrandEdit, edit_brand
from app.domain.brands.offers import landings
from app.domain.campaigns.choices import Audience, landing_choice_of_campaign
from app.domain.campaigns.commands import NewPromo, create_promo
from app.domain.campaigns.operator_commands import set_promo_landing
from app.domain.errors import Conflict, NotFound
from app.infra.clock import ManualClock
from app.models import (
    Campaign,
    CommissionPlan,
    Event,
    FallbackVisit,
    Landing,
    Promo,
    Visit,
)
from app.settings import Settings
from tests.conftest import serving
from tests.factories import make_partner, make_promo, partner_scope, staff_scope
from tests.web.clicks.shop import AGENT, FALLBACK, Shop, click, make_shop, sent_to

CRAWLER = {"User-Agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}


async def _look(client: httpx.AsyncClient, shop: Shop, by: str, **more: str) -> httpx.Response:
    """As a link checker or a crawler does it."""
    method, headers = ("HEAD", AGENT) if by == "HEAD" else ("GET", CRAWLER)
    query = urlencode(shop.codes | more)
    return await client.request(method, f"/events/click?{query}", headers=headers)


async def test_twenty_first_clicks_at_once_make_one_promo_w4(
    settings: Settings, clock: ManualClock
) -> None:
    """By two servers: each of them believes that it is the first."""
    async with serving(settings, clock) as one, serving(settings, clock) as other:
        shop = await make_shop(clock)
        clicks = [click(each, **shop.codes) for each in (one, other) for _ in range(10)]
        answers = await asyncio.gather(*clicks)

        stags = {sent_to(answer)[1]["stag"][0] for answer in answers}
        promo = await Promo.get(network=True)
        campaign = await Campaign.get()
        assert len(stags) == 20
        assert {visit.promo_id for visit in await Visit.all()} == {promo.id}
        assert (promo.campaign_id, campaign.partner_id) == (campaign.id, shop.partner.id)
        made = await Event.filter(type__in=["campaign.created", "promo.created"]).order_by("n")
        assert [event.type for event in made] == ["campaign.created", "promo.created"]


async def test_first_clicks_of_two_partners_at_once_make_the_landing_of_a_brand_once_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    partners = [await make_partner(clock, shop.brand) for _ in range(4)]
    before = await Landing.filter(brand_id=shop.brand.id, url=shop.brand.main_url).count()

    unique = shop.brand.code
    await asyncio.gather(*(click(client, aff_code=each.code, unique=unique) for each in partners))

    after = await Landing.filter(brand_id=shop.brand.id, url=shop.brand.main_url).count()
    assert (before, after) == (0, 1)
    assert await Event.filter(type="landing.created").count() == 1
    assert await Promo.filter(network=True).count() == 4


async def test_partners_of_one_program_have_promos_of_their_own_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    other = await make_partner(clock, shop.brand)

    await click(client, **shop.codes)
    await click(client, aff_code=other.code, unique=shop.brand.code)

    partners = {promo.id: promo.partner_id for promo in await Promo.filter(network=True)}
    assert set(partners.values()) == {shop.partner.id, other.id}
    assert {visit.promo_id: visit.partner_id for visit in await Visit.all()} == partners


async def test_a_program_without_a_plan_makes_no_link(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    await CommissionPlan.all().delete()

    assert (await click(client, **shop.codes)).headers["location"] == FALLBACK
    assert await Campaign.all().count() == 0


async def _page(url: str) -> Landing:
    """The landing of network links."""
    return await Landing.get(url=url)


async def test_partners_are_not_offered_the_landing_of_network_links_a05(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    own = await Landing.get(brand_id=shop.brand.id)
    await click(client, **shop.codes)

    partner = partner_scope(shop.partner, clock)
    campaign, promo = await make_promo(shop.partner, shop.brand, clock)
    choice = await landing_choice_of_campaign(partner, campaign.id, Audience.PLAYERS)

    assert await (await landings(partner)).rows == [own]
    assert (choice.landings, promo.landing_id) == ([own], own.id)
    page = await _page(shop.brand.main_url)
    with pytest.raises(NotFound):
        await create_promo(partner, NewPromo(campaign.id, "Home", page.id))


async def test_a_landing_that_an_operator_made_with_the_main_url_stays_partners_to_choose_o01(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    made = await Landing.get(brand_id=shop.brand.id)
    await Landing.filter(id=made.id).update(url=shop.brand.main_url)

    await click(client, **shop.codes)

    assert (await Promo.get(network=True)).landing_id != made.id
    await edit_brand(staff_scope(clock), shop.brand.id, BrandEdit(main_url="https://shop.test/new"))
    assert (await Landing.get(id=made.id)).url == shop.brand.main_url
    assert await (await landings(partner_scope(shop.partner, clock))).rows == [made]


async def test_operators_see_the_landing_of_network_links_as_one_that_is_not_offered_o01(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    await click(client, **shop.codes)

    found = await (await landings(staff_scope(clock))).rows.get(url=shop.brand.main_url)

    assert (found.title, found.state) == ("Home page (network links)", "disabled")
    assert found.sort_order > (await Landing.get(title="Welcome")).sort_order


async def test_the_landing_of_network_links_follows_the_main_url_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    await click(client, **shop.codes)
    page = await _page(shop.brand.main_url)
    other = await make_partner(clock, shop.brand)

    moved = "https://shop.test/moved"
    await edit_brand(staff_scope(clock), shop.brand.id, BrandEdit(main_url=moved))
    await click(client, aff_code=other.code, unique=shop.brand.code)

    assert (await Landing.get(id=page.id)).url == moved
    assert {promo.landing_id for promo in await Promo.filter(network=True)} == {page.id}
    assert await Landing.filter(brand_id=shop.brand.id).count() == 2
    edited = await Event.get(type="landing.edited")
    assert (edited.subject_id, edited.data["after"]) == (page.id, {"url": moved})


async def test_operators_lead_network_links_elsewhere_by_the_brand_alone_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    await click(client, **shop.codes)
    promo, own = await Promo.get(network=True), await Landing.get(title="Welcome")

    with pytest.raises(Conflict, match="edit the brand"):
        await set_promo_landing(staff_scope(clock), promo.id, own.id)


async def test_a_landing_is_made_for_the_programs_main_page_once_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    other = await make_partner(clock, shop.brand)

    await click(client, **shop.codes)
    await click(client, aff_code=other.code, unique=shop.brand.code)

    assert await Landing.filter(url="https://www.shop.example/").count() == 1


@pytest.mark.parametrize("by", ["HEAD", "crawler"])
async def test_who_is_no_visitor_is_told_where_a_link_leads_and_makes_nothing_w4(
    client: httpx.AsyncClient, clock: ManualClock, by: str
) -> None:
    shop = await make_shop(clock, redirect_arguments=[["by", "%%affiliate_name%%"]])
    events = await Event.all().count()

    place, query = sent_to(
        await _look(client, shop, by, redirect_to="https://shop.example/p", st="a")
    )

    assert place == "https://shop.example/p"
    assert query == {
        "by": [shop.partner.name],
        "2pau": [shop.partner.code],
        "2ptt": ["quicklink"],
        "2ptu": [shop.brand.code],
        "2pdlst": ["a"],
    }
    assert await Promo.all().count() == await Campaign.all().count() == 0
    assert await Landing.filter(url=shop.brand.main_url).count() == 0
    assert await Visit.all().count() == await FallbackVisit.all().count() == 0
    assert await Event.all().count() == events


@pytest.mark.parametrize("by", ["HEAD", "crawler"])
async def test_visitors_after_a_link_checker_are_recorded_w4(
    client: httpx.AsyncClient, clock: ManualClock, by: str
) -> None:
    shop = await make_shop(clock)

    await _look(client, shop, by)
    _, query = sent_to(await click(client, **shop.codes))
    looked = sent_to(await _look(client, shop, by))[1]

    promo = await Promo.get(network=True)
    assert query["stag"][0].startswith(f"{promo.id}_")
    assert looked["stag"][0].startswith(f"{promo.id}_")
    assert await Visit.filter(uncounted_reason=None).count() == 1
    assert await Visit.filter(uncounted_reason="bot").count() == (1 if by == "crawler" else 0)


async def test_visitors_among_link_checkers_of_the_same_moment_are_all_recorded_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)

    looks = [_look(client, shop, by) for _ in range(5) for by in ("HEAD", "crawler")]
    clicks = [click(client, **shop.codes) for _ in range(5)]
    answers = await asyncio.gather(
        *(each for pair in zip(looks[::2], clicks, strict=True) for each in pair), *looks[1::2]
    )

    assert all(answer.status_code == 302 for answer in answers)
    assert await Promo.all().count() == 1
    assert await Visit.exclude(device="bot").count() == 5


@pytest.mark.parametrize("by", ["HEAD", "crawler"])
async def test_who_is_no_visitor_is_told_the_fallback_where_visitors_are_w4(
    client: httpx.AsyncClient, clock: ManualClock, by: str
) -> None:
    shop = await make_shop(clock)
    await CommissionPlan.all().delete()

    assert (await _look(client, shop, by)).headers["location"] == FALLBACK
