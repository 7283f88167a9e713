"""A browser whose network ends at this machine, and what happens in one of its pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

ARTEFACTS = Path(__file__).parents[2] / "test-artefacts"

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_REMEMBER_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window. Playwright brings none and downloads none."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is not installed: run tests/desktop/install.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=list(_ARGUMENTS)
        )
        yield browser
        browser.close()


class Visit:
    """One person's page: a fresh profile, and a record of what went wrong in it."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        context = browser.new_context(
            base_url=base_url, viewport={"width": 1440, "height": 900}, locale="en-GB"
        )
        context.add_init_script(_REMEMBER_VIOLATIONS)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", lambda request: self._requested(request.url))
        self.page.on("websocket", lambda socket: self._requested(socket.url))
        self.page.on("requestfailed", self._failed)

    def close(self) -> None:
        """End the visit with its profile."""
        self.page.context.close()

    def violations(self) -> list[str]:
        """What the Content-Security-Policy has stopped since the page was loaded."""
        found: list[str] = self.page.evaluate("window.violations")
        return found

    def keep_screenshot(self, name: str) -> None:
        """Keep what the page looks like under test-artefacts/."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        # A page that is left gives up what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _requested(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"}:
            self.hosts.add(parts.netloc)
