"""The tour: one thin path through every floor of the running product."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pyotp
import pytest

from app.domain.simulation.programme import PASSWORD, TOTP_SECRET
from tests.factories import graphql, post_signed, sign_in
from tests.processes.instance import Instance
from tests.tasks.tracker import Tracker

# Seeding the demo programme belongs to it.
pytestmark = pytest.mark.timeout(300)

_KEY = ("demo-brand-key", "demo-brand-secret")

_BRANDS = "{ brands(first: 10) { nodes { id name timeZone } } }"
_PLAN = """
query($brand: ID!) {
  commissionPlans(first: 1, filter: { brandId: $brand }) { nodes { id } }
}
"""
_LANDING = """
query($brand: ID!) {
  landings(first: 1, filter: { brandId: $brand, audience: PLAYERS }) { nodes { id title } }
}
"""
_CREATE_CAMPAIGN = """
mutation($input: CreateCampaignInput!) {
  createCampaign(input: $input) { campaign { id name } userErrors { code message field } }
}
"""
_CREATE_PROMO = """
mutation($input: CreatePromoInput!) {
  createPromo(input: $input) { promo { id code trackingLink } userErrors { code message field } }
}
"""
_CREATE_POSTBACK = """
mutation($input: CreatePostbackInput!) {
  createPostback(input: $input) { postback { id } userErrors { code message field } }
}
"""
_REPORT = """
query($input: PerformanceReportInput!) {
  performanceReport(input: $input) {
    rows {
      campaign { name } day visitsCount registrationsCount firstDepositsCount
      firstDepositsSum { amount currency } depositsCount depositsSum { amount currency }
    }
    totals {
      visitsCount registrationsCount firstDepositsCount
      firstDepositsSum { amount currency } depositsCount depositsSum { amount currency }
    }
  }
}
"""

_LOG = """
query($filter: PostbackAttemptFilterInput) {
  postbackAttempts(first: 50, filter: $filter) { nodes { id url action responseCode deliveryState } }
}
"""
_REPLAY = """
mutation($input: ReplayPostbackInput!) {
  replayPostback(input: $input) { replayed userErrors { code message field } }
}
"""


async def ask(client: httpx.AsyncClient, token: str, document: str, **variables: Any) -> Any:
    """The data of an operation that must succeed."""
    answer = await graphql(client, document, variables, token=token)
    assert "errors" not in answer, answer
    return answer["data"]


async def create(client: httpx.AsyncClient, token: str, document: str, **values: Any) -> Any:
    """What a mutation has made, by its only name."""
    data = await ask(client, token, document, input=values)
    (payload,) = data.values()
    assert payload.pop("userErrors") == []
    (made,) = payload.values()
    return made


async def sign_in_with_totp(client: httpx.AsyncClient, email: str) -> str:
    """Sign in with the code of this moment, or, when somebody has used it up, with the next one."""
    deadline = time.monotonic() + 70
    while True:
        otp = pyotp.TOTP(TOTP_SECRET).now()
        try:
            return await sign_in(client, email, password=PASSWORD, otp=otp)
        except AssertionError as refusal:
            if "OTP_REFUSED" not in str(refusal) or time.monotonic() > deadline:
                raise
        await asyncio.sleep(1)


def with_amounts(line: dict[str, Any]) -> dict[str, Any]:
    """A line of a report with the amounts of its money cells by currency."""
    return {
        name: {money["currency"]: Decimal(money["amount"]) for money in cell}
        if isinstance(cell, list)
        else cell
        for name, cell in line.items()
    }


async def test_the_tour_leads_through_the_running_processes_a02_a07_a10_a13_a30_a61_w3(
    demo_instance: Instance, listener: Tracker
) -> None:
    async with httpx.AsyncClient(base_url=demo_instance.url, timeout=30) as client:
        token = await sign_in_with_totp(client, "partner@demo.test")
        brands = (await ask(client, token, _BRANDS))["brands"]["nodes"]
        casino = next(brand for brand in brands if brand["name"] == "Lucky Otter Casino")
        (landing,) = (await ask(client, token, _LANDING, brand=casino["id"]))["landings"]["nodes"]
        (plan,) = (await ask(client, token, _PLAN, brand=casino["id"]))["commissionPlans"]["nodes"]
        campaign = await create(
            client,
            token,
            _CREATE_CAMPAIGN,
            name="Guided tour",
            brandId=casino["id"],
            planId=plan["id"],
        )
        promo = await create(
            client,
            token,
            _CREATE_PROMO,
            campaignId=campaign["id"],
            title="Homepage banner",
            landingId=landing["id"],
        )
        await create(
            client,
            token,
            _CREATE_POSTBACK,
            action="REGISTRATION",
            promoId=promo["id"],
            url=f"{listener.url}/postback?click=${{clickID}}&event=${{event_id}}&absent=${{webID}}",
        )

        click = await client.get(
            promo["trackingLink"],
            params={"clickID": "summer sale/1"},
            headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"},
        )
        location = urlsplit(click.headers["location"])
        stag = parse_qs(location.query)["stag"][0]
        assert click.status_code == 302
        assert location.netloc == "lucky-otter.example"

        now = datetime.now(UTC)
        zone = ZoneInfo(casino["timeZone"])
        day = now.astimezone(zone).date()
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        player = {"user_id": "tourist", "tag": stag, "sign_up_at": now.isoformat(), "country": "DE"}
        registered = await post_signed(client, "/api/v1/players", _KEY, {"players": [player]})
        assert registered.status_code == 200
        assert [item["status"] for item in registered.json()] == ["created"]
        activity = {
            "from": start.isoformat(),
            "to": (start + timedelta(days=1)).isoformat(),
            "items": [
                {
                    "user_id": "tourist",
                    "currency": "EUR",
                    "deposits_count": 1,
                    "deposits_sum": "50.00",
                    "first_deposit_at": now.isoformat(),
                    "first_deposit_sum": "50.00",
                }
            ],
        }
        deposited = await post_signed(client, "/api/v1/activity", _KEY, activity)
        assert deposited.status_code == 200
        assert [item["status"] for item in deposited.json()] == ["created"]

        report = await ask(
            client,
            token,
            _REPORT,
            input={
                "from": str(day - timedelta(days=1)),
                "to": str(day),
                "groupBy": ["CAMPAIGN", "DAY"],
                "filter": {"campaignIds": [campaign["id"]]},
            },
        )
        numbers = {
            "visitsCount": 1,
            "registrationsCount": 1,
            "firstDepositsCount": 1,
            "firstDepositsSum": {"EUR": Decimal(50)},
            "depositsCount": 1,
            "depositsSum": {"EUR": Decimal(50)},
        }
        (row,) = report["performanceReport"]["rows"]
        keys = {"campaign": {"name": "Guided tour"}, "day": str(day)}
        assert with_amounts(row) == keys | numbers
        assert with_amounts(report["performanceReport"]["totals"]) == numbers

    assert listener.wait_for(lambda received: len(received) > 0)
    (postback,) = listener.received
    assert postback.path == "/postback"
    assert postback.query["click"] == "summer sale/1"
    assert postback.query.keys() == {"click", "event"}


async def shown(client: httpx.AsyncClient, wanted: str, times: int) -> str:
    """The tracker's page once it shows something so many times."""
    deadline = time.monotonic() + 60
    while (page := (await client.get("/tracker")).text).count(wanted) < times:
        assert time.monotonic() < deadline, page
        await asyncio.sleep(0.2)
    return page


async def test_the_demos_postbacks_arrive_at_its_own_tracker_and_are_replayed_a13_a15_a20(
    demo_instance: Instance,
) -> None:
    async with httpx.AsyncClient(base_url=demo_instance.url, timeout=30) as client:
        base = "/tracker/bargain-lane"
        for call in ("GET", "registration", 2), ("GET", "literal", 2), ("POST", "deposit", 1):
            page = await shown(client, f"<td>{call[0]} {base}/{call[1]}</td>", call[2])
        page = await shown(client, f"<td>GET {base}/sale</td>", 1)
        page = await shown(client, f"<td>GET {base}/first-deposit</td>", 1)
        assert "web = 12<br>" in page
        assert "web = ${webID}<br>" in page
        assert f"{base}/everything" not in page

        token = await sign_in(client, "partner2@demo.test", password=PASSWORD)
        chosen = {"urlContains": f"{base}/first-deposit"}
        log = await ask(client, token, _LOG, filter=chosen)
        (first,) = log["postbackAttempts"]["nodes"]
        assert (first["action"], first["responseCode"]) == ("FIRST_DEPOSIT", 200)
        assert first["url"].startswith(f"{demo_instance.url}{base}/first-deposit?click=demo-1&")
        replayed = await ask(client, token, _REPLAY, input={"attemptId": first["id"]})
        assert replayed["replayPostback"] == {"replayed": 1, "userErrors": []}
        await shown(client, f"<td>GET {base}/first-deposit</td>", 2)
