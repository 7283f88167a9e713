"""The promo that network clicks are recorded under, made on the first of them (W4)."""

from __future__ import annotations

import asyncio

import httpx

from app.infra.clock import ManualClock
from app.models import (
    Campaign,
    CommissionPlan,
    Event,
    Landing,
    Promo,
    Visit,
)
from app.settings import Settings
from tests.conftest import serving
from tests.factories import make_partner
from tests.web.clicks.shop import FALLBACK, click, make_shop, sent_to


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


async def test_a_landing_is_made_for_the_programs_main_page_once_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    other = await make_partner(clock, shop.brand)

    await click(client, **shop.codes)
    await click(client, aff_code=other.code, unique=shop.brand.code)

    assert await Landing.filter(url="https://www.shop.example/").count() == 1
