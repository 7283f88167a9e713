"""The demo's tracker: takes the postbacks of the demo and shows them; without the demo it does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.infra.clock import ManualClock
from app.settings import Settings
from app.web.tracker_calls import KEPT
from tests.conftest import serving

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def demo(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application in demo mode."""
    async with serving(settings.model_copy(update={"demo": True}), clock) as http:
        yield http


async def test_a_call_is_shown_with_its_time_path_and_parameters(demo: httpx.AsyncClient) -> None:
    answer = await demo.get("/tracker/review-hub/sale?amount=12.50&web=%24%7BwebID%7D")
    shown = (await demo.get("/tracker")).text
    assert (answer.status_code, answer.text) == (200, "thanks")
    assert "<td>2026-03-10 12:00:00</td>" in shown
    assert "<td>GET /tracker/review-hub/sale</td>" in shown
    assert "<td>amount = 12.50<br>web = ${webID}</td>" in shown


async def test_a19_a_posted_form_is_shown_like_a_query(demo: httpx.AsyncClient) -> None:
    await demo.post("/tracker/deposit", data={"cents": "5000"})
    shown = (await demo.get("/tracker")).text
    assert "<td>POST /tracker/deposit</td><td>cents = 5000</td>" in shown


async def test_a18_a_test_is_told_from_the_real_thing(demo: httpx.AsyncClient) -> None:
    await demo.get("/tracker/sale", headers={"X-Tributary-Test": "1"})
    assert "GET /tracker/sale (a test)" in (await demo.get("/tracker")).text


@pytest.mark.parametrize(
    ("path", "status"),
    [("503/sale", 503), ("404", 404), ("200/sale", 200), ("4040/sale", 200), ("04000/sale", 200)],
)
async def test_a19_a_path_that_begins_with_a_failure_fails(
    demo: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await demo.get(f"/tracker/{path}")).status_code == status
    assert f"GET /tracker/{path}" in (await demo.get("/tracker")).text


async def test_what_a_call_says_is_escaped(demo: httpx.AsyncClient) -> None:
    await demo.get(f"/tracker/{HOSTILE}", params={HOSTILE: HOSTILE})
    assert "<script>" not in (await demo.get("/tracker")).text


async def test_only_the_last_calls_are_kept_the_newest_first(demo: httpx.AsyncClient) -> None:
    for number in range(KEPT + 1):
        await demo.get(f"/tracker/number-{number:03}")
    shown = (await demo.get("/tracker")).text
    assert f"{KEPT + 1} calls" in shown
    assert "number-000" not in shown
    assert shown.index("number-200") < shown.index("number-001")


async def test_of_a_long_body_the_beginning_is_kept(demo: httpx.AsyncClient) -> None:
    await demo.post("/tracker/long", content="a=" + "x" * 100_000)
    shown = (await demo.get("/tracker")).text
    assert 7_000 < shown.count("x") < 9_000


async def test_without_the_demo_there_is_no_tracker(client: httpx.AsyncClient) -> None:
    for path in ("/tracker", "/tracker/sale"):
        assert (await client.get(path)).status_code == 404
    assert "/tracker" not in (await client.get("/")).text


async def test_the_front_page_of_the_demo_leads_to_its_tracker(demo: httpx.AsyncClient) -> None:
    assert 'href="/tracker"' in (await demo.get("/")).text
