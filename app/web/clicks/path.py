"""What the link door needs in one process: links in memory, hearing of their changes, and the recorder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.domain.scope import Scope
from app.domain.visits.record import take_visit_ids
from app.infra.countries import Countries
from app.infra.notifications import Listener
from app.web.clicks.cache import LinkCache
from app.web.clicks.recorder import ClickRecorder
from app.web.clicks.visitor import VisitorIds

if TYPE_CHECKING:
    from app.domain.visits.links import Link
    from app.domain.visits.network import NetworkLink
    from app.infra.clock import Clock
    from app.infra.crypto import SecretBox
    from app.settings import Settings

_COUNTRIES_EVERY_SECONDS = 60
_MEBIBYTE = 1024 * 1024


class ClickPath:
    """The parts of the click path, which live as long as the process."""

    def __init__(
        self, settings: Settings, clock: Clock, box: SecretBox, recorder: ClickRecorder
    ) -> None:
        self.recorder = recorder
        # Whoever follows a link.
        self.visitor = Scope.visitor(clock, "clicks")
        self.visitor_ids = VisitorIds()
        # Under which visitors' fingerprints are made.
        self.fingerprint_key = box.fingerprint_key
        self.countries = Countries(settings.country_database)
        self._listener = Listener(settings, "links", self._heard, self._deaf)
        self.links: LinkCache[Link] = LinkCache(self._hearing, settings.click_patience)
        self.network_links: LinkCache[NetworkLink] = LinkCache(
            self._hearing, settings.click_patience
        )
        self.fallback_url = settings.fallback_url or f"{settings.base_url}/"
        self.has_secure_cookies = settings.base_url.startswith("https:")
        self._running: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, settings: Settings, clock: Clock, box: SecretBox) -> ClickPath:
        """The running click path of this process. Raises DatabaseError when the database is away."""
        scope = Scope.system(clock, "clicks")
        recorder = ClickRecorder(
            scope,
            await take_visit_ids(scope),
            settings.journal_directory,
            settings.click_journal_size * _MEBIBYTE,
            settings.click_patience,
        )
        path = cls(settings, clock, box, recorder)
        path._running = [
            asyncio.create_task(recorder.run(), name="click recorder"),
            asyncio.create_task(path._listener.run(), name="links listener"),
            asyncio.create_task(path._refresh_countries(), name="countries"),
        ]
        return path

    async def stop(self) -> None:
        """End it; every click that was taken is durable then."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.recorder.drain()

    def _hearing(self) -> bool:
        return self._listener.hearing

    def _heard(self, source: str) -> None:
        self.links.heard(source)
        self.network_links.heard(source)

    def _deaf(self) -> None:
        self.links.deaf()
        self.network_links.deaf()

    async def _refresh_countries(self) -> None:
        while True:
            await asyncio.sleep(_COUNTRIES_EVERY_SECONDS)
            await asyncio.to_thread(self.countries.refresh)
