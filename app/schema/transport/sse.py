"""GraphQL over server-sent events, in the distinct connections mode of graphql-sse (G05).

What an operation is refused for is told inside the stream, as that protocol wants it: a browser's EventSource shows
nothing of an answer that is no stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import orjson

from app.infra.telemetry import logger
from app.schema.errors import refusal
from app.schema.execution.endpoint import Answer, Endpoint, Operation
from app.schema.transport.failure import explained
from app.schema.transport.negotiation import EVENT_STREAM

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from app.schema.context import Caller
    from app.schema.transport.live import Live

_COMPLETE = b"event: complete\ndata:\n\n"
_COMMENT = b":\n\n"
_HEADERS = (
    (b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    # nginx would hold events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
)


class EventStream:
    """A response that lasts: it ends with its events, with the client, or when the client stops reading."""

    def __init__(
        self, events: AsyncGenerator[bytes, None], held: AsyncExitStack, patience: float
    ) -> None:
        self._events = events
        # What the stream holds, such as the caller's slot.
        self._held = held
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_until_disconnected(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except TimeoutError:
            # Nothing is kept for a client that does not read: the server closes the connection.
            logger().info("sse.client_reads_too_slowly")
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._events.aclose()
            await self._held.aclose()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        async for event in self._events:
            async with asyncio.timeout(self._patience):
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Streams:
    """Opens the event streams of one process."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def open(self, endpoint: Endpoint, operation: Operation, caller: Caller) -> EventStream:
        """The stream of an operation. Raises Refused when it is not run."""
        if operation.type.value != "subscription":
            return self.single(await endpoint.run(operation))
        async with AsyncExitStack() as opening:
            opening.enter_context(self._live.stream(caller))
            answers = await endpoint.stream(operation)
            opening.push_async_callback(_close, answers)
            events = self._follow(endpoint, caller, answers)
            return EventStream(events, opening.pop_all(), self._live.times.sending)

    def single(self, answer: Answer) -> EventStream:
        """A stream of one answer."""
        return EventStream(_once(answer), AsyncExitStack(), self._live.times.sending)

    async def _follow(
        self, endpoint: Endpoint, caller: Caller, answers: AsyncIterator[Answer]
    ) -> AsyncGenerator[bytes, None]:
        """The events until the source or the session ends, and comments while there are none."""
        ending = asyncio.create_task(self._live.until_session_ends(endpoint, caller))
        pending: asyncio.Task[Answer] | None = None
        try:
            while True:
                pending = pending or asyncio.create_task(_next(answers))
                done, _ = await asyncio.wait(
                    (pending, ending),
                    timeout=self._live.times.comment,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if ending in done:
                    ending.result()
                    raise refusal("UNAUTHENTICATED", "the session has ended: sign in again")
                if pending not in done:
                    yield _COMMENT
                    continue
                yield _event(pending.result().body)
                pending = None
        except StopAsyncIteration:
            pass
        except Exception as error:
            yield _event({"errors": [explained(error, caller.request_id).formatted]})
        finally:
            tasks = [task for task in (ending, pending) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        yield _COMPLETE


async def _next(answers: AsyncIterator[Answer]) -> Answer:
    return await anext(answers)


async def _close(answers: AsyncIterator[Answer]) -> None:
    if isinstance(answers, AsyncGenerator):
        await answers.aclose()


async def _once(answer: Answer) -> AsyncGenerator[bytes, None]:
    yield _event(answer.body)
    yield _COMPLETE


def _event(body: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"
