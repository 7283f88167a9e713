"""What nobody foresaw is masked, in every transport; what the client should know is not (G02)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from app.infra.clock import ManualClock
from app.infra.database import IntegrityViolation, UniqueViolation
from app.schema.transport.failure import explained
from app.settings import Settings
from tests.factories import make_brand, make_partner, make_partner_user, sign_in
from tests.infra.cable import Cable, cable_to
from tests.schema.transport import probe
from tests.schema.transport.conftest import TIMES
from tests.schema.transport.peer import connected, dialled
from tests.schema.transport.server import PARTNER_EMAIL, PATH, Door, listening, make_door

MASKED = "something went wrong on our side; tell us the request id"


@pytest.fixture
def door(settings: Settings, clock: ManualClock) -> Door:
    """An endpoint with fields that fail."""
    return make_door(settings, clock, schema=probe.schema, times=TIMES)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged; it is not written out, which takes longer than all the rest."""
    with capture_logs() as lines:
        yield lines


async def ask(address: str, query: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.post(PATH, json={"query": query}, headers=headers)


def leaks(text: str) -> bool:
    return any(word in text for word in ("hunter2", "/srv", "Traceback", "Error("))


@pytest.mark.parametrize("field", ["broken", "wrong"])
async def test_an_unexpected_exception_of_a_field_is_masked_g02(address: str, field: str) -> None:
    response = await ask(address, f"{{ {field} }}")

    (error,) = response.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (MASKED, "INTERNAL")
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert error["path"] == [field]
    assert not leaks(response.text)


async def test_an_unexpected_exception_is_logged_in_full_g02(
    address: str, logged: list[Any]
) -> None:
    await ask(address, "{ broken }")

    (line,) = [line for line in logged if line["event"] == "graphql.unexpected_error"]
    assert (str(line["exc_info"]), line["path"]) == (probe.SECRET, ["broken"])


async def test_what_the_domain_refuses_is_told_in_its_words_g02(address: str) -> None:
    response = await ask(address, "{ refused }")

    (error,) = response.json()["errors"]
    assert error["message"] == "the name is too long: 20 characters at most"
    assert error["extensions"]["code"] == "INVALID"


@pytest.mark.parametrize("field", ["failing", "unstartable"])
async def test_a_subscription_that_fails_ends_its_websocket_operation_masked_g02(
    address: str, field: str
) -> None:
    async with connected(address) as peer:
        await peer.subscribe("1", f"subscription {{ {field} }}")

        while (message := await peer.receive())["type"] == "next":
            pass

        assert message["type"] == "error"
        assert message["payload"][0]["message"] == MASKED
        assert not leaks(json.dumps(message))


@pytest.mark.parametrize("field", ["failing", "unstartable"])
async def test_a_subscription_that_fails_ends_its_event_stream_masked_g02(
    address: str, field: str
) -> None:
    response = await ask(address, f"subscription {{ {field} }}", Accept="text/event-stream")

    *_, last, complete, _ = response.text.split("\n\n")
    assert MASKED in last
    assert complete.startswith("event: complete")
    assert not leaks(response.text)


@pytest.fixture
async def cable(settings: Settings) -> AsyncIterator[Cable]:
    """The way to the database, which a test can cut."""
    assert settings.database_url is not None
    async with cable_to(settings.database_url) as found:
        yield found


@pytest.fixture
async def cut_off(
    settings: Settings, clock: ManualClock, cable: Cable
) -> AsyncIterator[tuple[str, str]]:
    """A server whose database can be cut off, and a token of a session on it."""
    door = make_door(settings.model_copy(update={"database_url": cable.url}), clock, times=TIMES)
    async with listening(door.application) as address:
        partner = await make_partner(clock, await make_brand(clock))
        await make_partner_user(partner, clock, email=PARTNER_EMAIL)
        async with httpx.AsyncClient(base_url=address) as client:
            yield address, await sign_in(client, PARTNER_EMAIL)


def cut(cable: Cable) -> None:
    # Whatever is sent next.
    cable.cut_before = b""


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_database_that_is_away_is_told_with_503_g02(
    cut_off: tuple[str, str], cable: Cable, accept: str
) -> None:
    address, token = cut_off
    cut(cable)

    response = await ask(
        address, "{ me { email } }", Authorization=f"Bearer {token}", Accept=accept
    )

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]


async def test_a_field_that_finds_the_database_away_says_so_g02(
    cut_off: tuple[str, str], cable: Cable
) -> None:
    address, _ = cut_off
    cut(cable)

    response = await ask(
        address, 'mutation { login(input: {email: "a@b.test", password: "x"}) { token } }'
    )

    body: dict[str, Any] = response.json()
    assert (response.status_code, body["data"]) == (200, None)
    assert body["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    "error",
    [
        UniqueViolation("users_email_digest_key"),
        IntegrityViolation("Failing row contains (a secret)"),
        asyncpg.UniqueViolationError("Key (name)=(a secret) already exists"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_row_that_contradicts_another_is_our_own_mistake_and_no_outage_g02(
    error: Exception,
) -> None:
    told = explained(error, "my-request-1")

    assert told.extensions == {"code": "INTERNAL", "requestId": "my-request-1"}
    assert "secret" not in told.message
    assert "users_email" not in told.message


async def test_a_websocket_is_told_to_come_back_when_the_database_is_away_g05(
    cut_off: tuple[str, str], cable: Cable
) -> None:
    address, token = cut_off
    cut(cable)

    async with dialled(address) as peer:
        await peer.send("connection_init", payload={"authorization": f"Bearer {token}"})

        assert (await peer.closed())[0] == 1013


async def test_a_database_that_is_away_ends_no_open_stream_g05(
    cut_off: tuple[str, str], cable: Cable
) -> None:
    address, token = cut_off
    async with connected(address, token) as peer:
        await peer.subscribe("1", "subscription { ticks(intervalMilliseconds: 50) { number } }")
        await peer.receive()
        cut(cable)
        await asyncio.sleep(0.3)

        for _ in range(10):
            assert (await peer.receive())["type"] == "next"
