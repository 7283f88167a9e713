"""GraphiQL in a browser whose network ends at this server (G04)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.desktop.browser import Visit, chromium
from tests.processes.instance import Instance, running_instance

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(300)]

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
def open_instance() -> Iterator[Instance]:
    """GraphiQL for everyone."""
    with running_instance(demo=True, TRIBUTARY_EXPLORE="everyone") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, instance: Instance) -> Iterator[Visit]:
    """A visit that must end without a complaint of the browser and without a request to another host."""
    yield from _clean_visit(browser, instance)


@pytest.fixture
def open_visit(browser: Browser, open_instance: Instance) -> Iterator[Visit]:
    yield from _clean_visit(browser, open_instance)


def _clean_visit(browser: Browser, instance: Instance) -> Iterator[Visit]:
    visit = Visit(browser, instance.url)
    yield visit
    complaints, violations, hosts = visit.complaints, visit.violations(), visit.hosts
    visit.close()
    assert complaints == []
    assert violations == []
    assert hosts == {instance.url.removeprefix("http://")}


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("form", name="Log in").get_by_role("button").click()


def open_tab(page: Page, operation: str) -> None:
    page.get_by_role("tab", name=operation, exact=True).click()
    expect(page.locator(".graphiql-query-editor")).to_contain_text(operation)


def run(page: Page) -> None:
    page.get_by_role("button", name="Execute query").click()


def response(page: Page) -> str:
    """The whole text of the response pane, of which the editor draws only what is in sight."""
    text: str = page.evaluate(
        "__MONACO.editor.getModels().filter(m => m.uri.path.endsWith('response.json'))"
        ".map(m => m.getValue()).join('')"
    )
    return text


def wait_for_response(page: Page, pattern: str) -> None:
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text(re.compile(pattern))


@pytest.mark.parametrize(("schema", "email", "role"), USERS)
def test_a_shipped_operation_runs_after_logging_in(
    visit: Visit, schema: str, email: str, role: str
) -> None:
    page = visit.page
    page.goto(f"/{schema}/graphql")
    log_in(page, email)
    run(page)
    wait_for_response(page, f'"role": "({role})"')
    open_tab(page, "PerformanceReport")
    run(page)
    wait_for_response(page, '"visitsCount": [1-9]')
    assert '"totals"' in response(page)
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
    wait_for_response(page, '"number": 1')
    wait_for_response(page, '"number": 3')
    visit.keep_screenshot(f"graphiql-{schema}-ticks")
    page.get_by_role("button", name="Stop query").click()
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
    with page.expect_response("**/partner/graphql") as answered:
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


def test_the_explorer_and_the_documentation_know_the_schema(visit: Visit) -> None:
    page = visit.page
    page.goto("/admin/graphql")
    log_in(page, "operator@demo.test")
    page.get_by_role("button", name="Show GraphiQL Explorer").click()
    expect(page.locator(".graphiql-explorer-root")).to_contain_text("performanceReport")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("What operators read.")


def test_passwords_and_tokens_are_not_kept_after_the_visit(visit: Visit) -> None:
    page = visit.page
    page.goto("/partner/graphql")
    log_in(page, "partner2@demo.test")
    open_tab(page, "Login")
    page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden)").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(
        f'{{"input": {{"email": "partner2@demo.test", "password": "{PASSWORD}"}}}}'
    )
    run(page)
    wait_for_response(page, '"token": "')
    token = page.evaluate("JSON.parse(sessionStorage.getItem('tributary:partner:session')).token")
    # The editor saves half a second after the last change.
    page.wait_for_function("JSON.stringify(localStorage).includes('partner2@demo.test')")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert PASSWORD not in kept
    assert token not in kept


def test_everyone_explores_where_that_is_allowed_and_may_log_in(open_visit: Visit) -> None:
    page = open_visit.page
    page.goto("/partner/graphql")
    run(page)
    wait_for_response(page, '"code": "UNAUTHENTICATED"')
    page.get_by_role("button", name="Log in").click()
    open_visit.keep_screenshot("graphiql-open")
    log_in(page, "partner2@demo.test")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    run(page)
    wait_for_response(page, '"email": "partner2@demo.test"')


def test_a_session_that_has_ended_is_told(open_visit: Visit, open_instance: Instance) -> None:
    page = open_visit.page
    page.goto("/partner/graphql")
    page.get_by_role("button", name="Log in").click()
    log_in(page, "partner2@demo.test")
    token = page.evaluate("JSON.parse(sessionStorage.getItem('tributary:partner:session')).token")
    page.request.post(
        f"{open_instance.url}/partner/graphql",
        headers={"Authorization": f"Bearer {token}"},
        data={"query": "mutation { logout { ended } }"},
    )
    run(page)
    expect(page.get_by_role("status")).to_contain_text("Your session has ended")
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)
