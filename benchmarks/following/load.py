"""A load of clicks: keep-alive connections on loopback, each with the next click when the last was answered."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import cast

VISITORS = 2_000
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{n}.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS {n}_0 like Mac OS X) AppleWebKit/605.1 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android {n}; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
)


@dataclass(slots=True)
class Outcome:
    """What a load was answered: `latencies` in seconds, `stags` when they were asked for."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    stags: list[bytes] = field(default_factory=list)
    unexpected: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Redirects per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that this share of the redirects did not exceed, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def requests_for(codes: list[str], dice: random.Random) -> list[bytes]:
    """Clicks of many visitors: addresses, browsers, languages, and the tags of a tracker."""
    made = []
    for number in range(VISITORS):
        agent = dice.choice(_AGENTS).format(n=dice.randrange(100, 160))
        address = f"100.{dice.randrange(64, 128)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"
        lines = (
            f"GET /{dice.choice(codes)}?clickID=c{dice.randrange(10**9)}&webID={number} HTTP/1.1",
            "Host: go.example",
            f"User-Agent: {agent}",
            "Accept: text/html,application/xhtml+xml",
            "Accept-Language: de-AT,de;q=0.9",
            f"X-Forwarded-For: {address}",
            "Referer: https://reviews.example/best",
        )
        made.append(("\r\n".join(lines) + "\r\n\r\n").encode())
    return made


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(
        self, requests: list[bytes], place: int, until: float, outcome: Outcome, *, keep: bool
    ) -> None:
        self._requests, self._place, self._until = requests, place, until
        self._outcome, self._keep = outcome, keep
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        now = time.perf_counter()
        if now >= self._until:
            self._transport.close()
            return
        self._sent_at = now
        self._place = (self._place + 1) % len(self._requests)
        self._transport.write(self._requests[self._place])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        if head.startswith(b"HTTP/1.1 302"):
            self._outcome.latencies.append(time.perf_counter() - self._sent_at)
            if self._keep:
                self._outcome.stags.append(_stag(head))
        else:
            self._outcome.unexpected.append(head)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _stag(head: bytes) -> bytes:
    _, _, rest = head.partition(b"stag=")
    return rest.partition(b"\r\n")[0]


async def follow_links(
    port: int, requests: list[bytes], *, connections: int, seconds: float, keep: bool = False
) -> Outcome:
    """Follow links for so many seconds. A connection that is lost stays lost; answers other than 302 are kept."""
    outcome = Outcome(seconds)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = []
    for number in range(connections):
        place = number * len(requests) // connections
        until = started + seconds

        def make(place: int = place, until: float = until) -> _Client:
            return _Client(requests, place, until, outcome, keep=keep)

        _, client = await loop.create_connection(make, "127.0.0.1", port)
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    outcome.seconds = time.perf_counter() - started
    return outcome
