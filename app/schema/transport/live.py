"""What live transports share: how many streams a caller may hold, and ending them with the session (G05)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.infra.database import DatabaseError
from app.schema.errors import refusal
from app.schema.execution.endpoint import Endpoint, Refused

if TYPE_CHECKING:
    from app.schema.context import Caller

SESSION_CHECK_SECONDS = 5.0
SEND_PATIENCE_SECONDS = 15.0


class Live:
    """The open streams of one process, counted by caller."""

    def __init__(self, most_per_caller: int, session_check: float = SESSION_CHECK_SECONDS) -> None:
        self._most = most_per_caller
        self._open: Counter[str] = Counter()
        self._session_check = session_check

    @contextmanager
    def slot(self, caller: Caller) -> Iterator[None]:
        """Hold one of the caller's streams. Raises Refused when all are in use."""
        key = caller.bucket_key
        if self._open[key] >= self._most:
            message = (
                f"you have {self._most} subscriptions open, the most there may be: end one first"
            )
            raise Refused([refusal("TOO_MANY_SUBSCRIPTIONS", message)])
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
            await asyncio.sleep(self._session_check)
            try:
                now = await endpoint.caller(
                    caller.token, caller.request_id, caller.ip, caller.user_agent
                )
            except DatabaseError:
                continue
            if now.user is None:
                return
