"""The campaign wizard as a partner goes through it, from the first choice to the numbers (A02 to A08, A39)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.domain.accounts.links import Purpose
from app.infra.clock import ManualClock
from app.models import Brand, CommissionPlan, Landing, Partner, PlanVersion, User
from app.schema.ids import encode_id
from tests.conftest import NOW
from tests.domain.accounts.people import ask, change, link_of
from tests.factories import (
    BOX,
    make_brand,
    make_brand_key,
    make_operator,
    make_partner,
    make_partner_user,
    post_signed,
)
from tests.schema.programme import open_session

AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"}
CHOICE = (
    "query($audience: LandingAudience!, $campaignId: ID) {"
    " landingChoice(audience: $audience, campaignId: $campaignId)"
    " { landings { id title } unavailableReason } }"
)
MADE = "campaign { id state } promo { id title trackingLink code landing { audience } }"
NUMBERS = (
    "query($id: ID!, $day: Date!) { promos(first: 1, filter: {campaignId: $id}) { nodes"
    " { numbers(from: $day, to: $day) { visitsCount uniqueVisitsCount registrationsCount } } } }"
)


@pytest.fixture
async def brand(client: httpx.AsyncClient, clock: ManualClock) -> Brand:
    return await make_brand(clock)


@pytest.fixture
async def token(brand: Brand, clock: ManualClock) -> str:
    """The owner of a partner with one brand and one plan to choose from."""
    return await open_session(
        await make_partner_user(await make_partner(clock, brand), clock), clock
    )


async def _open(client: httpx.AsyncClient, link: str) -> str:
    """Follow a tracking link as a visitor; returns the stag with which the landing is opened."""
    answer = await client.get(urlsplit(link).path, headers=AGENT)
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["location"]).query)["stag"][0]


async def _choice(client: httpx.AsyncClient, token: str, **variables: Any) -> dict[str, Any]:
    answer = await ask(client, CHOICE, variables, by=token)
    found: dict[str, Any] = answer["data"]["landingChoice"]
    return found


async def test_a03_a_partner_makes_a_campaign_for_players_and_sees_its_numbers(
    client: httpx.AsyncClient, brand: Brand, token: str, clock: ManualClock
) -> None:
    choice = await _choice(client, token, audience="PLAYERS")
    assert [row["title"] for row in choice["landings"]] == ["Welcome"]
    made = await change(
        client,
        "createCampaign",
        MADE,
        by=token,
        name="Reviews",
        firstPromo={"title": "Homepage banner"},
    )
    assert made["userErrors"] == []
    stag = await _open(client, made["promo"]["trackingLink"])
    key = await make_brand_key(brand, BOX, clock)
    player = {"user_id": "p1", "tag": stag, "sign_up_at": NOW.isoformat(), "country": "FI"}
    sent = await post_signed(client, "/api/v1/players", key, {"players": [player]})
    assert sent.status_code == 200
    day = {"id": made["campaign"]["id"], "day": "2026-03-10"}
    answer = await ask(client, NUMBERS, day, by=token)
    (node,) = answer["data"]["promos"]["nodes"]
    assert (node["numbers"]["visitsCount"], node["numbers"]["registrationsCount"]) == (1, 1)

    archived = await change(
        client, "archiveCampaign", "campaign { state archivedAt }", by=token, campaignId=day["id"]
    )
    assert archived["campaign"]["state"] == "ARCHIVED"
    refused = await change(
        client, "createPromo", "promo { id }", by=token, campaignId=day["id"], title="Late"
    )
    assert refused["userErrors"][0]["code"] == "CONFLICT"
    assert await _open(client, made["promo"]["trackingLink"]) != stag


async def test_a05_a_partner_makes_a_campaign_for_sub_affiliates_and_sees_who_came(
    client: httpx.AsyncClient, brand: Brand, token: str, clock: ManualClock
) -> None:
    reasons = [(await _choice(client, token, audience="SUB_AFFILIATES"))["unavailableReason"]]
    plan = await CommissionPlan.get(brand_id=brand.id)
    await PlanVersion.create(
        plan=plan,
        number=1,
        currency="EUR",
        terms={"rewards": [{"kind": "subaffiliate"}]},
        valid_from=NOW,
        published_at=NOW,
        created_at=NOW,
    )
    reasons += [(await _choice(client, token, audience="SUB_AFFILIATES"))["unavailableReason"]]
    wizard: dict[str, Any] = {
        "name": "Friends",
        "firstPromo": {"title": "Join us", "audience": "SUB_AFFILIATES"},
    }
    refused = await change(client, "createCampaign", MADE, by=token, **wizard)
    assert refused["userErrors"][0]["code"] == "NO_SUB_AFFILIATE_LANDING"
    assert refused["userErrors"][0]["field"] == ["firstPromo", "landingId"]
    await Landing.create(
        brand=brand,
        title="Partners wanted",
        url="https://brand.example/partners",
        audience="sub_affiliates",
        created_at=NOW,
    )
    reasons += [(await _choice(client, token, audience="SUB_AFFILIATES"))["unavailableReason"]]
    assert reasons == ["NO_SUB_AFFILIATE_REWARD", "NO_SUB_AFFILIATE_LANDING", None]

    made = await change(client, "createCampaign", MADE, by=token, **wizard)
    assert made["promo"]["landing"] == {"audience": "SUB_AFFILIATES"}
    stag = await _open(client, made["promo"]["trackingLink"])
    registered = await change(
        client,
        "registerPartner",
        companyName="Fresh Clicks",
        name="Frida Fresh",
        email="frida@fresh.test",
        password="seven green tractors",
        currency="EUR",
        acceptTermsVersion=0,
        invitation=stag,
    )
    assert registered["userErrors"] == []
    await _let_in(client, clock)
    list_ = "{ subAffiliates(first: 5) { nodes { name registeredAt promo { id } } totalCount } }"
    answer = await ask(client, list_, by=token)
    assert answer["data"]["subAffiliates"] == {
        "nodes": [
            {
                "name": "Fresh Clicks",
                "registeredAt": "2026-03-10T12:00:00Z",
                "promo": {"id": made["promo"]["id"]},
            }
        ],
        "totalCount": 1,
    }


async def _let_in(client: httpx.AsyncClient, clock: ManualClock) -> None:
    """The new owner confirms the e-mail, and an operator approves the account."""
    child = await Partner.get(name="Fresh Clicks")
    owner = await User.get(partner_id=child.id)
    link = await link_of(owner.id, Purpose.CONFIRM_EMAIL)
    confirmed = await change(client, "confirmEmail", token=link)
    assert confirmed["userErrors"] == []
    operator = await open_session(await make_operator(clock), clock)
    approved = await change(
        client,
        "approvePartner",
        "partner { state }",
        by=operator,
        schema="admin",
        partnerId=encode_id("Partner", child.id),
    )
    assert approved["partner"] == {"state": "ACTIVE"}
