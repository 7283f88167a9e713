"""Tracking links, through the whole application."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.infra.clock import ManualClock
from app.models import Affiliation, Visit, VisitAddress
from app.settings import Settings
from tests.conftest import serving
from tests.factories import World, make_world
from tests.infra.cable import cable_to

AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"}


async def follow(client: httpx.AsyncClient, code: str, query: str = "") -> httpx.Response:
    return await client.get(f"/{code}{query}", headers=AGENT)


async def test_a_click_redirects_to_the_landing_with_its_stag_a10(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)

    response = await follow(client, world.promo.code, "?clickID=42")

    location = urlsplit(response.headers["location"])
    visit = await Visit.exclude(id=world.visit_id).get()
    assert response.status_code == 302
    assert location.netloc == "brand.example"
    assert parse_qs(location.query) == {"lang": ["en"], "stag": [f"{world.promo.id}_{visit.id}"]}


async def test_the_visit_keeps_the_custom_parameters_a11(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)

    await follow(client, world.promo.code, "?clickID=42&webID=a%20b")

    visit = await Visit.exclude(id=world.visit_id).get()
    assert visit.tags == {"clickID": "42", "webID": "a b"}
    assert not visit.corrupted


async def test_the_window_of_the_brand_is_stamped_on_the_visit_m01(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock, cookie_days=7)

    await follow(client, world.promo.code)

    visit = await Visit.exclude(id=world.visit_id).get()
    assert (visit.attributable_until - visit.occurred_at).days == 7


async def test_the_business_day_is_the_brands_m42(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    clock.at = clock.at.replace(hour=23)
    world = await make_world(clock, time_zone="Europe/Bucharest")

    await follow(client, world.promo.code)

    visit = await Visit.exclude(id=world.visit_id).get()
    assert (visit.business_day - clock.at.date()).days == 1


async def test_an_unknown_code_redirects_to_the_fallback_a10(client: httpx.AsyncClient) -> None:
    response = await follow(client, "nosuchcode")

    assert response.status_code == 302
    assert response.headers["location"] == "http://127.0.0.1:8000/"


async def test_a_suspended_affiliation_leads_to_the_fallback_m1d(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    await Affiliation.filter(partner_id=world.partner.id).update(state="suspended")

    response = await follow(client, world.promo.code)

    assert response.headers["location"] == "http://127.0.0.1:8000/"
    assert await Visit.all().count() == 1


async def test_an_archived_campaign_keeps_redirecting_a08(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    world.campaign.state = "archived"
    await world.campaign.save(update_fields=["state"])

    response = await follow(client, world.promo.code)

    assert "brand.example" in response.headers["location"]


async def test_a_bot_is_recorded_and_not_counted_a12(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)

    await client.get(f"/{world.promo.code}", headers={"User-Agent": "Googlebot/2.1"})

    visit = await Visit.exclude(id=world.visit_id).get()
    assert visit.uncounted_reason == "bot"


async def test_the_address_is_kept_apart_from_the_visit_m04(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)

    await follow(client, world.promo.code)

    newest = await VisitAddress.all().order_by("-visit_id").first()
    assert newest is not None
    assert newest.ip == "203.0.113.9"


async def test_a_head_request_records_no_visit(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)

    response = await client.head(f"/{world.promo.code}")

    assert response.status_code == 302
    assert await Visit.all().count() == 1


async def test_two_hundred_clicks_at_once_are_two_hundred_visits(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world: World = await make_world(clock)

    responses = await asyncio.gather(*(follow(client, world.promo.code) for _ in range(200)))

    stags = {parse_qs(urlsplit(r.headers["location"]).query)["stag"][0] for r in responses}

    stored = {visit.id for visit in await Visit.filter(promo_id=world.promo.id)}
    assert stags == {f"{world.promo.id}_{visit}" for visit in stored - {world.visit_id}}
    assert len(stags) == 200


@pytest.mark.parametrize("moment", ["cut_before", "cut_after"])
async def test_a_commit_that_is_lost_is_repeated_and_the_visit_recorded_once(
    settings: Settings, clock: ManualClock, moment: str
) -> None:
    """The visitor waits a moment and sees nothing of it; whether the first commit took place or not."""
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url})
        async with serving(through, clock) as client:
            world = await make_world(clock)
            setattr(cable, moment, b"COMMIT")
            following = asyncio.gather(*(follow(client, world.promo.code) for _ in range(5)))
            await cable.has_cut()
            setattr(cable, moment, None)
            responses = await following

            stored = {visit.id for visit in await Visit.exclude(id=world.visit_id)}
    stags = {parse_qs(urlsplit(r.headers["location"]).query)["stag"][0] for r in responses}
    assert stags == {f"{world.promo.id}_{visit}" for visit in stored}
    assert len(stored) == 5
