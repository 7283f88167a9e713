"""A cable between a client and PostgreSQL that a test can cut at a chosen moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.infra.database import credentials


@dataclass(slots=True)
class Cable:
    """Carries bytes to and from the server. Cuts are counted in `cuts`."""

    url: str = ""
    cuts: int = 0
    # Cut when the client sends this, before the server gets it.
    cut_before: bytes | None = None
    # Let the server do what the client sends, and cut before the client hears of it.
    cut_after: bytes | None = None
    # Keep what holds this back until `release` is set.
    hold: bytes | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    _cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def has_cut(self) -> None:
        """Wait for the first cut."""
        await self._cut.wait()

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str
    ) -> None:
        """Join a client to the server until either of them leaves."""
        found = credentials(url)
        path = f"{found['host']}/.s.PGSQL.{found['port']}"
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        muted = asyncio.Event()
        directions = [
            asyncio.create_task(self._to_server(reader, server_writer, muted)),
            asyncio.create_task(_to_client(server_reader, writer, muted)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in directions:
                task.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            for end in (writer, server_writer):
                end.close()

    def _count(self) -> None:
        self.cuts += 1
        self._cut.set()

    async def _to_server(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
    ) -> None:
        while data := await reader.read(65_536):
            if self.cut_before is not None and self.cut_before in data:
                self._count()
                return
            if self.hold is not None and self.hold in data:
                self.held.set()
                await self.release.wait()
            if self.cut_after is not None and self.cut_after in data:
                self._count()
                muted.set()
            writer.write(data)
            await writer.drain()


async def _to_client(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event
) -> None:
    while data := await reader.read(65_536):
        if muted.is_set():
            return
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[Cable]:
    """A cable to the database of that URL; its own URL leads through it."""
    cable = Cable()
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await cable.carry(reader, writer, url)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    cable.url = f"postgres://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
    try:
        yield cable
    finally:
        listener.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
