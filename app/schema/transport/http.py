"""GraphQL over HTTP: GET and POST, content negotiation, and the status codes of the specification (G01, G02)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.infra.encoding import JsonError, loads
from app.schema.errors import present, refusal
from app.schema.execution.endpoint import Answer, Endpoint, Refused
from app.schema.execution.request import OperationRequest, read_request
from app.schema.transport import graphiql, sse
from app.schema.transport.failure import UNAVAILABLE, code_of, explained
from app.schema.transport.negotiation import (
    EVENT_STREAM,
    HTML,
    JSON,
    RESPONSE_JSON,
    choose,
    is_json_body,
)
from app.schema.transport.session import session_token
from graphql import GraphQLError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LARGEST_BODY = 1024 * 1024
# The first is for who takes anything: every client reads it.
_OFFERED = (JSON, RESPONSE_JSON, EVENT_STREAM)


class Rejected(Exception):
    """A request that is not answered by an operation, with its status and headers."""

    def __init__(
        self, status: int, error: GraphQLError, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers or {}


class HttpTransport:
    """The HTTP door of one endpoint, as an ASGI application."""

    def __init__(self, endpoint: Endpoint, streams: sse.Streams) -> None:
        self._endpoint = endpoint
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> ASGIApp:
        """The answer, whatever happens: errors are JSON with a code, here too."""
        media_type = choose(request.headers.get("accept"), _OFFERED)
        try:
            _check_method(request)
            if self._wants_page(request):
                return graphiql.page(self._endpoint, request)
            if media_type is None:
                message = f"the answer comes as {RESPONSE_JSON}, {JSON} or {EVENT_STREAM}: accept one of them"
                raise Rejected(406, refusal("NOT_ACCEPTABLE", message))
            return await self._answer(request, media_type, await _read(request))
        except Rejected as rejected:
            return _rejection(request, media_type, rejected)
        except ClientDisconnect:
            raise
        except Exception as error:
            shown = explained(error, request.scope["request_id"])
            unavailable = code_of(shown) == UNAVAILABLE
            headers = {"Retry-After": "1"} if unavailable else None
            return _errors(media_type, 503 if unavailable else 500, shown, headers)

    def _wants_page(self, request: Request) -> bool:
        accept = request.headers.get("accept")
        return (
            request.method == "GET"
            and not request.query_params
            and choose(accept, (JSON, HTML)) == HTML
        )

    async def _answer(self, request: Request, media_type: str, asked: OperationRequest) -> ASGIApp:
        caller = await self._endpoint.caller(
            session_token(request.headers),
            request.scope["request_id"],
            request.client.host if request.client else None,
            request.headers.get("user-agent"),
        )
        try:
            operation = await self._endpoint.prepare(asked, caller)
            _check_operation(request, media_type, operation.type.value)
            if media_type == EVENT_STREAM:
                return await self._streams.open(self._endpoint, operation, caller)
            answer = await self._endpoint.run(operation)
        except Refused as refused:
            answer = self._endpoint.refused(refused, caller.request_id)
            if media_type == EVENT_STREAM:
                return self._streams.single(answer)
        return _json(media_type, answer)


def _check_method(request: Request) -> None:
    if request.method not in {"GET", "POST"}:
        error = refusal("METHOD_NOT_ALLOWED", "use GET or POST")
        raise Rejected(405, error, {"Allow": "GET, POST"})


def _check_operation(request: Request, media_type: str, kind: str) -> None:
    """Refuse an operation that this way of asking cannot carry."""
    if kind == "mutation" and request.method == "GET":
        error = refusal("METHOD_NOT_ALLOWED", "a mutation changes things: use POST")
        raise Rejected(405, error, {"Allow": "POST"})
    if kind == "subscription" and media_type != EVENT_STREAM:
        message = f"a subscription is a stream: accept {EVENT_STREAM}, or use WebSocket"
        raise Rejected(400, refusal("SUBSCRIPTION_NEEDS_STREAM", message))


async def _read(request: Request) -> OperationRequest:
    """The operation request of the URL or of the body."""
    try:
        if request.method == "GET":
            return read_request(_from_url(request))
        return read_request(loads(await _body(request)))
    except JsonError as error:
        raise Rejected(400, refusal("BAD_REQUEST", f"not JSON: {error}")) from None
    except GraphQLError as error:
        raise Rejected(400, error) from None


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
    headers = request.headers
    if not is_json_body(headers.get("content-type")):
        message = f"send the request as {JSON} in UTF-8"
        raise Rejected(415, refusal("UNSUPPORTED_MEDIA_TYPE", message), {"Accept": JSON})
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        error = refusal("UNSUPPORTED_ENCODING", "send the body as it is, without Content-Encoding")
        raise Rejected(415, error, {"Accept-Encoding": "identity"})
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            message = f"the body is larger than {LARGEST_BODY} bytes"
            raise Rejected(413, refusal("BODY_TOO_LARGE", message))
        chunks.append(chunk)
    return b"".join(chunks)


def _json(media_type: str, answer: Answer) -> Response:
    """The answer with its status: 200 once it ran, 429 when it must wait, otherwise what its media type asks for.

    `application/json` says 200 to every well-formed request, because its clients trust no other status to come from
    this server; `application/graphql-response+json` says 400 when nothing ran (G01).
    """
    status = 200 if answer.executed or media_type == JSON else 400
    response = _response(media_type, status, answer.body)
    for name, value in answer.headers:
        response.headers.append(name, value)
    if answer.retry_after is not None:
        response.status_code = 429
        response.headers["Retry-After"] = str(answer.retry_after)
    return response


def _rejection(request: Request, media_type: str | None, rejected: Rejected) -> Response:
    shown = present(rejected.error, request.scope["request_id"])
    return _errors(media_type, rejected.status, shown, rejected.headers)


def _errors(
    media_type: str | None, status: int, error: GraphQLError, headers: dict[str, str] | None
) -> Response:
    body = {"errors": [error.formatted]}
    return _response(media_type if media_type == RESPONSE_JSON else JSON, status, body, headers)


def _response(
    media_type: str, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    # What one session may read is kept by no cache, and the media type depends on the request.
    always = {"Cache-Control": "no-store", "Vary": "Accept"}
    content_type = f"{media_type}; charset=utf-8"
    return Response(orjson.dumps(body), status, always | (headers or {}), content_type)
