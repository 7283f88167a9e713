"""The graphql-transport-ws protocol, spoken to by hand (G05)."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.schema.transport.conftest import Session
from tests.schema.transport.peer import Peer, connected, dialled, until
from tests.schema.transport.server import PARTNER_EMAIL, Door

ME = "{ me { email } }"
ENDLESS = "subscription { ticks(intervalMilliseconds: 50) { number } }"
LONG = "x" * 200


async def test_an_operation_runs_as_who_the_connection_is_g05(
    address: str, session: Session
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("1", ME)

        answer = await peer.receive()

        assert (answer["id"], answer["type"]) == ("1", "next")
        assert answer["payload"]["data"] == {"me": {"email": PARTNER_EMAIL}}
        assert await peer.receive() == {"id": "1", "type": "complete"}


async def test_a_subscription_ends_with_complete_g05(address: str, session: Session) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe(
            "1", "subscription { ticks(intervalMilliseconds: 50, count: 2) { number } }"
        )

        types = [(await peer.receive())["type"] for _ in range(3)]

        assert types == ["next", "next", "complete"]


async def test_operations_of_one_connection_run_side_by_side_g05(
    address: str, session: Session
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("endless", ENDLESS)
        await peer.receive()
        await peer.subscribe("query", ME)

        async with asyncio.timeout(5):
            while (await peer.receive())["id"] != "query":
                pass


async def test_who_sends_no_token_is_anonymous_g05(address: str) -> None:
    async with connected(address) as peer:
        await peer.subscribe("1", "{ __typename }")

        assert (await peer.receive())["payload"]["data"] == {"__typename": "Query"}


async def test_an_anonymous_subscription_is_refused_g05(address: str) -> None:
    async with connected(address) as peer:
        await peer.subscribe("1", ENDLESS)

        message = await peer.receive()

        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("token", ["wrong", "\ud800", "x" * 100_000])
async def test_a_wrong_token_closes_with_4403_g05(address: str, token: str) -> None:
    async with dialled(address) as peer:
        await peer.send("connection_init", payload={"Authorization": f"Bearer {token}"})

        assert (await peer.closed())[0] == 4403


async def test_a_cookie_opens_no_websocket_session_g13(address: str, session: Session) -> None:
    headers = {
        "Cookie": f"tributary_session={session.token}",
        "GraphQL-Require-Preflight": "1",
    }
    async with connected(address, additional_headers=headers) as peer:
        await peer.subscribe("1", ME)

        answer = await peer.receive()

        assert answer["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_complete_ends_the_subscription_on_the_server_g05(
    address: str, session: Session, door: Door
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("1", ENDLESS)
        await peer.receive()
        assert door.live.open_streams() == 1

        await peer.send("complete", id="1")
        await peer.send("ping")
        await peer.receive("pong")

        assert door.live.open_streams() == 0


async def test_an_id_is_free_again_after_complete_g05(address: str, session: Session) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("1", ENDLESS)
        await peer.receive()
        await peer.send("complete", id="1")
        await peer.subscribe("1", ME)

        async with asyncio.timeout(5):
            while (await peer.receive())["type"] != "complete":
                pass


async def test_complete_of_an_unknown_id_is_ignored_g05(address: str) -> None:
    async with connected(address) as peer:
        await peer.send("complete", id="nobody")
        await peer.send("ping")

        assert (await peer.receive())["type"] == "pong"


async def test_every_operation_ends_with_the_connection_g05(
    address: str, session: Session, door: Door
) -> None:
    async with connected(address, session.token) as peer:
        for id_ in ("1", "2"):
            await peer.subscribe(id_, ENDLESS)
            await peer.receive()

    await until(lambda: door.live.open_streams() == 0)


async def test_a_ping_is_answered_before_connection_init_too_g05(address: str) -> None:
    async with dialled(address) as peer:
        await peer.send("ping", payload={"sent": 1})

        assert (await peer.receive())["type"] == "pong"


async def test_the_server_pings_g05(address: str) -> None:
    async with connected(address) as peer:
        for _ in range(2):
            assert await peer.receive("ping") == {"type": "ping"}
            await peer.send("pong")


async def test_connection_init_that_does_not_come_closes_with_4408_g05(address: str) -> None:
    async with dialled(address) as peer:
        assert (await peer.closed())[0] == 4408


async def test_pings_do_not_put_connection_init_off_g05(address: str) -> None:
    async with dialled(address) as peer:
        pinging = asyncio.create_task(_ping_for_ever(peer))
        assert (await peer.closed())[0] == 4408
        pinging.cancel()


async def _ping_for_ever(peer: Peer) -> None:
    while True:
        await peer.send("ping")
        await asyncio.sleep(0.02)


async def test_a_second_connection_init_closes_with_4429_g05(address: str) -> None:
    async with connected(address) as peer:
        await peer.send("connection_init")

        assert (await peer.closed())[0] == 4429


async def test_subscribe_before_connection_init_closes_with_4401_g05(address: str) -> None:
    async with dialled(address) as peer:
        await peer.subscribe("1", ME)

        assert (await peer.closed())[0] == 4401


@pytest.mark.parametrize("id_", ["1", LONG])
async def test_a_second_operation_with_an_id_closes_with_4409_g05(
    address: str, session: Session, id_: str
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe(id_, ENDLESS)
        await peer.subscribe(id_, ENDLESS)

        code, reason = await peer.closed()

        assert code == 4409
        assert f"Subscriber for {id_} already exists".startswith(reason)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"type": "ping"}',
        "no json",
        "NaN",
        "[" * 10_000,
        "[]",
        "null",
        '"ping"',
        "{}",
        '{"type": 1}',
        '{"type": "next", "id": "1"}',
        '{"type": "connection_ack"}',
        json.dumps({"type": "start" + LONG}),
        json.dumps({"type": ["ping"]}),
        '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        r'{"type": "subscribe", "id": "\ud800", "payload": {"query": "{ __typename }"}}',
        json.dumps({"type": "ping", "payload": "x" * 256 * 1024}),
    ],
    ids=lambda frame: repr(frame)[:40],
)
async def test_what_is_no_message_of_a_client_closes_with_4400_g05(
    address: str, frame: str | bytes
) -> None:
    async with connected(address) as peer:
        await peer.socket.send(frame)

        assert (await peer.closed())[0] == 4400


async def test_an_init_payload_that_is_no_object_closes_with_4400_g05(address: str) -> None:
    async with dialled(address) as peer:
        await peer.send("connection_init", payload=["Bearer"])

        assert (await peer.closed())[0] == 4400


@pytest.mark.parametrize("protocol", [None, "graphql-ws", "soap"])
async def test_a_wrong_subprotocol_closes_with_4406_g05(address: str, protocol: str | None) -> None:
    async with dialled(address, protocol=protocol) as peer:
        assert (await peer.closed())[0] == 4406


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "INVALID_REQUEST"),
        ({"query": "{ nothingOfThisName }"}, "INVALID_REQUEST"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_UNRESOLVED"),
        ({"query": "query($n: Int!) { brands(first: $n) { totalCount } }"}, "INVALID_REQUEST"),
        (
            {"query": "subscription { ticks { number } ticks { at } }", "variables": []},
            "BAD_REQUEST",
        ),
        ({}, "BAD_REQUEST"),
        (None, "BAD_REQUEST"),
        ("{ __typename }", "BAD_REQUEST"),
        ({"documentId": "sha256:" + "0" * 64}, "DOCUMENT_NOT_FOUND"),
    ],
)
async def test_a_request_that_is_not_run_is_told_as_error_g05(
    address: str, payload: object, code: str
) -> None:
    async with connected(address) as peer:
        await peer.send("subscribe", id="1", payload=payload)

        message = await peer.receive()

        assert (message["id"], message["type"]) == ("1", "error")
        (error,) = message["payload"]
        assert error["extensions"]["code"] == code
        assert len(error["extensions"]["requestId"]) == 32


async def test_a_subscription_that_the_domain_refuses_ends_with_error_g05(
    address: str, session: Session
) -> None:
    async with connected(address, session.token) as peer:
        await peer.subscribe("1", "subscription { ticks(intervalMilliseconds: 1) { number } }")

        message = await peer.receive()

        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "INVALID"


async def test_a_failed_field_is_part_of_the_answer_g05(address: str) -> None:
    async with connected(address) as peer:
        await peer.subscribe("1", ME)

        message = await peer.receive()

        assert (message["type"], message["payload"]["data"]) == ("next", None)
