"""The GraphQL endpoints: from an HTTP request to a context with its user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from app.domain.accounts.sessions import authenticate
from app.domain.errors import Unauthenticated
from app.schema.context import Context

if TYPE_CHECKING:
    from strawberry import Schema

    from app.domain.accounts.sign_in import Audience
    from app.infra.clock import Clock
    from app.infra.crypto import SecretBox
    from app.settings import Settings


class GraphQLView(GraphQL[Context, None]):
    """One endpoint for one audience."""

    def __init__(
        self, schema: Schema, audience: Audience, settings: Settings, clock: Clock, box: SecretBox
    ) -> None:
        super().__init__(schema)
        self._audience = audience
        self._settings = settings
        self._clock = clock
        self._box = box

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Any:
        """The context of a request; a missing or ended session leaves it without a user."""
        ip = request.client.host if request.client else None
        request_id = request.scope["request_id"]
        context = Context(
            settings=self._settings,
            clock=self._clock,
            box=self._box,
            request_id=request_id,
            ip=ip,
            user_agent=request.headers.get("user-agent"),
            token=_bearer(request.headers.get("authorization")),
            request=request,
            response=response,
        )
        if context.token is not None:
            try:
                context.user = await authenticate(
                    self._audience, context.token, self._clock, request_id, ip
                )
            except Unauthenticated:
                # Public fields such as login work with a stale token; all others ask for a user.
                context.user = None
        return context


def _bearer(header: str | None) -> str | None:
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
