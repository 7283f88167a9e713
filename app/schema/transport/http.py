"""GraphQL over HTTP: GET and POST, content negotiation, and the status codes of the specification (G01, G02)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.infra.encoding import JsonError, loads
from app.schema.errors import present, refusal
from app.schema.execution.endpoint import Answer, Endpoint, Operation, Refused
from app.schema.execution.request import OperationRequest, read_request
from app.schema.transport import graphiql, sse
from app.schema.transport.negotiation import (
    EVENT_STREAM,
    HTML,
    JSON,
    RESPONSE_JSON,
    choose,
    is_json_body,
)
from app.schema.transport.session import session_token

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from app.schema.context import Caller
    from graphql import GraphQLError

LARGEST_BODY = 1024 * 1024
_OFFERED = (RESPONSE_JSON, JSON, EVENT_STREAM)
_METHODS = "GET, POST"


class HttpTransport:
    """The HTTP door of one endpoint, as an ASGI application."""

    def __init__(self, endpoint: Endpoint, streams: sse.Streams) -> None:
        self._endpoint = endpoint
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method not in {"GET", "POST"}:
            error = refusal("METHOD_NOT_ALLOWED", "use GET or POST")
            return self._refuse(request, JSON, 405, error, {"Allow": _METHODS})
        accept = request.headers.get("accept")
        if (
            request.method == "GET"
            and not request.query_params
            and choose(accept, (JSON, HTML)) == HTML
        ):
            return graphiql.page(self._endpoint, request)
        media_type = choose(accept, _OFFERED)
        if media_type is None:
            message = (
                f"the answer comes as {RESPONSE_JSON}, {JSON} or {EVENT_STREAM}: accept one of them"
            )
            return self._refuse(request, JSON, 406, refusal("NOT_ACCEPTABLE", message))
        try:
            asked = await _read(request)
        except _BadRequest as bad:
            return self._refuse(request, media_type, bad.status, bad.error)
        return await self._answer(request, media_type, asked)

    async def _answer(self, request: Request, media_type: str, asked: OperationRequest) -> Response:
        caller = await self._endpoint.caller(
            session_token(request.headers),
            request.scope["request_id"],
            request.client.host if request.client else None,
            request.headers.get("user-agent"),
        )
        try:
            operation = await self._endpoint.prepare(asked, caller)
            if request.method == "GET" and operation.type.value == "mutation":
                error = refusal("METHOD_NOT_ALLOWED", "a mutation changes things: use POST")
                return self._refuse(request, media_type, 405, error, {"Allow": "POST"})
            if media_type == EVENT_STREAM:
                return await self._stream(operation, caller)
            if operation.type.value == "subscription":
                message = f"a subscription is a stream: accept {EVENT_STREAM}, or use WebSocket"
                raise Refused([refusal("SUBSCRIPTION_NEEDS_STREAM", message)])
            answer = await self._endpoint.run(operation)
        except Refused as refused:
            answer = self._endpoint.refused(refused, caller.request_id)
        return _json(media_type, answer)

    async def _stream(self, operation: Operation, caller: Caller) -> Response:
        events = await self._streams.open(self._endpoint, operation, caller)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type=EVENT_STREAM, headers=headers)

    def _refuse(
        self,
        request: Request,
        media_type: str,
        status: int,
        error: GraphQLError,
        headers: dict[str, str] | None = None,
    ) -> Response:
        shown = present(error, request.scope["request_id"]).formatted
        body = orjson.dumps({"errors": [shown]})
        plain = JSON if media_type == EVENT_STREAM else media_type
        return Response(body, status, headers, f"{plain}; charset=utf-8")


class _BadRequest(Exception):
    """A request that is not an operation request, with its status."""

    def __init__(self, status: int, error: GraphQLError) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error


async def _read(request: Request) -> OperationRequest:
    """The operation request of the URL or of the body."""
    try:
        if request.method == "GET":
            return read_request(_from_url(request))
        if not is_json_body(request.headers.get("content-type")):
            message = f"send the request as {JSON} in UTF-8"
            raise _BadRequest(415, refusal("UNSUPPORTED_MEDIA_TYPE", message))
        return read_request(loads(await _body(request)))
    except JsonError as error:
        raise _BadRequest(400, refusal("BAD_REQUEST", f"not JSON: {error}")) from None
    except Exception as error:
        from graphql import GraphQLError

        if isinstance(error, GraphQLError):
            raise _BadRequest(400, error) from None
        raise


def _from_url(request: Request) -> dict[str, Any]:
    names = ("query", "documentId", "operationName", "variables", "extensions")
    found: dict[str, Any] = {
        name: request.query_params[name] for name in names if name in request.query_params
    }
    for name in ("variables", "extensions"):
        if found.get(name):
            found[name] = loads(found[name])
        else:
            found.pop(name, None)
    return found


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            message = f"the body is larger than {LARGEST_BODY} bytes"
            raise _BadRequest(413, refusal("BODY_TOO_LARGE", message))
        chunks.append(chunk)
    return b"".join(chunks)


def _json(media_type: str, answer: Answer) -> Response:
    """The answer with its status: 200 once it ran, 400 when it was refused, 429 when it must wait."""
    status = 200 if answer.executed else 400
    if answer.retry_after is not None:
        status = 429
    response = Response(orjson.dumps(answer.body), status, None, f"{media_type}; charset=utf-8")
    for name, value in answer.headers:
        response.headers.append(name, value)
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response
