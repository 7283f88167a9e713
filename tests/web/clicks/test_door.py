"""Tracking links, through the whole application."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.infra.clock import ManualClock
from app.models import (
    Affiliation,
    Brand,
    Campaign,
    FallbackVisit,
    Landing,
    Partner,
    Promo,
    Visit,
    VisitAddress,
)
from app.settings import Settings
from tests.conftest import serving
from tests.factories import World, make_world
from tests.infra.cable import cable_to

# What is sent when visits are: prepared statements are sent by name.
RECORDING = b'"attributable_until"'
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


async def recorded(count: int) -> list[int]:
    """The ids of all visits once there are that many; replays take a moment."""
    async with asyncio.timeout(30):
        while len(found := [visit.id for visit in await Visit.all()]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize("moment", ["cut_before", "cut_after"])
async def test_a_commit_that_is_lost_is_repeated_and_the_visit_recorded_once(
    settings: Settings, clock: ManualClock, moment: str
) -> None:
    """Whether the first commit took place or not: nobody waits for it, and nobody is recorded twice."""
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url})
        async with serving(through, clock) as client:
            world = await make_world(clock)
            await follow(client, world.promo.code)
            setattr(cable, moment, RECORDING)
            following = asyncio.gather(*(follow(client, world.promo.code) for _ in range(5)))
            await cable.has_cut()
            setattr(cable, moment, None)
            responses = await following

            stored = await recorded(7)
    stags = {parse_qs(urlsplit(r.headers["location"]).query)["stag"][0] for r in responses}
    assert len(stags) == 5
    assert stags < {f"{world.promo.id}_{visit}" for visit in stored}
    assert len(stored) == len(set(stored)) == 7


async def test_links_keep_redirecting_while_the_database_is_away_a10(
    settings: Settings, clock: ManualClock
) -> None:
    """A link that is known leads to the brand, one that is not to the fallback; all of it is recorded afterwards."""
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url, "click_patience": 0.3})
        async with serving(through, clock) as client:
            world = await make_world(clock)
            await follow(client, world.promo.code)
            cable.cut_before = b""
            known = [await follow(client, world.promo.code) for _ in range(3)]
            unknown = await follow(client, "nosuchcode")
            cable.cut_before = None

            stored = await recorded(5)
            reasons = [each.reason for each in await FallbackVisit.all()]
    stags = [parse_qs(urlsplit(r.headers["location"]).query)["stag"][0] for r in known]
    assert {f"{world.promo.id}_{visit}" for visit in stored} > set(stags)
    assert unknown.headers["location"] == "http://127.0.0.1:8000/"
    assert reasons == ["database_away"]


async def test_a_database_that_hangs_delays_a_click_by_the_patience_and_the_next_ones_not_at_all(
    settings: Settings, clock: ManualClock
) -> None:
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url, "click_patience": 0.3})
        async with serving(through, clock) as client:
            world = await make_world(clock)
            await follow(client, world.promo.code)
            cable.hold = b""
            responses = [await follow(client, world.promo.code) for _ in range(20)]
            cable.hold = None
            cable.release.set()
            stored = await recorded(22)
    assert {response.status_code for response in responses} == {302}
    assert len(set(stored)) == 22


async def test_a_full_journal_drops_clicks_counts_them_and_still_redirects(
    settings: Settings, clock: ManualClock
) -> None:
    changes = {"click_patience": 0.3, "click_journal_dir": Path("/dev/full/journal")}
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url, **changes})
        async with serving(through, clock) as client:
            world = await make_world(clock)
            await follow(client, world.promo.code)
            cable.cut_before = b""
            response = await follow(client, world.promo.code)
            ready = await client.get("/health/ready?door=links")
            cable.cut_before = None
    assert response.status_code == 302
    assert "brand.example" in response.headers["location"]
    assert ready.status_code == 503


async def test_a_change_of_a_promo_counts_for_the_next_click_a07(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    """Links are kept in memory; every change is heard of."""
    world = await make_world(clock)
    for path in ("/a", "/b", "/c"):
        await Landing.filter(id=world.promo.landing_id).update(url=f"https://brand.example{path}")
        async with asyncio.timeout(10):
            while (  # noqa: ASYNC110
                urlsplit((await follow(client, world.promo.code)).headers["location"]).path != path
            ):
                await asyncio.sleep(0.01)


async def test_a_code_that_was_unknown_works_once_it_is_a_promos(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    await follow(client, "newcode22")
    await Promo.filter(id=world.promo.id).update(code="newcode22")

    async with asyncio.timeout(10):
        while "stag" not in (await follow(client, "newcode22")).headers["location"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "written",
    [
        "{code}/",
        "{code}//",
        "{CODE}",
        "{code}.",
        "{code})",
        "{code}%22",
        "{code}%20",
        "{code}%E2%80%8B",
        "%E2%80%9C{code}%E2%80%9D",
    ],
)
async def test_a_link_works_as_people_and_mail_programs_write_it(
    client: httpx.AsyncClient, clock: ManualClock, written: str
) -> None:
    world = await make_world(clock)
    code = world.promo.code

    response = await follow(client, written.format(code=code, CODE=code.upper()))

    assert "stag=" in response.headers["location"]


async def test_a_link_works_with_two_slashes_before_its_code(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    server = str(client.base_url).rstrip("/")

    response = await client.get(f"{server}//{world.promo.code}", headers=AGENT)

    assert "stag=" in response.headers["location"]


@pytest.mark.parametrize(
    ("written", "tags"),
    [
        ("{code}&clickID=4%262&webID=7", {"clickID": "4&2", "webID": "7"}),
        ("{code}/&clickID=42", {"clickID": "42"}),
        ("{code}&clickID=42?webID=7", {"clickID": "42", "webID": "7"}),
        ("{code}%3FclickID=42&webID=7", {"clickID": "42", "webID": "7"}),
        ("{code}%3FclickID%3D42%26webID%3D7", {"clickID": "42", "webID": "7"}),
        ("{code}?clickID=42&amp;webID=7", {"clickID": "42", "webID": "7"}),
        ("{code};clickID=42", {"clickID": "42"}),
        ("{code}%3BclickID=42", {"clickID": "42"}),
        ("{code}??clickID=42&webID=7", {"clickID": "42", "webID": "7"}),
        ("{code}/clickID=42", {"clickID": "42"}),
        ("{code}/clickID=4%2F2/webID=7/?x=1", {"clickID": "4/2", "webID": "7", "x": "1"}),
        ("{code}/clickID=42&webID=7", {"clickID": "42", "webID": "7"}),
        ("{code}/foo", {}),
        ("{code}%2Ffoo?clickID=42", {"clickID": "42"}),
        ("{code}/foo/index.html?clickID=42", {"clickID": "42"}),
        ("{code}/%3FclickID=42", {"clickID": "42"}),
    ],
)
async def test_parameters_arrive_though_the_question_mark_is_missing_or_encoded_a11(
    client: httpx.AsyncClient, clock: ManualClock, written: str, tags: dict[str, str]
) -> None:
    world = await make_world(clock)

    response = await follow(client, written.format(code=world.promo.code))

    assert "stag=" in response.headers["location"]
    assert (await Visit.exclude(id=world.visit_id).get()).tags == tags


async def test_what_stands_below_no_link_is_another_doors_a10(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    """Not even recorded: it may be anybody's mistake, or anybody's search for holes."""
    await make_world(clock)
    for written in ("abcdefghj/foo", "222222222/clickID=42", "foo/bar", "api/v1/nothing"):
        response = await follow(client, written)
        assert response.status_code == 404, written
    assert await FallbackVisit.all().count() == 0


async def test_a_stopped_link_with_something_below_it_leads_to_the_fallback_m1d(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    await Brand.filter(id=world.brand.id).update(state="disabled")

    response = await follow(client, f"{world.promo.code}/foo")

    assert response.headers["location"] == "http://127.0.0.1:8000/"
    assert [each.reason for each in await FallbackVisit.all()] == ["brand"]


async def test_a_path_of_ampersands_alone_is_an_unknown_code_a10(client: httpx.AsyncClient) -> None:
    for written in ("&", "&a=1", "%3Fa=1", "%26"):
        response = await client.get(f"/{written}", headers=AGENT)
        assert response.status_code == 302, written
    assert await FallbackVisit.filter(reason="unknown_code").count() == 4


@pytest.mark.parametrize(
    ("model", "state", "reason"),
    [
        (Partner, "blocked", "partner"),
        (Affiliation, "suspended", "affiliation"),
        (Affiliation, "deleted", "affiliation"),
        (Brand, "disabled", "brand"),
        (Brand, "suspended", "brand"),
        (Campaign, "disabled", "campaign"),
    ],
)
async def test_each_state_that_stops_a_link_leads_to_the_fallback_and_is_recorded_m1d(
    client: httpx.AsyncClient, clock: ManualClock, model: Any, state: str, reason: str
) -> None:
    world = await make_world(clock)
    await model.all().update(state=state)

    response = await follow(client, world.promo.code)

    assert response.headers["location"] == "http://127.0.0.1:8000/"
    assert [each.reason for each in await FallbackVisit.all()] == [reason]
    assert await Visit.all().count() == 1


async def test_a_visitor_keeps_its_id_from_click_to_click_m01(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    client.cookies.clear()

    await follow(client, world.promo.code)
    await follow(client, world.promo.code)

    first, second = await Visit.exclude(id=world.visit_id).order_by("id")
    assert first.visitor_id is not None
    assert first.visitor_id == second.visitor_id


async def test_addresses_that_the_brand_ignores_are_kept_and_not_counted_a12(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    await Brand.filter(id=world.brand.id).update(ignored_ips=["203.0.113.0/24"])

    await follow(client, world.promo.code)

    visit = await Visit.exclude(id=world.visit_id).get()
    assert visit.uncounted_reason == "ignored_ip"


@pytest.mark.parametrize(
    "query",
    [
        "?a=1%0d%0aSet-Cookie:%20x=1",
        "?stag=1_1&stag=2_2",
        "?visit_id=%23reqid%23&c={clickid}&x=[X]&t=%25/n/h3D1021",
        "?a=" + "x" * 8_000,
        "?a=%ff%fe&a=%ff",
        "?%00=%00",
        "?" + "&".join(f"t{n}={n}" for n in range(500)),
    ],
    ids=lambda text: text[:12],
)
async def test_no_parameter_changes_where_a_click_leads(
    client: httpx.AsyncClient, clock: ManualClock, query: str
) -> None:
    world = await make_world(clock)

    response = await follow(client, world.promo.code, query)

    visit = await Visit.exclude(id=world.visit_id).get()
    expected = f"https://brand.example/welcome?lang=en&stag={world.promo.id}_{visit.id}"
    assert response.headers["location"] == expected
    assert set(response.headers) == {
        "location",
        "cache-control",
        "referrer-policy",
        "content-length",
        "set-cookie",
    }


async def test_another_method_is_refused_and_no_click(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)

    response = await client.post(f"/{world.promo.code}")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert await Visit.all().count() == 1


async def test_a_link_that_cannot_be_read_leads_to_the_fallback_and_others_go_on_a10(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    """Whatever goes wrong behind it, a visitor sees no error."""
    broken, whole = await make_world(clock), await make_world(clock)
    await Brand.filter(id=broken.brand.id).update(ignored_ips=["no network"])

    response = await follow(client, broken.promo.code)
    other = await follow(client, whole.promo.code)

    assert response.status_code == 302
    assert response.headers["location"] == "http://127.0.0.1:8000/"
    assert [each.reason for each in await FallbackVisit.all()] == ["failed"]
    assert "brand.example" in other.headers["location"]


async def test_crawlers_and_head_requests_get_no_cookie_m01(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    path = f"/{world.promo.code}"

    crawled = await client.get(path, headers={"User-Agent": "Googlebot/2.1"})
    checked = await client.head(path, headers=AGENT)
    visited = await client.get(path, headers=AGENT)

    assert "set-cookie" not in crawled.headers
    assert "set-cookie" not in checked.headers
    assert "HttpOnly; SameSite=Lax" in visited.headers["set-cookie"]
