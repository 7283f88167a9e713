"""What ends live connections besides the client: the session, the limits, slowness, failures (G05)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from app.infra.clock import ManualClock
from app.models import Partner, User
from tests.factories import graphql
from tests.schema.transport.conftest import Session
from tests.schema.transport.peer import connected, dialled, until
from tests.schema.transport.server import PATH, Door

ENDLESS = "subscription { ticks(intervalMilliseconds: 50) { number } }"
RARE = "subscription { ticks(intervalMilliseconds: 60000) { number } }"
ME = "{ me { email } }"


@asynccontextmanager
async def streamed(
    address: str, token: str | None, query: str = ENDLESS
) -> AsyncIterator[httpx.Response]:
    """An open event stream."""
    headers = {"Accept": "text/event-stream"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with (
        httpx.AsyncClient(base_url=address, timeout=10) as client,
        client.stream("POST", PATH, json={"query": query}, headers=headers) as response,
    ):
        yield response


async def events(response: httpx.Response) -> list[str]:
    """The lines of a stream until the server ends it."""
    async with asyncio.timeout(10):
        return [line async for line in response.aiter_lines() if line]


async def log_out(address: str, session: Session, clock: ManualClock) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        await graphql(client, "mutation { logout { ended } }", token=session.token)


async def block_user(address: str, session: Session, clock: ManualClock) -> None:
    await User.filter(id=session.user.id).update(state="blocked")


async def block_partner(address: str, session: Session, clock: ManualClock) -> None:
    await Partner.filter(id=session.user.partner_id).update(state="blocked")


async def let_it_expire(address: str, session: Session, clock: ManualClock) -> None:
    clock.advance(timedelta(days=15))


End = Callable[[str, Session, ManualClock], Awaitable[None]]
ENDS = pytest.mark.parametrize("end", [log_out, block_user, block_partner, let_it_expire])


@ENDS
async def test_a_websocket_ends_with_its_session_g05(
    address: str, session: Session, clock: ManualClock, door: Door, end: End
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("1", ENDLESS)
        await peer.receive()

        await end(address, session, clock)

        assert await peer.closed() == (4403, "the session has ended: sign in again")
    await until(lambda: door.live.open_streams() == 0)


@ENDS
async def test_an_event_stream_ends_with_its_session_g05(
    address: str, session: Session, clock: ManualClock, door: Door, end: End
) -> None:
    async with streamed(address, session.token, RARE) as response:
        await end(address, session, clock)

        *_, last, complete, _ = await events(response)

        assert '"UNAUTHENTICATED"' in last
        assert complete == "event: complete"
    await until(lambda: door.live.open_streams() == 0)


async def test_an_idle_websocket_ends_with_its_session_too_g05(
    address: str, session: Session, clock: ManualClock
) -> None:
    async with connected(address, session.token) as peer:
        await log_out(address, session, clock)

        assert (await peer.closed())[0] == 4403


async def test_a_websocket_without_session_is_left_alone_g05(
    address: str, session: Session, clock: ManualClock
) -> None:
    async with connected(address) as peer:
        await log_out(address, session, clock)
        await asyncio.sleep(0.2)
        await peer.send("ping")

        assert (await peer.receive())["type"] == "pong"


async def test_streams_of_both_transports_count_together_g05(
    address: str, session: Session
) -> None:
    async with (
        connected(address, session.token) as peer,
        streamed(address, session.token),
        streamed(address, session.token),
    ):
        await peer.subscribe("1", ENDLESS)
        assert (await peer.receive())["type"] == "next"

        await peer.subscribe("2", ENDLESS)
        async with asyncio.timeout(5):
            while (message := await peer.receive())["id"] != "2":
                pass

        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"


async def test_an_event_stream_past_the_limit_is_refused_g05(
    address: str, session: Session
) -> None:
    async with connected(address, session.token) as peer:
        for id_ in "123":
            await peer.subscribe(id_, ENDLESS)
            await peer.receive()
        async with streamed(address, session.token) as response:
            assert '"TOO_MANY_SUBSCRIPTIONS"' in (await events(response))[1]


async def test_another_user_has_streams_of_its_own_g05(address: str, session: Session) -> None:
    async with connected(address, session.token) as peer:
        for id_ in "123":
            await peer.subscribe(id_, ENDLESS)
            await peer.receive()
        async with connected(address) as other:
            await other.subscribe("1", "{ __typename }")
            assert (await other.receive())["type"] == "next"


async def test_an_ended_stream_makes_room_for_the_next_g05(
    address: str, session: Session, door: Door
) -> None:
    for _ in range(5):
        async with streamed(address, session.token) as response:
            assert response.status_code == 200
        await until(lambda: door.live.open_streams() == 0)


async def test_a_user_has_so_many_websockets_and_no_more_g05(
    address: str, session: Session
) -> None:
    async with (
        connected(address, session.token),
        connected(address, session.token),
        connected(address, session.token),
        dialled(address) as fourth,
    ):
        await fourth.send("connection_init", payload={"authorization": f"Bearer {session.token}"})

        code, reason = await fourth.closed()

        assert (code, reason) == (
            4429,
            "you have 3 connections open, the most there may be: end one first",
        )


async def test_a_client_that_leaves_an_event_stream_ends_it_at_once_g05(
    address: str, session: Session, door: Door
) -> None:
    async with streamed(address, session.token, RARE):
        assert door.live.open_streams() == 1

    await until(lambda: door.live.open_streams() == 0)


async def test_a_quiet_event_stream_is_kept_alive_with_comments_g05(
    address: str, session: Session
) -> None:
    async with streamed(address, session.token, RARE) as response:
        lines = []
        async for line in response.aiter_lines():
            lines.append(line)
            if lines.count(":") == 2:
                break

    assert lines[0] == "event: next"


async def test_an_event_stream_may_be_opened_by_url_g05(address: str, session: Session) -> None:
    query = "subscription { ticks(intervalMilliseconds: 50, count: 1) { number } }"
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {session.token}"}
    async with httpx.AsyncClient(base_url=address) as client:
        response = await client.get(PATH, params={"query": query}, headers=headers)

    lines = response.text.split("\n\n")
    assert lines[0].startswith('event: next\ndata: {"data":{"ticks":{"number":1}}')
    assert lines[1:] == ["event: complete\ndata:", ""]


async def test_an_event_stream_is_for_no_cache_and_no_buffer_g05(
    address: str, session: Session
) -> None:
    async with streamed(address, session.token) as response:
        headers = response.headers

    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert len(headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "INVALID_REQUEST"),
        ("{ nothingOfThisName }", "INVALID_REQUEST"),
        ("subscription { ticks(intervalMilliseconds: 1) { number } }", "INVALID"),
    ],
)
async def test_an_event_stream_tells_why_nothing_runs_g05(
    address: str, session: Session, query: str, code: str
) -> None:
    async with streamed(address, session.token, query) as response:
        assert response.status_code == 200
        next_, data, complete, _ = await events(response)

    assert (next_, complete) == ("event: next", "event: complete")
    assert f'"{code}"' in data


async def test_an_anonymous_event_stream_is_refused_g05(address: str) -> None:
    async with streamed(address, None) as response:
        assert '"UNAUTHENTICATED"' in (await events(response))[1]


async def test_a_malformed_request_for_an_event_stream_is_answered_with_json_g02(
    address: str,
) -> None:
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=address) as client:
        response = await client.post(PATH, content=b"[]", headers=headers)

    assert (response.status_code, response.headers["content-type"]) == (
        400,
        "application/json; charset=utf-8",
    )
