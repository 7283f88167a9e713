"""What live transports share: how long they wait, how much a caller may hold, ending with the session (G05)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.infra.database import DatabaseError
from app.schema.errors import refusal
from app.schema.execution.endpoint import Endpoint, Refused

if TYPE_CHECKING:
    from app.schema.context import Caller


@dataclass(frozen=True, slots=True)
class Times:
    """How long live connections wait, in seconds."""

    # Between two looks whether the session still lives.
    session_check: float = 5.0
    # For `connection_init` on a new WebSocket.
    initialisation: float = 10.0
    # For a client to read what is sent to it.
    sending: float = 15.0
    # Between two signs of life: `ping` on WebSocket, a comment in an event stream.
    ping: float = 20.0
    comment: float = 12.0


class Live:
    """The streams and connections that are open in one process, counted by caller."""

    def __init__(self, most_per_caller: int, times: Times | None = None) -> None:
        self.times = times or Times()
        self._most = most_per_caller
        self._open: Counter[tuple[str, str]] = Counter()

    def open_streams(self) -> int:
        """How many operations run on live connections now."""
        return sum(count for (kind, _), count in self._open.items() if kind == "subscriptions")

    @contextmanager
    def stream(self, caller: Caller) -> Iterator[None]:
        """Hold one of the caller's streams, which both transports share. Raises Refused when all are in use."""
        with self._held("subscriptions", caller):
            yield

    @contextmanager
    def connection(self, caller: Caller) -> Iterator[None]:
        """Hold one of the caller's WebSockets. Raises Refused when all are in use."""
        with self._held("connections", caller):
            yield

    @contextmanager
    def _held(self, kind: str, caller: Caller) -> Iterator[None]:
        key = (kind, caller.bucket_key)
        if self._open[key] >= self._most:
            message = f"you have {self._most} {kind} open, the most there may be: end one first"
            raise Refused([refusal(f"TOO_MANY_{kind.upper()}", message)])
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    async def until_session_ends(self, endpoint: Endpoint, caller: Caller) -> None:
        """Return when the caller's session was terminated, has expired, or its user was blocked.

        A caller without session never ends; a database that is away ends nothing.
        """
        if caller.user is None:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(self.times.session_check)
            try:
                now = await endpoint.caller(
                    caller.token, caller.request_id, caller.ip, caller.user_agent
                )
            except DatabaseError:
                continue
            if now.user is None:
                return
