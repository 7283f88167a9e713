"""GraphQL over server-sent events, in the distinct connections mode of graphql-sse (G05)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import orjson

from app.schema.errors import refusal
from app.schema.execution.endpoint import Answer, Endpoint, Operation, Refused

if TYPE_CHECKING:
    from app.schema.context import Caller
    from app.schema.transport.live import Live

KEEP_ALIVE_SECONDS = 12.0
_COMPLETE = b"event: complete\ndata:\n\n"


class Streams:
    """Opens the streams of one process."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def open(
        self, endpoint: Endpoint, operation: Operation, caller: Caller
    ) -> AsyncIterator[bytes]:
        """The events of an operation. Raises Refused before the stream has begun."""
        if operation.type.value != "subscription":
            return _single(await endpoint.run(operation))
        held = ExitStack()
        held.enter_context(self._live.slot(caller))
        try:
            answers = await endpoint.stream(operation)
        except BaseException:
            held.close()
            raise
        return self._events(endpoint, caller, answers, held)

    async def _events(
        self, endpoint: Endpoint, caller: Caller, answers: AsyncIterator[Answer], held: ExitStack
    ) -> AsyncIterator[bytes]:
        ending = asyncio.create_task(self._live.until_session_ends(endpoint, caller))
        pending: asyncio.Task[Answer] | None = None
        try:
            while True:
                pending = pending or asyncio.ensure_future(_next(answers))
                done, _ = await asyncio.wait(
                    {pending, ending},
                    timeout=KEEP_ALIVE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if ending in done:
                    error = refusal("UNAUTHENTICATED", "the session has ended: sign in again")
                    yield _next_event(endpoint.refused(Refused([error]), caller.request_id))
                    break
                if pending not in done:
                    yield b":\n\n"
                    continue
                try:
                    answer = pending.result()
                except StopAsyncIteration:
                    break
                pending = None
                yield _next_event(answer)
            yield _COMPLETE
        finally:
            ending.cancel()
            if pending is not None:
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)
            if (close := getattr(answers, "aclose", None)) is not None:
                await close()
            held.close()


async def _next(answers: AsyncIterator[Answer]) -> Answer:
    return await anext(answers)


async def _single(answer: Answer) -> AsyncIterator[bytes]:
    yield _next_event(answer)
    yield _COMPLETE


def _next_event(answer: Answer) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(answer.body) + b"\n\n"
