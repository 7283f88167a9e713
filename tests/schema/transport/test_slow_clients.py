"""A client that stops reading is disconnected, and nothing is kept for it meanwhile (G05)."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.infra.clock import ManualClock
from app.settings import Settings
from tests.schema.transport import probe
from tests.schema.transport.conftest import TIMES
from tests.schema.transport.peer import connected, until
from tests.schema.transport.server import PATH, Door, make_door

FLOOD = "subscription { flood }"
# The buffers of the kernel and of the server: what a client that reads nothing can cost.
MOST_KEPT = 1024 * 1024


@pytest.fixture
def door(settings: Settings, clock: ManualClock) -> Door:
    """An endpoint that sends as much as its client reads."""
    probe.forget()
    return make_door(settings, clock, schema=probe.schema, times=TIMES)


# No compression, so that what is sent has its size; no waiting for a farewell behind what is not read.
LAZY: dict[str, Any] = {"compression": None, "max_queue": 1, "close_timeout": 0.1}


def lazy_socket(address: str) -> socket.socket:
    """A connection with room for little."""
    parts = urlsplit(address)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((parts.hostname, parts.port))
    connection.setblocking(False)
    return connection


async def test_a_websocket_that_is_not_read_is_ended_within_the_patience_g05(
    address: str, door: Door
) -> None:
    async with connected(address, sock=lazy_socket(address), **LAZY) as peer:
        await peer.subscribe("1", FLOOD)

        await until(lambda: probe.SEEN.ended and door.live.open_streams() == 0)

        assert probe.SEEN.flooded * len(probe.CHUNK) < MOST_KEPT
        # Who reads on finds the connection closed behind what was on its way.
        assert (await peer.closed())[0] == 1006


async def test_an_event_stream_that_is_not_read_is_ended_within_the_patience_g05(
    address: str, door: Door
) -> None:
    reader, writer = await asyncio.open_connection(sock=lazy_socket(address), limit=1024)
    body = json.dumps({"query": FLOOD}).encode()
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    writer.write(body)

    await until(lambda: probe.SEEN.ended and door.live.open_streams() == 0)

    assert probe.SEEN.flooded * len(probe.CHUNK) < MOST_KEPT
    async with asyncio.timeout(5):
        rest = await reader.read()
    assert b"event: complete" not in rest
    writer.close()


async def test_a_client_that_reads_slowly_but_steadily_is_kept_g05(address: str) -> None:
    async with connected(address, sock=lazy_socket(address), **LAZY) as peer:
        await peer.subscribe("1", FLOOD)

        for _ in range(20):
            await asyncio.sleep(0.05)
            assert (await peer.receive())["type"] == "next"
        peer.socket.transport.abort()


async def test_a_flood_of_subscribe_messages_starts_no_more_than_the_limit_g05(
    address: str, door: Door
) -> None:
    async with connected(address, sock=lazy_socket(address), **LAZY) as peer:
        for number in range(200):
            await peer.subscribe(str(number), FLOOD)
            assert door.live.open_streams() <= 20
        peer.socket.transport.abort()
