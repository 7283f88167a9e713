"""Network click URLs, through the whole application (W4)."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest

from app.domain.brands.redirect_arguments import MACROS
from app.domain.visits.links import macros_of
from app.infra.clock import ManualClock
from app.models import (
    Affiliation,
    Banner,
    Brand,
    Campaign,
    FallbackVisit,
    Partner,
    Promo,
    Visit,
)
from tests.domain.banners.gallery import make_banner
from tests.factories import make_world
from tests.web.clicks.shop import AGENT, FALLBACK, click, follow, make_shop, sent_to


@pytest.mark.parametrize("ad_type", ["quicklink", "banner", "text_link", "product_store"])
async def test_each_kind_of_link_leads_to_the_program_and_is_recorded_w4(
    client: httpx.AsyncClient, clock: ManualClock, ad_type: str
) -> None:
    shop = await make_shop(clock)

    place, query = sent_to(await click(client, ad_type=ad_type, **shop.codes))

    visit = await Visit.get()
    assert place == "https://www.shop.example/"
    assert query == {
        "2pau": [shop.partner.code],
        "2ptt": [ad_type],
        "2ptu": [shop.brand.code],
        "stag": [f"{visit.promo_id}_{visit.id}"],
    }
    assert (visit.ad_type, visit.partner_id, visit.brand_id) == (
        ad_type,
        shop.partner.id,
        shop.brand.id,
    )
    assert visit.tags == {}


@pytest.mark.parametrize("ad_type", ["", "popup", "QUICKLINK", "x" * 500])
async def test_another_kind_counts_as_a_quicklink_w4(
    client: httpx.AsyncClient, clock: ManualClock, ad_type: str
) -> None:
    shop = await make_shop(clock)

    _, query = sent_to(await click(client, ad_type=ad_type, **shop.codes))

    assert query["2ptt"] == [(await Visit.get()).ad_type] == ["quicklink"]


async def test_a_banners_code_names_the_program_and_the_banner_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    banner = await make_banner(shop.brand, clock)

    response = await click(client, ad_type="banner", aff_code=shop.partner.code, unique=banner.code)

    visit = await Visit.get()
    assert sent_to(response)[1]["2ptu"] == [shop.brand.code]
    assert (visit.banner_id, visit.brand_id) == (banner.id, shop.brand.id)


@pytest.mark.parametrize("known", ["banner", "program_unique"])
async def test_the_first_of_both_codes_that_is_known_counts_w4(
    client: httpx.AsyncClient, clock: ManualClock, known: str
) -> None:
    shop = await make_shop(clock)
    banner = await make_banner(shop.brand, clock)
    unique = banner.code if known == "banner" else "removed"

    await click(client, aff_code=shop.partner.code, unique=unique, program_unique=shop.brand.code)

    visit = await Visit.get()
    assert visit.brand_id == shop.brand.id
    assert visit.banner_id == (banner.id if known == "banner" else None)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://www.shop.example/p/1?colour=red",
        "https://shop.example/",
        "http://deep.below.shop.example/p",
        "https://shop.test/p#reviews",
        "HTTPS://Shop.Example/P",
        "https://shop.example:443/p",
        "https://shop.example",
        "https://shop.example?a=1&b=%20c",
        "https://shop.example/?next=https://evil.example/",
        "https://shop.example/a%20b?c=%20d",
    ],
)
async def test_redirect_to_leads_anywhere_within_the_programs_domains_w4(
    client: httpx.AsyncClient, clock: ManualClock, wanted: str
) -> None:
    shop = await make_shop(clock)

    response = await click(client, redirect_to=wanted, **shop.codes)

    asked, got = urlsplit(wanted), urlsplit(response.headers["location"])
    assert (got.scheme, got.netloc.lower(), got.path, got.fragment) == (
        asked.scheme,
        asked.netloc.lower(),
        asked.path,
        asked.fragment,
    )
    assert parse_qs(asked.query).items() <= parse_qs(got.query).items()


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        " ",
        "//evil.example",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https:\\\\evil.example",
        "https://evil.example\\@shop.example/",
        "https://shop.example@evil.example/",
        "https://shop.example:pw@evil.example/",
        "https://user@shop.example/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://shop.example.",
        "https://evil.example#.shop.example",
        "https://evil.example#@shop.example",
        "https://evil.example?.shop.example",
        "https://evil.example/.shop.example",
        "https://evil.example;.shop.example/",
        "https://evil.example,.shop.example/",
        "https://evil.example%2f.shop.example/",
        "https://evil.example%00.shop.example/",
        "https://evil.example%23.shop.example/",
        "https://evil.example\x00.shop.example/",
        "https://evil.example\t.shop.example/",
        "ht\ntps://evil.example/",
        "https://evil.example\r\nSet-Cookie: a=b",
        "https://evil.example／.shop.example/",
        "https://evil.example⁄.shop.example/",
        "https://evil.example℀.shop.example/",
        "https://ѕhop.example/",
        "https://shop。example.evil.example/",
        "https://shop.example:8443/",
        "https://shop.example:99999/",
        "https://shop.example:80:443/",
        "https://shop.example:443@evil.example/",
        "https://[::1]/",
        "https://[shop.example]/",
        "https://[::ffff:1.2.3.4].shop.example/",
        "http://2130706433/",
        "data:text/html,<script>alert(1)</script>",
        "javascript:alert(1)//shop.example",
        "javascript://shop.example/%0aalert(1)",
        "ftp://shop.example/",
        "shop.example",
        "/p/1",
        "{lpurl}",
        "https%3A%2F%2Fevil.example%2F",
        "https%3A%2F%2Fshop.example%40evil.example%2F",
        "https%3A%2F%2Fevil.example%5C.shop.example%2F",
        "https%253A%252F%252Fshop.example%252F",
        "https://evil.example .shop.example/",
        "https://shop.example/" + "x" * 8_000,
        "x" * 8_000,
    ],
    ids=lambda text: quote(text)[:40],
)
async def test_no_redirect_to_leads_out_of_the_programs_domains_w4(
    client: httpx.AsyncClient, clock: ManualClock, wanted: str
) -> None:
    shop = await make_shop(clock)

    response = await click(client, redirect_to=wanted, **shop.codes)

    assert sent_to(response)[0] == "https://www.shop.example/"
    assert (await Visit.get()).destination == response.headers["location"]


@pytest.mark.parametrize(
    "query",
    [
        "{codes}&aff_code=OTHER&unique=OTHER&ad_type=banner&ad_type=popup",
        "{codes}&redirect_to=https://shop.example/p&redirect_to=https://evil.example/&ad_type=banner",
        "{codes}&stag=1_1&2pau=X&2ptt=X&2ptu=X&ad_type=banner",
        "&&{codes}&&=&ad_type=banner",
        "%61ff_code={partner}&u%6eique={program}&ad_type=banner",
    ],
)
async def test_repeated_and_foreign_parameters_change_nothing_w4(
    client: httpx.AsyncClient, clock: ManualClock, query: str
) -> None:
    """Of a repeated one the first counts; what this server adds is never taken from the link."""
    shop = await make_shop(clock)
    codes = urlencode(shop.codes)
    names = {"partner": shop.partner.code, "program": shop.brand.code}

    place, added = sent_to(await follow(client, query.format(codes=codes, **names)))

    visit = await Visit.get()
    assert urlsplit(place).hostname in {"www.shop.example", "shop.example"}
    assert added == {
        "2pau": [shop.partner.code],
        "2ptt": ["banner"],
        "2ptu": [shop.brand.code],
        "stag": [f"{visit.promo_id}_{visit.id}"],
    }


@pytest.mark.parametrize(
    "text", ["a\r\nSet-Cookie: x=1", "a\nb", "a\x00b", "a\u2028b", "ä", "a&b=c", "#x", "a\x85b"]
)
@pytest.mark.parametrize("name", ["st", "redirect_to", "ad_type", "aff_code", "any"])
async def test_no_parameter_adds_a_header_or_leaves_its_place_w4(
    client: httpx.AsyncClient, clock: ManualClock, name: str, text: str
) -> None:
    shop = await make_shop(clock)
    parameters = shop.codes | {name: f"https://shop.example/?q={text}" if name != "st" else text}

    response = await click(client, **parameters)

    location = response.headers["location"]
    expected = {"location", "cache-control", "referrer-policy", "content-length", "set-cookie"}
    assert set(response.headers) == expected
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location
    if name == "st":
        assert sent_to(response)[1]["2pdlst"] == [text.replace("\x00", "")]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/events/click/", "{codes}&ad_type=banner"),
        ("http://test//events/click", "{codes}&ad_type=banner"),
        ("/Events/Click", "AFF_CODE={partner}&Unique={program}&AD_TYPE=Banner"),
        ("/events/click", "aff_code={partner}&amp;unique={program}&amp;ad_type=banner"),
        ("/events/click", "ad_type=banner&aff_code=%20{partner}%20&unique={program}%22"),
        ("/events/click", "ad_type=banner&aff_code='{partner}'&unique={program}."),
        ("/events/click&{codes}&ad_type=banner", ""),
        ("/events/click%3F{codes}&ad_type=banner", ""),
    ],
)
async def test_links_work_with_the_mistakes_that_people_make_w4(
    client: httpx.AsyncClient, clock: ManualClock, path: str, query: str
) -> None:
    shop = await make_shop(clock)
    names = {
        "codes": urlencode(shop.codes),
        "partner": shop.partner.code,
        "program": shop.brand.code,
    }

    url = path.format(**names) + (f"?{query.format(**names)}" if query else "")
    added = sent_to(await client.get(url, headers=AGENT))[1]

    visit = await Visit.get()
    assert (visit.ad_type, visit.tags) == ("banner", {})
    assert added == {
        "2pau": [shop.partner.code],
        "2ptt": ["banner"],
        "2ptu": [shop.brand.code],
        "stag": [f"{visit.promo_id}_{visit.id}"],
    }


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("https%3A%2F%2Fshop.example%2Fp%3Fa%3D1%26b%3D2", "https://shop.example/p?a=1&b=2&2pau="),
        ("HTTPS%3a%2f%2fshop.example%2fp", "HTTPS://shop.example/p?2pau="),
        ("https://shop.example/two words?q=a b", "https://shop.example/two%20words?q=a%20b&2pau="),
    ],
)
async def test_a_page_that_was_encoded_twice_or_not_at_all_is_found_w4(
    client: httpx.AsyncClient, clock: ManualClock, written: str, place: str
) -> None:
    shop = await make_shop(clock)

    response = await click(client, redirect_to=written, **shop.codes)

    assert response.headers["location"].lower().startswith(place.lower())


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("https://shop.example/@brand/p", "https://shop.example/@brand/p"),
        ("https://shop.example/p#@me", "https://shop.example/p#@me"),
        ("https://münchen.example/x", "https://xn--mnchen-3ya.example/x"),
        ("https://MÜNCHEN.example:443/", "https://xn--mnchen-3ya.example:443/"),
        ("https://www.münchen.example?a=ü", "https://www.xn--mnchen-3ya.example?a=%C3%BC"),
        ("https://xn--mnchen-3ya.example/@ü", "https://xn--mnchen-3ya.example/@%C3%BC"),
    ],
)
async def test_pages_with_an_at_sign_and_international_hosts_are_within_the_domains_w4(
    client: httpx.AsyncClient, clock: ManualClock, wanted: str, place: str
) -> None:
    domains = ["shop.example", "xn--mnchen-3ya.example"]
    shop = await make_shop(clock, domains=domains)

    location = (await click(client, redirect_to=wanted, **shop.codes)).headers["location"]

    before, _, after = place.partition("#")
    assert location.startswith(f"{before}{'&' if '?' in before else '?'}")
    assert location.partition("#")[2] == after


@pytest.mark.parametrize(
    "wanted",
    [
        "https:/\\evil.example@shop.example/",
        "https:/\\evil.example/@shop.example",
        "https://evil.example\\/@shop.example/",
        "https:////evil.example/@shop.example/",
        "https:/shop.example@evil.example/@",
        "https://shop.example#@evil.example/",
        "https://shop.example;@evil.example/@",
        "https://shop.example\t@evil.example/@",
        "https://münchen.example@evil.example/",
        "https://münchen.example:pw@evil.example/",
        "https://evil.example／@münchen.example/",
        "https://evil.example\\@münchen.example/",
        "https://münchen.example.evil.example/",
        "https://münchen．example／.evil.example/",
        "https://evil.example?.münchen.example/",
        "https://straße.example/",
        "//münchen.example/",
        "ftp://münchen.example/",
        "https://münchen.example:8443/",
        "https://\u200bevil.example/@münchen.example",
    ],
    ids=lambda text: quote(text)[:40],
)
async def test_neither_at_signs_nor_international_hosts_lead_out_of_the_domains_w4(
    client: httpx.AsyncClient, clock: ManualClock, wanted: str
) -> None:
    shop = await make_shop(
        clock, domains=["shop.example", "xn--mnchen-3ya.example", "strasse.example"]
    )

    response = await click(client, redirect_to=wanted, **shop.codes)

    assert sent_to(response)[0] == "https://www.shop.example/"


@pytest.mark.parametrize("name", ["st", "ST", "St"])
async def test_stats_tags_are_known_in_any_case_and_kept_under_their_own_name_w4(
    client: httpx.AsyncClient, clock: ManualClock, name: str
) -> None:
    shop = await make_shop(clock)

    _, added = sent_to(await click(client, **shop.codes, **{name: "a,b"}))

    assert added["2pdlst"] == ["a,b"]
    assert (await Visit.get()).tags == {name: "a,b"}


@pytest.mark.parametrize(
    ("page", "tags", "place", "kept"),
    [
        (10, 9_000, "https://shop.example/xxxxxxxxxx", False),
        (9_000, 10, "https://www.shop.example/", True),
        (9_000, 9_000, "https://www.shop.example/", False),
        (4_000, 4_000, "https://shop.example/" + "x" * 4_000, False),
    ],
)
async def test_of_too_long_a_url_the_stats_tags_go_first_and_the_codes_never_w4(
    client: httpx.AsyncClient,
    clock: ManualClock,
    page: int,
    tags: int,
    place: str,
    kept: bool,
) -> None:
    shop = await make_shop(clock)
    wanted = {"redirect_to": "https://shop.example/" + "x" * page, "st": "t" * tags}

    reached, added = sent_to(await click(client, **shop.codes, **wanted))

    assert reached == place
    assert added.pop("2pdlst", []) == (["t" * tags] if kept else [])
    assert set(added) == {"2pau", "2ptt", "2ptu", "stag"}


async def test_placeholders_of_ad_platforms_survive_literally_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    wanted = quote("https://shop.example/p?u={lpurl}&g={gclid}", safe=":/{}")

    response = await follow(
        client,
        f"{urlencode(shop.codes)}&redirect_to={wanted}&st={{gclid}}%2Ctag1%2C%20tag2&x={{x}}",
    )

    location = response.headers["location"]
    assert location.startswith("https://shop.example/p?u={lpurl}&g={gclid}&")
    assert "2pdlst={gclid}%2Ctag1%2C%20tag2&" in location
    assert (await Visit.get()).tags == {"st": "{gclid},tag1, tag2", "x": "{x}"}


async def test_a_page_that_the_ad_platform_left_unfilled_is_the_programs_main_page_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)

    response = await follow(client, f"{urlencode(shop.codes)}&redirect_to={{lpurl}}&st={{gclid}}")

    assert sent_to(response)[0] == "https://www.shop.example/"
    assert "2pdlst={gclid}" in response.headers["location"]


@pytest.mark.parametrize(
    "changed",
    [
        {"aff_code": "NOBODY"},
        {"unique": "nothing"},
        {"aff_code": ""},
        {"unique": ""},
        {"unique": "nothing", "program_unique": "neither"},
        {"aff_code": "a\x00b"},
        {"unique": "x" * 3_000},
    ],
    ids=str,
)
async def test_codes_of_nobody_lead_to_the_fallback_and_are_recorded_w4(
    client: httpx.AsyncClient, clock: ManualClock, changed: dict[str, str]
) -> None:
    shop = await make_shop(clock)

    response = await click(client, **(shop.codes | changed))

    assert response.headers["location"] == FALLBACK
    assert [each.reason for each in await FallbackVisit.all()] == ["unknown_code"]
    assert await Promo.all().count() == await Visit.all().count() == 0


async def test_a_click_without_any_parameter_leads_to_the_fallback_w4(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/events/click", headers=AGENT)

    assert response.headers["location"] == FALLBACK
    assert await FallbackVisit.all().count() == 1


@pytest.mark.parametrize(
    ("model", "state", "reason"),
    [
        (Partner, "blocked", "partner"),
        (Affiliation, "suspended", "affiliation"),
        (Affiliation, "deleted", "affiliation"),
        (Brand, "disabled", "brand"),
        (Campaign, "disabled", "campaign"),
        (Campaign, "archived", None),
    ],
)
@pytest.mark.parametrize("clicked_before", [True, False])
async def test_states_stop_network_links_as_they_stop_promos_m1d(
    client: httpx.AsyncClient,
    clock: ManualClock,
    model: Any,
    state: str,
    reason: str | None,
    clicked_before: bool,
) -> None:
    shop = await make_shop(clock)
    if clicked_before or model is Campaign:
        await click(client, **shop.codes)
    await model.all().update(state=state)
    made_before = await Promo.all().count()
    stops = reason or "unknown_code"

    async with asyncio.timeout(30):
        while True:
            location = (await click(client, **shop.codes)).headers["location"]
            if (location == FALLBACK) is (reason is not None):
                break
            await asyncio.sleep(0.01)

    reasons = [each.reason for each in await FallbackVisit.all()]
    assert reasons in ([], [stops if made_before else "unknown_code"])
    assert await Promo.all().count() == made_before


@pytest.mark.parametrize("state", ["pending", "rejected", "suspended"])
async def test_a_partner_that_is_not_accepted_gets_no_link_of_the_program_w4(
    client: httpx.AsyncClient, clock: ManualClock, state: str
) -> None:
    shop = await make_shop(clock)
    await Affiliation.all().update(state=state)

    response = await click(client, **shop.codes)

    assert response.headers["location"] == FALLBACK
    assert await Promo.all().count() == 0


async def test_a_disabled_banner_is_no_code_but_its_program_is_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    shop = await make_shop(clock)
    banner = await make_banner(shop.brand, clock)
    await Banner.filter(id=banner.id).update(state="archived")

    await click(
        client, aff_code=shop.partner.code, unique=banner.code, program_unique=shop.brand.code
    )

    assert (await Visit.get()).banner_id is None


async def test_every_macro_that_operators_may_use_has_a_value_o01(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    arguments = [[name, f"<%%{name}%%>"] for name in MACROS]
    world = await make_world(clock, name="Shop & Söhne", redirect_arguments=arguments)

    response = await client.get(f"/{world.promo.code}", headers=AGENT)

    visit = await Visit.exclude(id=world.visit_id).get()
    assert sent_to(response)[1] == {
        "lang": ["en"],
        "affiliate_name": [f"<{world.partner.name}>"],
        "affiliate_code": [f"<{world.partner.code}>"],
        "campaign_name": [f"<{world.campaign.name}>"],
        "promo_code": [f"<{world.promo.code}>"],
        "brand_name": ["<Shop & Söhne>"],
        "click_id": [f"<{visit.id}>"],
        "stag": [f"{world.promo.id}_{visit.id}"],
    }


def test_the_macros_of_operators_and_of_links_are_the_same_o01() -> None:
    columns = dict.fromkeys(
        ("partner_name", "partner_code", "campaign_name", "code", "brand_name"), ""
    )

    assert {*macros_of(columns), "click_id"} == set(MACROS)


@pytest.mark.parametrize("text", ["ä" * 500, "%%click_id%%" * 41])
async def test_arguments_that_make_too_long_a_url_are_left_out_and_the_visit_is_recorded_o01(
    client: httpx.AsyncClient, clock: ManualClock, text: str
) -> None:
    arguments = [[f"name{n}", text] for n in range(20)]
    world = await make_world(clock, redirect_arguments=arguments)

    response = await client.get(f"/{world.promo.code}", headers=AGENT)

    visit = await Visit.exclude(id=world.visit_id).get()
    expected = f"https://brand.example/welcome?lang=en&stag={world.promo.id}_{visit.id}"
    assert response.headers["location"] == visit.destination == expected
