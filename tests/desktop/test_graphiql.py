"""GraphiQL in a browser whose network ends at this server (G04)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from app.infra import processes
from app.infra.instance import answers
from tests.desktop.browser import Visit, chromium
from tests.processes.instance import (
    PROJECT,
    Instance,
    clean_environment,
    free_port,
    running_instance,
)

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(300)]

# A machine that is busy with other things.
expect.set_options(timeout=30_000)

PASSWORD = "Demo-passw0rd!"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# The schema, a login without 2FA, and what `me` says of it.
USERS = [
    ("admin", "operator@demo.test", "AFFILIATE_MANAGER|OWNER"),
    ("partner", "partner2@demo.test", "OWNER"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """GraphiQL after logging in, as in production."""
    with running_instance(demo=True, TRIBUTARY_EXPLORE="signed_in") as running:
        yield running


@pytest.fixture(scope="module")
def open_url(instance: Instance) -> Iterator[str]:
    """The same programme through a second API process, whose GraphiQL is for everyone."""
    settings, port = instance.settings(), free_port()
    environment = {
        **clean_environment(),
        "TRIBUTARY_DATABASE_URL": settings.database_url or "",
        "TRIBUTARY_REDIS_URL": settings.redis_url or "",
        "TRIBUTARY_SECRET_KEYS": ",".join(settings.secret_keys),
        "TRIBUTARY_DATA_DIR": str(instance.data_dir / "open"),
        "TRIBUTARY_EXPLORE": "everyone",
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "app.cli", "serve"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert processes.wait_until(lambda: answers("127.0.0.1", port), 60, interval=0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def visit(browser: Browser, instance: Instance) -> Iterator[Visit]:
    """A visit that must end without a complaint of the browser and without a request to another host."""
    yield from _clean_visit(browser, instance.url)


@pytest.fixture
def open_visit(browser: Browser, open_url: str) -> Iterator[Visit]:
    yield from _clean_visit(browser, open_url)


def _clean_visit(browser: Browser, url: str) -> Iterator[Visit]:
    visit = Visit(browser, url)
    yield visit
    complaints, violations, hosts = visit.complaints, visit.violations(), visit.hosts
    visit.close()
    assert complaints == []
    assert violations == []
    assert hosts == {url.removeprefix("http://")}


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("form", name="Log in").get_by_role("button").click()


def open_tab(page: Page, operation: str) -> None:
    """Open the tab of a shipped operation; GraphiQL is ready then."""
    # The tab that is open already has a button within it, which is part of its name.
    page.get_by_role("tab", name=re.compile(rf"^{operation}\b")).click()
    editor = page.locator(".graphiql-query-editor .view-lines")
    expect(editor).to_contain_text(re.compile(rf"(query|mutation|subscription)\s{operation}\b"))
    expect(page.locator(".graphiql-response .view-lines")).to_have_count(1)


def run(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()


def wait_for_response(page: Page, pattern: str) -> None:
    """Wait until the response, of which the editor draws what is in sight, has a text like that."""
    text = (
        "__MONACO.editor.getModels().filter(model => model.uri.path.endsWith('response.json'))"
        ".map(model => model.getValue()).join('')"
    )
    page.wait_for_function(f"pattern => new RegExp(pattern).test({text})", arg=pattern)
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text("{")


@pytest.mark.parametrize(("schema", "email", "role"), USERS)
def test_a_shipped_operation_runs_after_logging_in(
    visit: Visit, schema: str, email: str, role: str
) -> None:
    page = visit.page
    page.goto(f"/{schema}/graphql")
    log_in(page, email)
    open_tab(page, "Me")
    run(page)
    wait_for_response(page, f'"role": "({role})"')
    open_tab(page, "PerformanceReport")
    run(page)
    wait_for_response(page, '"visitsCount": [1-9]')
    wait_for_response(page, '"totals"')
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text("visitsCount")
    visit.keep_screenshot(f"graphiql-{schema}")


def test_a_partner_with_two_factor_authentication_is_asked_for_the_code(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner@demo.test")
    expect(page.get_by_role("status")).to_contain_text("Two-factor authentication is on")
    visit.keep_screenshot("graphiql-login")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_contain_text("The code is wrong")
    page.get_by_label("Code").fill(pyotp.TOTP(TOTP_SECRET).now())
    page.get_by_role("button", name="Log in").click()
    open_tab(page, "Me")
    run(page)
    wait_for_response(page, '"email": "partner@demo.test"')


def test_a_wrong_password_is_told_in_the_form(visit: Visit) -> None:
    visit.page.goto("/admin/graphql")
    log_in(visit.page, "operator@demo.test", "not the password")
    expect(visit.page.get_by_role("status")).to_contain_text("e-mail or the password is wrong")
    expect(visit.page.locator(".graphiql-container")).to_have_count(0)


@pytest.mark.parametrize(("schema", "email", "_role"), USERS)
def test_a_subscription_shows_its_ticks(visit: Visit, schema: str, email: str, _role: str) -> None:
    page = visit.page
    page.goto(f"/{schema}/graphql")
    log_in(page, email)
    open_tab(page, "Ticks")
    run(page)
    wait_for_response(page, '"number": [1-9]')
    wait_for_response(page, '"number": ([3-9]|10)')
    visit.keep_screenshot(f"graphiql-{schema}-ticks")
    expect(page.get_by_role("button", name="Execute query")).to_be_visible()


def test_the_header_editor_shows_the_session_in_every_tab(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner2@demo.test")
    page.get_by_role("button", name="Headers").click()
    for operation in ("Me", "Campaigns", "Ticks"):
        open_tab(page, operation)
        editor = page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)")
        expect(editor).to_contain_text('"Authorization": "Bearer ')


def test_a_reload_keeps_the_session_and_logging_out_ends_it(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner2@demo.test")
    log_out = page.get_by_role("button", name="Log out")
    expect(log_out).to_be_visible()
    page.reload()
    expect(log_out).to_be_visible()
    with page.expect_response(lambda it: "logout" in (it.request.post_data or "")) as answered:
        log_out.click()
    assert answered.value.json()["data"]["logout"]["ended"] is True
    expect(page.get_by_label("E-mail")).to_be_visible()
    page.reload()
    expect(page.get_by_label("E-mail")).to_be_visible()


def test_the_editor_marks_what_the_schema_does_not_have(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner2@demo.test")
    open_tab(page, "Me")
    page.locator(".graphiql-query-editor .view-line").nth(3).click()
    page.keyboard.press("End")
    page.keyboard.type(" nonsense")
    expect(page.locator(".graphiql-query-editor .squiggly-error").first).to_be_visible()


def test_the_editor_tidies_an_operation_and_its_variables(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner2@demo.test")
    open_tab(page, "Ticks")
    # Set, not typed: the editor would close brackets and quotes itself.
    for document, text in (
        ("operation.graphql", "query Tidy { me { name } }"),
        ("variables.json", '{"count":1}'),
    ):
        page.evaluate(
            "([name, text]) => __MONACO.editor.getModels()"
            ".find(model => model.uri.path.endsWith(name)).setValue(text)",
            [document, text],
        )
    page.get_by_role("button", name="Prettify query").click()
    # One element for each line.
    expect(page.locator(".graphiql-query-editor .view-line")).to_have_count(6)
    variables = page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)")
    expect(variables).to_contain_text(re.compile(r'"count":\s1'))


def test_the_explorer_and_the_documentation_know_the_schema(visit: Visit) -> None:
    page = visit.page
    page.goto("/admin/graphql")
    log_in(page, "operator@demo.test")
    page.get_by_role("button", name="Show GraphiQL Explorer").click()
    expect(page.locator(".graphiql-explorer-root")).to_contain_text("performanceReport")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("PerformanceReport")


def test_nothing_is_kept_when_the_browser_tab_is_closed(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner2@demo.test")
    open_tab(page, "Offers")
    run(page)
    wait_for_response(page, '"brands"')
    # The editor saves half a second after the last change.
    page.wait_for_function("sessionStorage.getItem('tributary:partner:graphiql:tabState')")
    assert page.evaluate("localStorage.length") == 0
    assert page.context.cookies() == []


def test_everyone_explores_where_that_is_allowed_and_may_log_in(open_visit: Visit) -> None:
    page = open_visit.page
    page.goto("/partner/graphql")
    open_tab(page, "Me")
    run(page)
    wait_for_response(page, '"code": "UNAUTHENTICATED"')
    page.get_by_role("button", name="Log in").click()
    open_visit.keep_screenshot("graphiql-open")
    log_in(page, "partner2@demo.test")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    open_tab(page, "Me")
    run(page)
    wait_for_response(page, '"email": "partner2@demo.test"')


def test_a_session_that_has_ended_is_told(open_visit: Visit, open_url: str) -> None:
    page = open_visit.page
    page.goto("/partner/graphql")
    page.get_by_role("button", name="Log in").click()
    log_in(page, "partner2@demo.test")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    open_tab(page, "Me")
    token = page.evaluate("JSON.parse(sessionStorage.getItem('tributary:partner:session')).token")
    page.request.post(
        f"{open_url}/partner/graphql",
        headers={"Authorization": f"Bearer {token}"},
        data={"query": "mutation { logout { ended } }"},
    )
    run(page)
    expect(page.get_by_role("status")).to_contain_text("Your session has ended")
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)
