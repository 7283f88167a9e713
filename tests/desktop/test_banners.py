"""A banner in a partner's page: pasted markup shows it in its size, a click follows the tracking link (A06)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.desktop.browser import Visit, chromium
from tests.pictures import animation, picture, turned
from tests.processes.instance import Instance, running_instance

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(300)]

PASSWORD = "Demo-passw0rd!"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with running_instance(demo=True) as running:
        yield running


def _ask(instance: Instance, schema: str, document: str, token: str | None, **input_: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"query": document, "variables": {"input": input_} if input_ else {}}
    url = f"{instance.url}/{schema}/graphql"
    answer = httpx.post(url, json=body, headers=headers, timeout=30).json()
    assert "errors" not in answer, answer
    return answer["data"]


def _token(instance: Instance, schema: str, email: str) -> str:
    document = "mutation($input: LoginInput!) { login(input: $input) { token } }"
    data = _ask(instance, schema, document, None, email=email, password=PASSWORD)
    return str(data["login"]["token"])


def _upload(instance: Instance, brand_id: str, data: bytes, title: str) -> dict[str, Any]:
    """An operator's upload; what the server made of it."""
    token = _token(instance, "admin", "operator@demo.test")
    answer = httpx.post(
        f"{instance.url}/admin/banners",
        params={"brand": brand_id, "title": title},
        content=data,
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _promo(instance: Instance, data: bytes, title: str) -> dict[str, Any]:
    """A partner's new promo with that picture: its tracking link and its markup."""
    token = _token(instance, "partner", "partner2@demo.test")
    campaigns = _ask(
        instance,
        "partner",
        "{ campaigns(first: 1) { nodes { id brand { id } } } }",
        token,
    )["campaigns"]["nodes"]
    brand_id = campaigns[0]["brand"]["id"]
    landings = _ask(
        instance,
        "partner",
        f'{{ landings(first: 1, filter: {{brandId: "{brand_id}"}}) {{ nodes {{ id }} }} }}',
        token,
    )["landings"]["nodes"]
    banner = _upload(instance, brand_id, data, title)
    made = _ask(
        instance,
        "partner",
        "mutation($input: CreatePromoInput!) { createPromo(input: $input) {"
        " promo { trackingLink markup } userErrors { message } } }",
        token,
        campaignId=campaigns[0]["id"],
        title=title,
        landingId=landings[0]["id"],
        bannerId=banner["id"],
    )["createPromo"]
    assert made["userErrors"] == []
    promo: dict[str, Any] = made["promo"]
    return promo


@pytest.fixture
def site() -> Iterator[dict[str, str]]:
    """A partner's own site: its address, and the page that it shows."""
    shown = {"page": ""}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><title>A partner</title>{shown['page']}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shown["url"] = f"http://127.0.0.1:{server.server_port}/"
    yield shown
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (picture("png", (300, 250)), (300, 250)),
        (turned("jpeg", (300, 250)), (250, 300)),
        (animation("webp", size=(120, 90)), (120, 90)),
    ],
    ids=["png", "turned jpeg", "animated webp"],
)
def test_a06_the_pasted_markup_shows_the_picture_in_its_size_and_leads_to_the_tracking_link(
    data: bytes,
    size: tuple[int, int],
    browser: Browser,
    instance: Instance,
    site: dict[str, str],
) -> None:
    title = 'A "quoted" <b>title</b> & more'
    promo = _promo(instance, data, title)
    site["page"] = promo["markup"]
    visit = Visit(browser, site["url"])
    page, followed = visit.page, []
    page.context.on("response", lambda answer: followed.append((answer.url, answer.status)))

    page.goto(site["url"])
    page.wait_for_function("document.images.length === 1 && document.images[0].complete")
    shown = page.evaluate(
        "(({naturalWidth, naturalHeight, width, height, alt}) =>"
        " [naturalWidth, naturalHeight, width, height, alt])(document.images[0])"
    )
    with page.context.expect_page() as opened:
        page.get_by_alt_text(title).click()
    page.wait_for_timeout(1_000)

    assert shown == [*size, *size, title]
    assert (promo["trackingLink"], 302) in followed
    assert opened.value.evaluate("window.opener") is None
    visit.close()
