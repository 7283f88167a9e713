"""A bare tracker on loopback: answers 200 at once, or hangs; tells on request what it answered and how late it was."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from datetime import datetime
from functools import partial
from typing import ClassVar
from urllib.parse import unquote

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_SINCE = re.compile(rb"[?&]at=([^& ]+)")


class Tracker(asyncio.Protocol):
    """One connection; what has arrived is shared by all."""

    arrived: ClassVar[list[tuple[float, float | None]]] = []

    def __init__(self, hang: bool) -> None:
        self._hang = hang

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /stats"):
            body = json.dumps(self.arrived).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            self._transport.write(head + body)
            self.arrived.clear()
            return
        if self._hang:
            return
        now = time.time()
        since = _SINCE.search(data.partition(b"\r\n")[0])
        happened = datetime.fromisoformat(unquote(since[1].decode())).timestamp() if since else None
        self.arrived.append((now, happened))
        self._transport.write(_ANSWER)


async def main(ports: int, hanging: int) -> None:
    """Listen on so many free ports, of which the first `hanging` never answer; prints them, then serves."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(partial(Tracker, number < hanging), "127.0.0.1", 0)
        for number in range(ports)
    ]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
