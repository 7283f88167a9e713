"""GraphQL over WebSocket: the graphql-transport-ws protocol (G05). Messages are text frames (G03)."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.infra.encoding import JsonError, loads
from app.infra.telemetry import logger
from app.schema.errors import present
from app.schema.execution.endpoint import Answer, Endpoint, Operation, Refused
from app.schema.execution.request import read_request
from app.schema.transport.live import SEND_PATIENCE_SECONDS, Live
from app.schema.transport.session import bearer
from graphql import GraphQLError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from app.schema.context import Caller

PROTOCOL = "graphql-transport-ws"
INIT_PATIENCE_SECONDS = 10.0
PING_SECONDS = 20.0
LARGEST_MESSAGE = 256 * 1024

BAD_MESSAGE, UNAUTHORIZED, FORBIDDEN = 4400, 4401, 4403
INIT_TIMEOUT, SUBSCRIBER_EXISTS, TOO_MANY_INITS = 4408, 4409, 4429
WRONG_PROTOCOL, TOO_SLOW = 4406, 4410


class Closed(Exception):
    """The connection must be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


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
        self._caller: Caller | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Speak with the client until either side ends it; every operation ends with the connection."""
        guards: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(INIT_PATIENCE_SECONDS):
                caller = await self._initialise()
            guards = [
                asyncio.create_task(self._ping()),
                asyncio.create_task(self._end_with_session(caller)),
                asyncio.create_task(self._listen(caller)),
            ]
            done, _ = await asyncio.wait(guards, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except TimeoutError:
            await self._close(INIT_TIMEOUT, "connection_init is late")
        except Closed as closed:
            await self._close(closed.code, closed.reason)
        except (WebSocketDisconnect, ConnectionError):
            return
        finally:
            tasks = [*guards, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _initialise(self) -> Caller:
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
        wanted = {str(name).lower(): value for name, value in payload.items()}
        token = bearer(wanted.get("authorization"))
        scope = self._socket.scope
        caller = await self._endpoint.caller(
            token,
            scope["request_id"],
            self._socket.client.host if self._socket.client else None,
            self._socket.headers.get("user-agent"),
        )
        if token is not None and caller.user is None:
            raise Closed(FORBIDDEN, "the session is unknown or has ended")
        await self._send({"type": "connection_ack"})
        return caller

    async def _listen(self, caller: Caller) -> None:
        while True:
            message = await self._receive()
            kind = message["type"]
            if kind == "subscribe":
                self._subscribe(caller, message)
            elif kind == "complete":
                if (task := self._running.pop(str(message.get("id")), None)) is not None:
                    task.cancel()
            elif kind == "ping":
                await self._send({"type": "pong"})
            elif kind == "connection_init":
                raise Closed(TOO_MANY_INITS, "connection_init came twice")
            elif kind != "pong":
                raise Closed(BAD_MESSAGE, f"{kind} is no message of a client")

    def _subscribe(self, caller: Caller, message: dict[str, Any]) -> None:
        operation_id = message.get("id")
        if not isinstance(operation_id, str) or not operation_id:
            raise Closed(BAD_MESSAGE, "subscribe needs an id")
        if operation_id in self._running:
            raise Closed(SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        task = asyncio.create_task(self._operate(caller, operation_id, message.get("payload")))
        self._running[operation_id] = task
        task.add_done_callback(lambda done: self._forget(operation_id, done))

    def _forget(self, operation_id: str, task: asyncio.Task[None]) -> None:
        if self._running.get(operation_id) is task:
            del self._running[operation_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger().warning("websocket.operation_ended", error=str(error))

    async def _operate(self, caller: Caller, operation_id: str, payload: Any) -> None:
        """Run one operation and send its answers; what is refused is told as `error`."""
        with ExitStack() as held:
            try:
                operation = await self._endpoint.prepare(read_request(payload), caller)
                held.enter_context(self._live.slot(caller))
                await self._send_answers(operation_id, operation)
            except Refused as refused:
                answer = self._endpoint.refused(refused, caller.request_id)
                await self._send_errors(operation_id, answer.body["errors"])
                return
            except GraphQLError as error:
                shown = present(error, caller.request_id).formatted
                await self._send_errors(operation_id, [shown])
                return
        await self._send({"id": operation_id, "type": "complete"})

    async def _send_answers(self, operation_id: str, operation: Operation) -> None:
        if operation.type.value != "subscription":
            answer = await self._endpoint.run(operation)
            if not answer.executed:
                raise Refused(
                    [
                        GraphQLError(e["message"], extensions=e["extensions"])
                        for e in answer.body["errors"]
                    ]
                )
            await self._send_next(operation_id, answer)
            return
        answers = await self._endpoint.stream(operation)
        try:
            async for answer in answers:
                await self._send_next(operation_id, answer)
        finally:
            if (close := getattr(answers, "aclose", None)) is not None:
                await close()

    async def _send_next(self, operation_id: str, answer: Answer) -> None:
        await self._send({"id": operation_id, "type": "next", "payload": answer.body})

    async def _send_errors(self, operation_id: str, errors: list[Any]) -> None:
        await self._send({"id": operation_id, "type": "error", "payload": errors})

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._send({"type": "ping"})

    async def _end_with_session(self, caller: Caller) -> None:
        await self._live.until_session_ends(self._endpoint, caller)
        raise Closed(FORBIDDEN, "the session has ended: sign in again")

    async def _receive(self) -> dict[str, Any]:
        try:
            text = await self._socket.receive_text()
        except KeyError:
            raise Closed(BAD_MESSAGE, "messages are text frames") from None
        if len(text) > LARGEST_MESSAGE:
            raise Closed(BAD_MESSAGE, f"a message has at most {LARGEST_MESSAGE} characters")
        try:
            message = loads(text)
        except JsonError as error:
            raise Closed(BAD_MESSAGE, f"not JSON: {error}"[:120]) from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closed(BAD_MESSAGE, "a message is an object with a type")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        """Send a message. A client that does not read is disconnected: nothing is kept for it."""
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(SEND_PATIENCE_SECONDS), self._sending:
                await self._socket.send_text(text)
        except TimeoutError:
            await self._close(TOO_SLOW, "the client reads too slowly")
            raise ConnectionError("the client reads too slowly") from None

    async def _close(self, code: int, reason: str) -> None:
        try:
            await self._socket.close(code, reason)
        except RuntimeError:
            # The client has closed it already.
            return
