"""What the doors share in one process, made when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from app.web.tracker_calls import Calls

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from app.infra.clock import Clock
    from app.infra.crypto import CursorSigner, SecretBox
    from app.infra.redis import RedisClient
    from app.infra.storage import Storage
    from app.settings import Settings
    from app.web.clicks.path import ClickPath


@dataclass(slots=True)
class Services:
    """The long-lived parts of a `serve` process."""

    settings: Settings
    clock: Clock
    box: SecretBox
    redis: RedisClient
    clicks: ClickPath
    signer: CursorSigner
    storage: Storage
    # Of the demo alone.
    tracker: Calls = field(default_factory=Calls)


def services_of(connection: HTTPConnection) -> Services:
    """The services of the process that answers this request."""
    return cast("Services", connection.app.state.services)


def client_ip(connection: HTTPConnection) -> str | None:
    """The address of the client, as the trusted proxies tell it."""
    return connection.client.host if connection.client else None


def request_id(connection: HTTPConnection) -> str:
    """The id of this request; it follows into logs, events and jobs."""
    return cast("str", connection.scope["request_id"])
