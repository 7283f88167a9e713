"""What every answer has: a request id; and what every refusal is: JSON with a code, without internals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.domain.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unauthenticated
from app.infra.clock import ManualClock
from app.infra.database import (
    DatabaseUnavailable,
    IntegrityViolation,
    TransactionAborted,
    UniqueViolation,
)
from app.web.middleware import ErrorAnswers, RequestContext
from tests.conftest import serving
from tests.factories import make_brand_key, make_world, post_signed
from tests.infra.cable import cable_to

if TYPE_CHECKING:
    from starlette.requests import Request

    from app.infra.crypto import SecretBox
    from app.settings import Settings


def door_that_raises(error: Exception) -> httpx.AsyncClient:
    """A client of a door that fails, behind the middleware of every door."""

    async def door(_request: Request) -> Response:
        raise error

    return client_of(door)


def client_of(door: object) -> httpx.AsyncClient:
    application = Starlette(
        routes=[Route("/", door)],  # type: ignore[arg-type]
        middleware=[Middleware(RequestContext), Middleware(ErrorAnswers)],
    )
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://tributary.test")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Invalid("name is empty"), 400, "INVALID"),
        (Conflict("it is archived"), 400, "CONFLICT"),
        (DomainError("no"), 400, "REFUSED"),
        (Unauthenticated(), 401, "UNAUTHENTICATED"),
        (Forbidden("no"), 403, "FORBIDDEN"),
        (NotFound("campaign"), 404, "NOT_FOUND"),
    ],
)
async def test_what_the_domain_refuses_is_told_with_its_code(
    error: DomainError, status: int, code: str
) -> None:
    async with door_that_raises(error) as client:
        response = await client.get("/")

    (told,) = response.json()["errors"]
    assert (response.status_code, told["code"]) == (status, code)
    assert told["message"] == error.message
    assert told["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("host db-7.internal refused"),
        TransactionAborted("deadlock on page 17"),
        asyncpg.InterfaceError("connection 0x7f is closed"),
        ConnectionRefusedError(111, "db-7.internal"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_database_that_is_away_asks_to_repeat_and_tells_no_internals(
    error: Exception,
) -> None:
    async with door_that_raises(error) as client:
        response = await client.get("/")

    (told,) = response.json()["errors"]
    assert (response.status_code, told["code"]) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "1"
    for internal in ("db-7", "page 17", "0x7f"):
        assert internal not in response.text


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("secret of the house"),
        ZeroDivisionError(),
        KeyError("secret"),
        RecursionError(),
        # A row that contradicts another does so again: that is no outage.
        UniqueViolation("secret_of_the_house"),
        IntegrityViolation("Failing row contains (secret)"),
        asyncpg.UniqueViolationError("Key (name)=(secret) already exists"),
        asyncpg.CheckViolationError("Failing row contains (secret)"),
    ],
)
async def test_our_own_mistakes_are_told_without_internals(error: Exception) -> None:
    async with door_that_raises(error) as client:
        response = await client.get("/", headers={"X-Request-Id": "my-request-1"})

    (told,) = response.json()["errors"]
    assert (response.status_code, told["code"]) == (500, "INTERNAL")
    assert told["request_id"] == "my-request-1"
    assert "secret" not in response.text
    assert "Traceback" not in response.text


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    async def door(_request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"half an answer"
            raise RuntimeError("secret of the house")

        return StreamingResponse(body())

    async with client_of(door) as client:
        response = await client.get("/")

    assert response.text == "half an answer"


async def test_the_request_id_of_the_client_is_kept(client: httpx.AsyncClient) -> None:
    for given in ("my-request-1", "a" * 64, "0123.4567_89-ab"):
        response = await client.get("/health/live", headers={"X-Request-Id": given})

        assert response.headers["x-request-id"] == given


async def test_a_bad_request_id_is_replaced(client: httpx.AsyncClient) -> None:
    bad = ("", "short", "a" * 65, "with space", "new\tline", "<script>alert(1)</script>", "é" * 10)
    for given in bad:
        headers = [(b"x-request-id", given.encode("latin-1"))]
        response = await client.get("/health/live", headers=headers)

        assert response.headers["x-request-id"] != given
        assert len(response.headers["x-request-id"]) >= 8


async def test_every_request_has_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    paths = ("/", "/health/live", "/no/such/page", "/api/v1/players")

    ids = [(await client.get(path)).headers["x-request-id"] for path in paths]

    assert len(set(ids)) == len(paths)


async def test_the_intake_answers_503_while_the_database_is_away_and_links_redirect(
    settings: Settings, clock: ManualClock, box: SecretBox
) -> None:
    """The application is up, its database goes: nobody sees an internal error."""
    async with cable_to(settings.database_url or "") as cable:
        through = settings.model_copy(update={"database_url": cable.url, "click_patience": 0.3})
        async with serving(through, clock) as client:
            world = await make_world(clock)
            key = await make_brand_key(world.brand, box, clock)
            cable.cut_before = b""
            click = await client.get(f"/{world.promo.code}")
            players = await post_signed(client, "/api/v1/players", key, {"players": []})
            cable.cut_before = None
            again = await client.get(f"/{world.promo.code}")

    assert (click.status_code, players.status_code) == (302, 503)
    assert players.headers["retry-after"] == "1"
    assert players.json()["errors"][0]["code"] == "UNAVAILABLE"
    assert again.status_code == 302
