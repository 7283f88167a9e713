"""Brand intake over HTTP: signatures, bodies and their limits, and the answers of W3."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import zlib
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.models import Activity, Brand, BrandKey, Event, Player
from app.web.intake import LARGEST_BODY
from tests.conftest import NOW
from tests.factories import (
    World,
    day_interval,
    make_brand_key,
    make_world,
    post_signed,
)

PLAYERS, ACTIVITY, EVENTS = "/api/v1/players", "/api/v1/activity", "/api/v1/events"
Key = tuple[str, str]


@pytest.fixture
async def world(client: httpx.AsyncClient, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
async def key(world: World, box: SecretBox, clock: ManualClock) -> Key:
    return await make_brand_key(world.brand, box, clock)


def signed(key: Key, body: bytes, **headers: str) -> dict[str, str]:
    signature = hmac.new(key[1].encode(), body, hashlib.sha512).hexdigest()
    return {"X-Authorization-Key": key[0], "X-Authorization-Sign": signature, **headers}


def error_of(response: httpx.Response) -> str:
    """The code of a refusal, whose form is always the same."""
    (error,) = response.json()["errors"]
    assert set(error) == {"code", "message", "request_id"}
    assert error["request_id"] == response.headers["x-request-id"]
    assert error["message"]
    return str(error["code"])


# Answers


async def test_players_are_answered_in_input_order_w3(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    items = [world.player("p1"), {"user_id": "p2"}, "rubbish"]

    response = await post_signed(client, PLAYERS, key, {"players": items})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    first, second, third = response.json()
    assert first == {
        "user_id": "p1",
        "stag": world.tag,
        "promo_id": world.promo.id,
        "status": "created",
        "error": None,
        "message": None,
    }
    assert (second["user_id"], second["status"]) == ("p2", "rejected")
    assert (third["user_id"], third["error"]) == (None, "invalid")


async def test_activity_is_answered_in_input_order_w3(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    await post_signed(client, PLAYERS, key, {"players": [world.player("p1")]})
    day = day_interval(NOW - timedelta(hours=14))
    items = [{"user_id": "p1", "deposits_sum_cents": 1_250}, {"user_id": "p2"}]

    response = await post_signed(client, ACTIVITY, key, {**day, "items": items})

    assert response.status_code == 200
    assert [(row["user_id"], row["status"], row["error"]) for row in response.json()] == [
        ("p1", "created", None),
        ("p2", "rejected", "unknown_player"),
    ]
    assert f"{(await Activity.get()).deposits_sum.normalize():f}" == "12.5"


async def test_events_are_answered_in_input_order_and_a_conflict_shows_what_is_stored_w3(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    lead = {"id": "l1", "type": "lead", "tag": world.tag, "occurred_at": NOW.isoformat()}
    items = [lead, "rubbish", lead | {"amount": "1"}, lead]
    through = NOW.isoformat()

    response = await post_signed(
        client, EVENTS, key, {"events": items, "complete_through": through}
    )

    assert response.status_code == 200
    created, bad, conflict, unchanged = response.json()
    assert created == {
        "id": "l1",
        "status": "created",
        "counted": None,
        "error": None,
        "message": None,
    }
    assert (bad["id"], bad["error"]) == (None, "invalid")
    assert (conflict["error"], conflict["stored"]["id"]) == ("conflict", "l1")
    assert unchanged["status"] == "unchanged"
    assert (await Brand.get(id=world.brand.id)).complete_through == NOW


async def test_repeating_a_request_changes_nothing(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    document = {"players": [world.player(f"p{n}") for n in range(3)]}
    await post_signed(client, PLAYERS, key, document)

    again = await post_signed(client, PLAYERS, key, document)

    assert [row["status"] for row in again.json()] == ["unchanged"] * 3


async def test_the_same_request_at_once_creates_each_player_once(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    document = {"players": [world.player(f"p{n}") for n in range(10)]}

    answers = await asyncio.gather(*(post_signed(client, PLAYERS, key, document) for _ in range(6)))

    statuses = [row["status"] for answer in answers for row in answer.json()]
    assert (statuses.count("created"), statuses.count("unchanged")) == (10, 50)
    assert await Player.all().count() == 10


async def test_events_of_the_intake_carry_the_request_id_and_the_address(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    response = await post_signed(client, PLAYERS, key, {"players": [world.player("p1")]})

    event = await Event.get(type="player.registered")
    assert event.request_id == response.headers["x-request-id"]
    assert event.ip == "203.0.113.9"


WITHOUT_A_PART: list[tuple[str, Any, str]] = [
    (PLAYERS, {}, "players"),
    (PLAYERS, {"players": {}}, "players"),
    (PLAYERS, {"players": None}, "players"),
    (ACTIVITY, {"from": "2026-03-08T22:00:00Z", "to": "2026-03-09T22:00:00Z"}, "items"),
    (EVENTS, {}, "events"),
    (EVENTS, {"events": [], "complete_through": "soon"}, "complete_through"),
    (ACTIVITY, {"items": []}, "from"),
    (ACTIVITY, {"from": "2026-03-08T22:00:00Z", "items": []}, "to"),
    (
        ACTIVITY,
        {"from": "2026-03-08T20:00:00Z", "to": "2026-03-09T20:00:00Z", "items": []},
        "day",
    ),
]


async def test_a_batch_without_its_parts_is_refused_and_says_which(
    client: httpx.AsyncClient, key: Key
) -> None:
    for path, document, field in WITHOUT_A_PART:
        response = await post_signed(client, path, key, document)

        assert response.status_code == 400
        assert error_of(response) == "INVALID"
        assert field in response.json()["errors"][0]["message"]


# Signatures


async def test_a_wrong_signature_is_refused_before_anything_is_read(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    response = await post_signed(client, PLAYERS, (key[0], "wrong"), b"{not json")

    assert response.status_code == 401
    assert error_of(response) == "UNAUTHENTICATED"


async def test_an_unknown_key_and_a_wrong_signature_cannot_be_told_apart(
    client: httpx.AsyncClient, key: Key
) -> None:
    wrong = await post_signed(client, PLAYERS, (key[0], "wrong"), {"players": []})
    unknown = await post_signed(client, PLAYERS, ("unknown", key[1]), {"players": []})

    messages = [answer.json()["errors"][0]["message"] for answer in (wrong, unknown)]
    assert wrong.status_code == unknown.status_code == 401
    assert messages[0] == messages[1]


async def test_a_request_that_is_not_signed_is_refused(client: httpx.AsyncClient, key: Key) -> None:
    for name, value in (("Key", ""), ("Sign", ""), ("Key", "é"), ("Sign", "é")):
        headers: Any = {
            header: text.encode("latin-1")
            for header, text in (signed(key, b"{}") | {f"X-Authorization-{name}": value}).items()
        }
        response = await client.post(PLAYERS, content=b"{}", headers=headers)

        assert response.status_code == 401


async def test_the_signature_covers_every_byte_of_the_body(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    body = json.dumps({"players": [world.player("p1")]}).encode()

    response = await client.post(PLAYERS, content=body + b" ", headers=signed(key, body))

    assert response.status_code == 401
    assert await Player.all().count() == 0


async def test_a_signature_in_upper_case_is_refused_w3(client: httpx.AsyncClient, key: Key) -> None:
    headers = signed(key, b'{"players": []}')
    headers["X-Authorization-Sign"] = headers["X-Authorization-Sign"].upper()

    response = await client.post(PLAYERS, content=b'{"players": []}', headers=headers)

    assert response.status_code == 401


async def test_the_key_of_one_brand_writes_for_that_brand_only(
    client: httpx.AsyncClient, world: World, key: Key, clock: ManualClock
) -> None:
    other = await make_world(clock)

    response = await post_signed(client, PLAYERS, key, {"players": [other.player("p1")]})

    assert [row["error"] for row in response.json()] == ["unknown_tag"]


async def test_several_keys_work_at_once_and_an_expired_one_does_not_w3(
    client: httpx.AsyncClient, world: World, key: Key, box: SecretBox, clock: ManualClock
) -> None:
    secret, now = box.encrypt("secret"), clock.now()
    for name, ends in (("next", None), ("ending", now + timedelta(hours=1)), ("ended", now)):
        await BrandKey.create(
            brand=world.brand, key=name, secret=secret, created_at=now, expires_at=ends
        )
    keys = [key, ("next", "secret"), ("ending", "secret"), ("ended", "secret")]

    answers = [await post_signed(client, PLAYERS, each, {"players": []}) for each in keys]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 401]


# Bodies


NO_JSON_OBJECTS = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"players"',
    b"\xff\xfe",
    b'{"players": [NaN]}',
    b'{"players": [Infinity]}',
    b'{"players": [1e99999999999999999999]}',
    b'{"players": [' + b"9" * 5_000 + b"]}",
    b'{"players": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"players": ' + b'{"a":' * 50_000,
]


async def test_what_is_no_json_object_is_malformed(client: httpx.AsyncClient, key: Key) -> None:
    for body in NO_JSON_OBJECTS:
        response = await post_signed(client, PLAYERS, key, body)

        assert response.status_code == 400, body[:24]
        assert error_of(response) == "MALFORMED_JSON", body[:24]


async def test_hostile_values_are_refused_item_by_item(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    good = json.dumps(world.player("good"))
    items = [
        '{"user_id": "a\\u0000b"}',
        '{"user_id": "\\ud800"}',
        '{"user_id": ' + "9" * 4_000 + "}",
        '{"user_id": 1.5}',
        '{"user_id": ' + "[" * 400 + "]" * 400 + "}",
        '{"user_id": "x", "currency": ' + '{"a":' * 400 + "1" + "}" * 400 + "}",
        good,
    ]

    response = await post_signed(
        client, PLAYERS, key, ('{"players": [' + ",".join(items) + "]}").encode()
    )

    assert response.status_code == 200
    assert [row["status"] for row in response.json()] == [*["rejected"] * 6, "created"]


async def test_amounts_as_json_numbers_are_refused(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    await post_signed(client, PLAYERS, key, {"players": [world.player("p1")]})
    day = day_interval(NOW - timedelta(hours=14))
    items = [
        {"user_id": "p1", "deposits_sum": 12.5},
        {"user_id": "p1", "deposits_sum": 12},
        {"user_id": "p1", "deposits_count": 1.0},
        {"user_id": "p1", "deposits_sum_cents": 1_250.0},
    ]

    response = await post_signed(client, ACTIVITY, key, {**day, "items": items})

    assert [row["error"] for row in response.json()] == ["invalid"] * 4
    assert await Activity.all().count() == 0


async def test_a_body_in_gzip_is_signed_as_it_travels(
    client: httpx.AsyncClient, world: World, key: Key
) -> None:
    body = gzip.compress(json.dumps({"players": [world.player("p1")]}).encode())

    response = await client.post(
        PLAYERS, content=body, headers=signed(key, body, **{"Content-Encoding": "gzip"})
    )

    assert [row["status"] for row in response.json()] == ["created"]


NO_GZIP = {
    "text": b"not gzip",
    "cut off": gzip.compress(b'{"players": []}')[:-4],
    "header alone": gzip.compress(b'{"players": []}')[:10],
    "two members": gzip.compress(b'{"players": []}') + gzip.compress(b" "),
    "zlib": zlib.compress(b'{"players": []}'),
}


async def test_a_body_that_is_not_the_gzip_it_says_is_malformed(
    client: httpx.AsyncClient, key: Key
) -> None:
    for name, body in NO_GZIP.items():
        headers = signed(key, body, **{"Content-Encoding": "gzip"})
        response = await client.post(PLAYERS, content=body, headers=headers)

        assert response.status_code == 400, name
        assert error_of(response) == "MALFORMED_JSON", name


async def test_another_coding_than_gzip_is_refused_by_name(
    client: httpx.AsyncClient, key: Key
) -> None:
    body = b'{"players": []}'

    told = await client.post(
        PLAYERS, content=body, headers=signed(key, body, **{"Content-Encoding": "br"})
    )
    plain = await client.post(
        PLAYERS, content=body, headers=signed(key, body, **{"Content-Encoding": "identity"})
    )

    assert (told.status_code, error_of(told)) == (400, "MALFORMED_JSON")
    assert "'br'" in told.text
    assert plain.status_code == 200


async def test_a_gzip_bomb_is_too_large(client: httpx.AsyncClient, key: Key) -> None:
    body = gzip.compress(b" " * (LARGEST_BODY + 1), compresslevel=1)
    assert len(body) < LARGEST_BODY / 50

    response = await client.post(
        PLAYERS, content=body, headers=signed(key, body, **{"Content-Encoding": "gzip"})
    )

    assert response.status_code == 413
    assert error_of(response) == "TOO_LARGE"


async def test_a_body_that_is_announced_too_large_is_not_read(
    client: httpx.AsyncClient, key: Key
) -> None:
    read = 0

    async def body() -> Any:
        nonlocal read
        read += 1
        yield b"{}"

    headers = signed(key, b"", **{"Content-Length": str(LARGEST_BODY + 1)})
    response = await client.post(PLAYERS, content=body(), headers=headers)

    assert response.status_code == 413
    assert error_of(response) == "TOO_LARGE"


async def test_a_body_that_turns_out_too_large_is_refused(
    client: httpx.AsyncClient, key: Key
) -> None:
    async def body() -> Any:
        for _ in range(LARGEST_BODY // 2**20 + 1):
            yield b" " * 2**20

    response = await client.post(PLAYERS, content=body(), headers=signed(key, b""))

    assert response.status_code == 413


@pytest.mark.parametrize("path", [PLAYERS, ACTIVITY, EVENTS])
async def test_the_intake_is_written_to_never_read(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 405
