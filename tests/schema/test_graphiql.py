"""The GraphiQL page without a browser: its policy, its files, who may see it, and what it offers (G04, G13)."""

from __future__ import annotations

import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.infra import node
from app.infra.clock import ManualClock
from app.schema import admin, partner
from app.schema.execution.documents import read_trusted
from app.schema.execution.endpoint import OPERATIONS
from app.schema.transport import graphiql
from app.settings import Settings
from graphql import OperationDefinitionNode, get_variable_values, parse, validate
from tests.conftest import serving

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ENDPOINTS = ("/admin/graphql", "/partner/graphql")
SCHEMAS = {"admin": admin.schema._schema, "partner": partner.schema._schema}
SOURCES = graphiql.BUILD.parent
SHIPPED = [
    pytest.param(schema, path, id=f"{schema}-{path.stem}")
    for schema in SCHEMAS
    for path in sorted((OPERATIONS / schema).glob("*.graphql"))
]


class _Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of its configuration."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.configuration = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][1].get("id") == "configuration":
            self.configuration += data


async def page(client: httpx.AsyncClient, path: str) -> httpx.Response:
    return await client.get(path, headers=BROWSER)


async def configuration(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_Elements((await page(client, path)).text).configuration)
    return found


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_a_browser_gets_a_page_that_is_not_stored(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await page(client, path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_everything_that_the_page_names_is_served_by_this_server(
    client: httpx.AsyncClient, path: str
) -> None:
    elements = _Elements((await page(client, path)).text)
    addresses = [
        str(attributes[name])
        for _, attributes in elements.found
        for name in ("src", "href")
        if name in attributes and not str(attributes[name]).startswith("data:")
    ]
    addresses += json.loads(elements.configuration)["workers"].values()
    assert len(addresses) == 6
    for address in addresses:
        assert address.startswith(f"{graphiql.ASSETS}/")
        assert (await client.get(address)).status_code == 200


async def test_the_policy_allows_this_servers_files_and_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    response = await page(client, "/admin/graphql")
    policy = response.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert policy.replace(nonce[0], "'nonce-…'").split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'nonce-…'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self' ws://tributary.test wss://tributary.test",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ]
    assert f'nonce="{nonce[1]}"' in response.text


async def test_each_page_has_a_nonce_of_its_own(client: httpx.AsyncClient) -> None:
    first, second = [await page(client, "/admin/graphql") for _ in range(2)]
    assert first.headers["content-security-policy"] != second.headers["content-security-policy"]


def test_a_host_that_is_no_host_does_not_reach_the_policy() -> None:
    policy = graphiql.content_security_policy("nonce", "evil.test; script-src *")
    assert "evil" not in policy
    assert "connect-src 'self';" in policy


async def test_no_script_and_no_style_stands_in_the_page(client: httpx.AsyncClient) -> None:
    elements = _Elements((await page(client, "/partner/graphql")).text)
    scripts = [attributes for tag, attributes in elements.found if tag == "script"]
    assert [script.get("type") for script in scripts] == ["application/json", "module"]
    assert "src" in scripts[1]
    assert not any(tag == "style" or "style" in attributes for tag, attributes in elements.found)


async def test_the_configuration_cannot_close_its_element(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = graphiql.ShippedOperation("x", "# </script><script>alert(1)</script>", None)
    monkeypatch.setattr(graphiql, "shipped_operations", lambda _: (hostile,))
    elements = _Elements((await page(client, "/partner/graphql")).text)
    assert "<" not in elements.configuration
    assert json.loads(elements.configuration)["operations"][0]["query"] == hostile.query


@pytest.mark.parametrize(("explore", "is_open"), [("everyone", True), ("signed_in", False)])
async def test_the_setting_explore_decides_whether_the_schema_is_open(
    settings: Settings, clock: ManualClock, explore: str, is_open: bool
) -> None:
    async with serving(settings.model_copy(update={"explore": explore}), clock) as client:
        assert (await configuration(client, "/partner/graphql"))["open"] is is_open


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_there_is_no_page_where_nobody_may_explore(
    settings: Settings, clock: ManualClock, path: str
) -> None:
    async with serving(settings.model_copy(update={"explore": "nobody"}), clock) as client:
        response = await page(client, path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        extensions = response.json()["errors"][0]["extensions"]
        assert extensions["code"] == "NOT_FOUND"
        assert extensions["requestId"] == response.headers["x-request-id"]


async def test_a_server_without_a_build_says_how_to_make_one(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(graphiql, "BUILD", tmp_path)
    response = await page(client, "/admin/graphql")
    assert response.status_code == 503
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "make graphiql" in response.text
    asked = await client.post("/admin/graphql", json={"query": "{ __typename }"})
    assert asked.json()["data"] == {"__typename": "Query"}


def built(pattern: str) -> str:
    """The name of a built file."""
    return next((graphiql.BUILD / "assets").glob(pattern)).name


@pytest.mark.parametrize(
    ("pattern", "media_type"),
    [
        ("main-*.js", "text/javascript; charset=utf-8"),
        ("style-*.css", "text/css; charset=utf-8"),
        ("licences-*.txt", "text/plain; charset=utf-8"),
    ],
)
async def test_a_built_file_is_kept_for_ever_and_comes_with_its_type(
    client: httpx.AsyncClient, pattern: str, media_type: str
) -> None:
    response = await client.get(f"{graphiql.ASSETS}/{built(pattern)}")
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None), ("br;q=0, gzip", "gzip")],
)
async def test_a_built_file_comes_compressed_as_the_browser_likes_it(
    client: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    url = f"{graphiql.ASSETS}/{built('main-*.js')}"
    async with client.stream("GET", url, headers={"Accept-Encoding": accepted}) as response:
        assert response.headers.get("content-encoding") == encoding
        sent = b"".join([chunk async for chunk in response.aiter_raw()])
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[encoding]
    name = url.rpartition("/")[2] + suffix
    assert sent == (graphiql.BUILD / "assets" / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "missing.js",
        "%2e%2e%2fmanifest.json",
        "..%2fmanifest.json",
        "..%5cmanifest.json",
        "%2e%2e/%2e%2e/package.json",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        ".hidden",
        "x%00.js",
    ],
)
async def test_nothing_else_is_served_as_a_built_file(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"{graphiql.ASSETS}/{name}")
    assert response.status_code == 404


async def test_the_compressed_copies_have_no_address(client: httpx.AsyncClient) -> None:
    response = await client.get(f"{graphiql.ASSETS}/{built('main-*.js')}.br")
    assert response.status_code == 404
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_the_build_keeps_the_licences_of_what_it_bundles() -> None:
    licences = (graphiql.BUILD / "assets" / built("licences-*.txt")).read_text(encoding="utf-8")
    for package in ("graphiql ", "monaco-editor ", "react ", "graphql-ws "):
        assert re.search(rf"^{package}\d", licences, re.MULTILINE)
    assert "(no text in the package)" not in re.findall(
        r"^(?:graphiql|monaco-editor|react) .*\n\n(.*)$", licences, re.MULTILINE
    )


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_the_shipped_operations_are_offered_with_their_variables(
    client: httpx.AsyncClient, path: str
) -> None:
    offered = {item["name"]: item for item in (await configuration(client, path))["operations"]}
    # The page itself logs in, says who is there, and logs out.
    assert {"login", "logout", "me"} <= offered.keys()
    assert next(iter(offered)) == "me"
    directory = OPERATIONS / path.split("/")[1]
    assert {item["query"] for item in offered.values()} == set(read_trusted(directory).values())
    report = json.loads(offered["performance-report"]["variables"])
    assert (report["input"]["from"], report["input"]["to"]) == ("2026-02-08", "2026-03-10")


def test_a_time_of_today_in_example_variables_is_a_time() -> None:
    text = graphiql.on_day('["today-1T00:00:00Z", "todayT23:59:59Z"]', date(2026, 3, 1))
    assert json.loads(text) == ["2026-02-28T00:00:00Z", "2026-03-01T23:59:59Z"]


def test_today_in_example_variables_is_a_date() -> None:
    text = graphiql.on_day('{"a": "today", "b": "today-30", "c": "todayish"}', date(2026, 3, 1))
    assert json.loads(text) == {"a": "2026-03-01", "b": "2026-01-30", "c": "todayish"}


@pytest.mark.parametrize(("schema", "path"), SHIPPED)
def test_a_shipped_operation_is_valid_and_says_what_it_does(schema: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    document = parse(text)
    assert validate(SCHEMAS[schema], document) == []
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    words = path.stem.split("-")
    assert operation.name.value == "".join(word.capitalize() for word in words)


@pytest.mark.parametrize(("schema", "path"), SHIPPED)
def test_the_example_variables_of_a_shipped_operation_fit_it(schema: str, path: Path) -> None:
    (operation,) = parse(path.read_text(encoding="utf-8")).definitions
    assert isinstance(operation, OperationDefinitionNode)
    example = path.with_suffix(".variables.json")
    given: dict[str, Any] = {}
    if example.is_file():
        given = json.loads(graphiql.on_day(example.read_text(encoding="utf-8"), date(2026, 3, 1)))
    declared = operation.variable_definitions or ()
    assert given.keys() == {definition.variable.name.value for definition in declared}
    coerced = get_variable_values(SCHEMAS[schema], declared, given)
    assert not isinstance(coerced, list), coerced


def test_no_example_stands_without_its_operation() -> None:
    for example in OPERATIONS.glob("*/*.json"):
        assert example.with_name(example.name.replace(".variables.json", ".graphql")).is_file()


def test_the_lock_file_pins_every_package_and_names_no_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name
    assert "omit-lockfile-registry-resolved=true" in (SOURCES / ".npmrc").read_text()
    wanted = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version


def test_the_sources_pass_the_type_checker() -> None:
    assert node.main([str(SOURCES), "npm", "run", "--silent", "check"]) == 0
