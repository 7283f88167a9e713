"""LISTEN: hearing of a committed change in another process, at once.

The connection is our own: a pooled one may belong to somebody else in the next moment. A listener that cannot be sure
that it hears everything says so through `hearing`, and whoever relies on it asks the database instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import asyncpg

from app.infra.database import credentials, require_url
from app.infra.telemetry import logger

if TYPE_CHECKING:
    from app.settings import Settings

# How often it makes sure that it still hears itself: a dead connection looks like silence.
_CHECK_SECONDS = 2.0
_LONGEST_PAUSE = 2.0


class Listener:
    """Listens on one channel until cancelled, and connects again for as long as it takes."""

    def __init__(
        self,
        settings: Settings,
        channel: str,
        heard: Callable[[str], None],
        deaf: Callable[[], None],
    ) -> None:
        """`heard` gets each payload; `deaf` is called when notifications may have been missed."""
        self._settings = settings
        self._channel = channel
        self._heard = heard
        self._deaf = deaf
        self._echo = f"echo:{secrets.token_hex(8)}"
        self._echoed = asyncio.Event()
        self.hearing = False

    async def run(self) -> None:
        """Listen until cancelled."""
        pause = 0.05
        while True:
            try:
                await self._listen()
            except Exception as error:  # Whatever it is, giving up would mean to stay deaf.
                if self.hearing:
                    logger().warning("listener.lost", channel=self._channel, error=str(error))
                    pause = 0.05
            finally:
                self.hearing = False
                self._deaf()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _listen(self) -> None:
        async with asyncio.timeout(_CHECK_SECONDS):
            connection = await asyncpg.connect(**credentials(require_url(self._settings)))
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            async with asyncio.timeout(_CHECK_SECONDS):
                await connection.add_listener(self._channel, self._receive)
            while True:
                self._echoed.clear()
                async with asyncio.timeout(_CHECK_SECONDS):
                    await connection.execute("SELECT pg_notify($1, $2)", self._channel, self._echo)
                    await self._echoed.wait()
                if not self.hearing:
                    # What changed before this moment was not heard.
                    self._deaf()
                    self.hearing = True
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _CHECK_SECONDS)
                    raise ConnectionResetError("the server has closed the connection")
        finally:
            with contextlib.suppress(Exception):
                connection.terminate()

    def _receive(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        text = str(payload)
        if text == self._echo:
            self._echoed.set()
        elif not text.startswith("echo:"):
            self._heard(text)
