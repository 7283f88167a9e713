"""A WebSocket client that says exactly what a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.schema.transport.server import PATH

PROTOCOL = "graphql-transport-ws"
SECONDS = 10


@dataclass(frozen=True, slots=True)
class Peer:
    """One connection."""

    socket: ClientConnection

    async def send(self, type_: str, **fields: Any) -> None:
        """Send a message of the protocol."""
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def subscribe(self, id_: str, query: str, **parameters: Any) -> None:
        """Ask for an operation."""
        await self.send("subscribe", id=id_, payload={"query": query, **parameters})

    async def receive(self, *types: str) -> dict[str, Any]:
        """The next message of these types, of any when none is named; server pings are passed over."""
        async with asyncio.timeout(SECONDS):
            while True:
                frame = await self.socket.recv()
                assert isinstance(frame, str), "a binary frame"
                message: dict[str, Any] = json.loads(frame)
                if message["type"] in types or (not types and message["type"] != "ping"):
                    return message

    async def closed(self) -> tuple[int, str]:
        """Wait until the server closes; its code and reason."""
        async with asyncio.timeout(SECONDS):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                frame = closed.rcvd
                return (frame.code, frame.reason) if frame else (1006, "")


@asynccontextmanager
async def dialled(
    address: str, *, protocol: str | None = PROTOCOL, **options: Any
) -> AsyncIterator[Peer]:
    """A connection that has said nothing yet."""
    offered = [Subprotocol(protocol)] if protocol else None
    url = address.replace("http", "ws") + PATH
    async with connect(url, subprotocols=offered, **options) as socket:
        yield Peer(socket)


@asynccontextmanager
async def connected(address: str, token: str | None = None, **options: Any) -> AsyncIterator[Peer]:
    """A connection that was acknowledged."""
    payload = {"authorization": f"Bearer {token}"} if token else {}
    async with dialled(address, **options) as peer:
        await peer.send("connection_init", payload=payload)
        assert (await peer.receive())["type"] == "connection_ack"
        yield peer


async def until(fact: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
