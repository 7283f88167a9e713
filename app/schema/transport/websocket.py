"""GraphQL over WebSocket: the graphql-transport-ws protocol (G05). Messages are text frames (G03)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.infra.encoding import JsonError, loads
from app.infra.telemetry import logger
from app.schema.execution.endpoint import Answer, Endpoint, Operation, Refused
from app.schema.execution.request import is_unicode, read_request
from app.schema.transport.failure import UNAVAILABLE, code_of, explained
from app.schema.transport.session import bearer

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from app.schema.context import Caller
    from app.schema.transport.live import Live

PROTOCOL = "graphql-transport-ws"
LARGEST_MESSAGE = 256 * 1024

BAD_MESSAGE, UNAUTHORIZED, FORBIDDEN, WRONG_PROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, SUBSCRIBER_EXISTS, TOO_MANY, FAILED = 4408, 4409, 4429, 4500
# Clients come back after this one; 4500 ends them for good.
TRY_AGAIN_LATER = 1013
# A close frame has room for a code and so many bytes of reason.
_LONGEST_REASON = 123
_OF_CLIENTS = ("complete", "connection_init", "ping", "pong", "subscribe")


class Closed(Exception):
    """The connection must be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _NotReading(Exception):
    """The client does not read what is sent to it."""


class _NotExecuted(Exception):
    """The variables were refused: nothing ran."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class WebSocketTransport:
    """The WebSocket door of one endpoint, as an ASGI application."""

    def __init__(self, endpoint: Endpoint, live: Live) -> None:
        self._endpoint = endpoint
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if PROTOCOL not in scope.get("subprotocols", []):
            await socket.accept()
            await socket.close(WRONG_PROTOCOL, f"speak {PROTOCOL}")
            return
        await socket.accept(subprotocol=PROTOCOL)
        await Connection(socket, self._endpoint, self._live).serve()


class Connection:
    """One client's connection with its running operations."""

    def __init__(self, socket: WebSocket, endpoint: Endpoint, live: Live) -> None:
        self._socket = socket
        self._endpoint = endpoint
        self._live = live
        self._request_id: str = socket.scope["request_id"]
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Speak with the client until either side ends it; every operation ends with the connection."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._speak(tasks)
        except* WebSocketDisconnect:
            pass
        except* _NotReading:
            # A close frame would wait behind what the client does not read: the server closes the connection.
            logger().info("websocket.client_reads_too_slowly")
        except* Exception as ended:
            await self._close(ended.exceptions[0])

    async def _speak(self, tasks: asyncio.TaskGroup) -> None:
        caller = await self._initialise()
        with ExitStack() as held:
            try:
                held.enter_context(self._live.connection(caller))
            except Refused as refused:
                raise Closed(TOO_MANY, str(refused)) from None
            await self._send({"type": "connection_ack"})
            tasks.create_task(self._ping())
            tasks.create_task(self._end_with_session(caller))
            await self._listen(caller, tasks)

    async def _initialise(self) -> Caller:
        """Who the client is, by its first message."""
        try:
            async with asyncio.timeout(self._live.times.initialisation):
                payload = await self._first_payload()
        except TimeoutError:
            raise Closed(INIT_TIMEOUT, "connection_init is late") from None
        named = {str(name).lower(): value for name, value in payload.items()}
        token = bearer(named.get("authorization"))
        caller = await self._endpoint.caller(
            token,
            self._request_id,
            self._socket.client.host if self._socket.client else None,
            self._socket.headers.get("user-agent"),
        )
        if token is not None and caller.user is None:
            raise Closed(FORBIDDEN, "the session is unknown or has ended")
        return caller

    async def _first_payload(self) -> dict[str, Any]:
        message = await self._receive()
        while message["type"] in {"ping", "pong"}:
            if message["type"] == "ping":
                await self._send({"type": "pong"})
            message = await self._receive()
        if message["type"] != "connection_init":
            raise Closed(UNAUTHORIZED, "send connection_init first")
        payload = message.get("payload") or {}
        if not isinstance(payload, dict):
            raise Closed(BAD_MESSAGE, "the payload of connection_init is no object")
        return payload

    async def _listen(self, caller: Caller, tasks: asyncio.TaskGroup) -> None:
        while True:
            message = await self._receive()
            kind = message["type"]
            if kind == "subscribe":
                await self._subscribe(caller, message, tasks)
            elif kind == "complete":
                await self._cancel(message)
            elif kind == "ping":
                await self._send({"type": "pong"})
            elif kind == "connection_init":
                raise Closed(TOO_MANY, "connection_init came twice")

    async def _subscribe(
        self, caller: Caller, message: dict[str, Any], tasks: asyncio.TaskGroup
    ) -> None:
        """Start an operation. One that is too many is refused before anything else is read from the client."""
        operation_id = message.get("id")
        if not isinstance(operation_id, str) or not operation_id or not is_unicode(operation_id):
            raise Closed(BAD_MESSAGE, "subscribe needs an id")
        if operation_id in self._running:
            raise Closed(SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        held = ExitStack()
        try:
            held.enter_context(self._live.stream(caller))
        except Refused as refused:
            await self._send_errors(operation_id, refused)
            return
        task = tasks.create_task(self._operate(caller, operation_id, message.get("payload")))
        self._running[operation_id] = task
        task.add_done_callback(lambda _: self._forget(operation_id, held))

    def _forget(self, operation_id: str, held: ExitStack) -> None:
        del self._running[operation_id]
        held.close()

    async def _cancel(self, message: dict[str, Any]) -> None:
        """End an operation, so that its id and its slot are free for the next message."""
        if (task := self._running.get(str(message.get("id")))) is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _operate(self, caller: Caller, operation_id: str, payload: Any) -> None:
        """Run one operation and send its answers; what it is refused for, or fails with, is told as `error`."""
        try:
            operation = await self._endpoint.prepare(read_request(payload), caller)
            if operation.type.value == "subscription":
                await self._follow(operation_id, operation)
            else:
                await self._run(operation_id, operation)
        except (WebSocketDisconnect, _NotReading):
            raise
        except Exception as error:
            await self._send_errors(operation_id, error)
        else:
            await self._send({"id": operation_id, "type": "complete"})

    async def _run(self, operation_id: str, operation: Operation) -> None:
        answer = await self._endpoint.run(operation)
        if not answer.executed:
            raise _NotExecuted(answer)
        await self._send_next(operation_id, answer)

    async def _follow(self, operation_id: str, operation: Operation) -> None:
        answers = await self._endpoint.stream(operation)
        try:
            async for answer in answers:
                await self._send_next(operation_id, answer)
        finally:
            if isinstance(answers, AsyncGenerator):
                await answers.aclose()

    async def _send_next(self, operation_id: str, answer: Answer) -> None:
        await self._send({"id": operation_id, "type": "next", "payload": answer.body})

    async def _send_errors(self, operation_id: str, error: Exception) -> None:
        if isinstance(error, _NotExecuted):
            errors = error.answer.body["errors"]
        elif isinstance(error, Refused):
            errors = self._endpoint.refused(error, self._request_id).body["errors"]
        else:
            errors = [explained(error, self._request_id).formatted]
        await self._send({"id": operation_id, "type": "error", "payload": errors})

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._live.times.ping)
            await self._send({"type": "ping"})

    async def _end_with_session(self, caller: Caller) -> None:
        await self._live.until_session_ends(self._endpoint, caller)
        raise Closed(FORBIDDEN, "the session has ended: sign in again")

    async def _receive(self) -> dict[str, Any]:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"], received.get("reason"))
        text = received.get("text")
        if text is None:
            raise Closed(BAD_MESSAGE, "messages are text frames")
        if len(text) > LARGEST_MESSAGE:
            raise Closed(BAD_MESSAGE, f"a message has at most {LARGEST_MESSAGE} characters")
        try:
            message = loads(text)
        except JsonError as error:
            raise Closed(BAD_MESSAGE, f"not JSON: {error}") from None
        if not isinstance(message, dict) or message.get("type") not in _OF_CLIENTS:
            kinds = ", ".join(_OF_CLIENTS)
            raise Closed(BAD_MESSAGE, f"a message is an object whose type is one of {kinds}")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        """Send a message. A client that does not read it in time is disconnected: nothing is kept for it."""
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(self._live.times.sending), self._sending:
                await self._socket.send_text(text)
        except TimeoutError:
            raise _NotReading from None

    async def _close(self, error: Exception) -> None:
        """Close with the code and the reason of what happened, unless the client has closed already."""
        if not isinstance(error, Closed):
            told = explained(error, self._request_id)
            code = TRY_AGAIN_LATER if code_of(told) == UNAVAILABLE else FAILED
            error = Closed(code, told.message)
        reason = error.reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        try:
            async with asyncio.timeout(self._live.times.sending):
                await self._socket.close(error.code, reason)
        except (RuntimeError, TimeoutError, WebSocketDisconnect):
            return
