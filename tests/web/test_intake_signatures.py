"""Signed intake: both ways to sign, clocks, repeats and rotation of keys (W3)."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.brands.keys import create_brand_key, expire_brand_key, forget_old_signatures
from app.domain.brands.signatures import TOLERANCE
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.models import BrandKey, IntakeSignature, Player
from tests.factories import World, make_brand_key, make_world, staff_scope

PLAYERS = "/api/v1/players"
NOBODY = b'{"players": []}'
Key = tuple[str, str]


@pytest.fixture
async def world(client: httpx.AsyncClient, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
async def key(world: World, box: SecretBox, clock: ManualClock) -> Key:
    return await make_brand_key(world.brand, box, clock)


class Platform:
    """A brand's platform that signs as the libraries of Standard Webhooks do."""

    def __init__(self, client: httpx.AsyncClient, clock: ManualClock, key: Key) -> None:
        self.client, self.clock, self.key = client, clock, key

    def signature(self, body: bytes, webhook_id: str, timestamp: str) -> str:
        secret = self.key[1]
        plain = secret.removeprefix("whsec_")
        signing = base64.b64decode(plain) if plain != secret else secret.encode()
        content = f"{webhook_id}.{timestamp}.".encode() + body
        digest = hmac.new(signing, content, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"

    def headers(
        self, body: bytes, webhook_id: str = "msg_1", ahead: timedelta = timedelta(0)
    ) -> dict[str, str]:
        timestamp = str(int((self.clock.now() + ahead).timestamp()))
        return {
            "X-Authorization-Key": self.key[0],
            "webhook-id": webhook_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": self.signature(body, webhook_id, timestamp),
        }

    async def send(
        self, body: bytes = NOBODY, *, changes: dict[str, str | None] | None = None, **signed: Any
    ) -> httpx.Response:
        headers = self.headers(body, **signed) | (changes or {})
        sent = {name: value for name, value in headers.items() if value is not None}
        return await self.client.post(PLAYERS, content=body, headers=sent)


@pytest.fixture
def platform(client: httpx.AsyncClient, clock: ManualClock, key: Key) -> Platform:
    return Platform(client, clock, key)


def message(response: httpx.Response) -> str:
    """What a refusal says; it is always a 401 of the same form."""
    assert response.status_code == 401
    (error,) = response.json()["errors"]
    assert error["code"] == "UNAUTHENTICATED"
    return str(error["message"])


async def test_a_request_signed_as_standard_webhooks_is_taken_w3(
    platform: Platform, world: World
) -> None:
    body = json.dumps({"players": [world.player("p1")]}).encode()

    response = await platform.send(body)

    assert [row["status"] for row in response.json()] == ["created"]


async def test_a_new_key_has_a_secret_that_standard_webhooks_libraries_read_w3(
    platform: Platform, world: World, box: SecretBox, clock: ManualClock
) -> None:
    made, secret = await create_brand_key(staff_scope(clock), world.brand.id, box=box)
    platform.key = (made.key, secret)

    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert (await platform.send()).status_code == 200


async def test_a_whsec_secret_signs_in_the_other_way_as_the_text_that_it_is_w3(
    client: httpx.AsyncClient, world: World, box: SecretBox, clock: ManualClock
) -> None:
    made, secret = await create_brand_key(staff_scope(clock), world.brand.id, box=box)
    signature = hmac.new(secret.encode(), NOBODY, hashlib.sha512).hexdigest()

    response = await client.post(
        PLAYERS,
        content=NOBODY,
        headers={"X-Authorization-Key": made.key, "X-Authorization-Sign": signature},
    )

    assert response.status_code == 200


async def test_one_good_signature_among_several_is_enough_w3(platform: Platform) -> None:
    for pattern in ("v1,AAAA {}", "{} v1,AAAA", "v1a,AAAA   v2,x {}"):
        platform.clock.advance(timedelta(seconds=1))
        good = platform.headers(NOBODY)["webhook-signature"]

        response = await platform.send(changes={"webhook-signature": pattern.format(good)})

        assert response.status_code == 200, pattern


async def test_signatures_beyond_the_sixteenth_are_not_compared(platform: Platform) -> None:
    good = platform.headers(NOBODY)["webhook-signature"]

    response = await platform.send(changes={"webhook-signature": "v1,AAAA " * 16 + good})

    assert "does not match" in message(response)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1"},
        {"X-Authorization-Key": "unknown"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_wrong_signature_tells_nothing_but_that_w3(
    platform: Platform, changes: dict[str, str | None]
) -> None:
    refused = message(await platform.send(changes=changes))

    assert refused == "the key is unknown or the signature does not match the body"


async def test_another_brands_secret_does_not_sign_w3(
    platform: Platform, box: SecretBox, clock: ManualClock
) -> None:
    other = await make_world(clock)
    _, secret = await make_brand_key(other.brand, box, clock)
    platform.key = (platform.key[0], secret)

    assert "does not match" in message(await platform.send())


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_header_is_named_w3(platform: Platform, name: str) -> None:
    assert name in message(await platform.send(changes={name: None}))


async def test_a_missing_key_is_named_w3(platform: Platform) -> None:
    refused = message(await platform.send(changes={"X-Authorization-Key": None}))

    assert "X-Authorization-Key" in refused


@pytest.mark.parametrize("timestamp", ["", "now", "1.5", "-1", "99999999999999999999", "0x10"])
async def test_a_timestamp_that_is_no_unix_time_is_named_w3(
    platform: Platform, timestamp: str
) -> None:
    refused = message(await platform.send(changes={"webhook-timestamp": timestamp}))

    assert "webhook-timestamp" in refused


async def test_the_oldest_and_the_newest_time_within_five_minutes_are_taken_w3(
    platform: Platform,
) -> None:
    for ahead in (-TOLERANCE, TOLERANCE):
        assert (await platform.send(ahead=ahead)).status_code == 200


async def test_an_expired_timestamp_says_to_sign_again_w3(platform: Platform) -> None:
    refused = message(await platform.send(ahead=-TOLERANCE - timedelta(seconds=1)))

    assert "5 minutes old" in refused
    assert "present time" in refused


async def test_a_timestamp_in_the_future_says_to_check_the_clock_w3(platform: Platform) -> None:
    refused = message(await platform.send(ahead=TOLERANCE + timedelta(seconds=1)))

    assert "check the clock" in refused


async def test_only_the_holder_of_the_secret_hears_about_the_time(platform: Platform) -> None:
    late = -TOLERANCE - timedelta(hours=1)

    refused = message(await platform.send(ahead=late, changes={"webhook-signature": "v1,AAAA"}))

    assert "does not match" in refused


async def test_the_time_is_the_servers_also_for_a_brand_on_a_moved_clock(
    platform: Platform, world: World
) -> None:
    world.brand.clock_offset = timedelta(days=3)
    await world.brand.save(update_fields=["clock_offset"])

    assert (await platform.send()).status_code == 200


async def test_the_same_signed_request_is_taken_once_w3(platform: Platform, world: World) -> None:
    body = json.dumps({"players": [world.player("p1")]}).encode()
    headers = platform.headers(body)

    answers = await asyncio.gather(
        *(platform.client.post(PLAYERS, content=body, headers=headers) for _ in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    (refused, *_) = [answer for answer in answers if answer.status_code == 401]
    assert "received already" in message(refused)


async def test_a_retry_keeps_its_id_and_is_signed_anew_w3(platform: Platform) -> None:
    await platform.send()
    platform.clock.advance(timedelta(seconds=1))

    assert (await platform.send()).status_code == 200


async def test_two_brands_may_use_the_same_id_w3(
    platform: Platform, client: httpx.AsyncClient, box: SecretBox, clock: ManualClock
) -> None:
    other = await make_world(clock)
    rival = Platform(client, clock, await make_brand_key(other.brand, box, clock))

    assert [(await each.send()).status_code for each in (platform, rival)] == [200, 200]


async def test_what_was_taken_is_forgotten_when_it_is_too_old_to_be_repeated(
    platform: Platform, system: Scope
) -> None:
    headers = platform.headers(NOBODY)
    await platform.client.post(PLAYERS, content=NOBODY, headers=headers)
    platform.clock.advance(TOLERANCE)
    assert await forget_old_signatures(system) == 0

    platform.clock.advance(TOLERANCE + timedelta(seconds=1))

    assert await forget_old_signatures(system) == 1
    assert await IntakeSignature.all().count() == 0
    again = await platform.client.post(PLAYERS, content=NOBODY, headers=headers)
    assert "minutes old" in message(again)


async def test_keys_rotate_without_a_gap_w3(
    platform: Platform, world: World, box: SecretBox, clock: ManualClock
) -> None:
    operator = staff_scope(clock)
    made, secret = await create_brand_key(operator, world.brand.id, box=box)
    old, new = platform.key, (made.key, secret)
    await expire_brand_key(operator, (await BrandKey.get(key=old[0])).id, grace=timedelta(hours=1))

    async def status(key: Key) -> int:
        platform.key = key
        return (
            await platform.send(webhook_id=f"{key[0]}-{clock.now()}".replace(" ", ""))
        ).status_code

    assert (await status(old), await status(new)) == (200, 200)
    clock.advance(timedelta(hours=1))
    assert (await status(old), await status(new)) == (401, 200)


async def end_key(platform: Platform) -> None:
    """The platform's key ends an hour from now, and that hour has passed."""
    scope, row = staff_scope(platform.clock), await BrandKey.get(key=platform.key[0])
    await expire_brand_key(scope, row.id, grace=timedelta(hours=1))
    platform.clock.advance(timedelta(hours=1))


async def send_sha512(platform: Platform, key: str, secret: str) -> httpx.Response:
    signature = hmac.new(secret.encode(), NOBODY, hashlib.sha512).hexdigest()
    headers = {"X-Authorization-Key": key, "X-Authorization-Sign": signature}
    return await platform.client.post(PLAYERS, content=NOBODY, headers=headers)


async def test_the_holder_of_a_key_that_has_ended_is_told_so_and_when_w3(
    platform: Platform,
) -> None:
    await end_key(platform)

    for refused in (await platform.send(), await send_sha512(platform, *platform.key)):
        assert message(refused) == (
            "the key has ended, at 2026-03-10T13:00:00+00:00: sign with another key of the brand and its secret"
        )


async def test_who_does_not_hold_the_secret_hears_nothing_of_the_end_of_a_key_w3(
    platform: Platform,
) -> None:
    await end_key(platform)
    key, _ = platform.key

    answers = [
        await platform.send(changes={"webhook-signature": "v1,AAAA"}),
        await send_sha512(platform, key, "another secret"),
        await send_sha512(platform, "unknown", "another secret"),
    ]

    told = {message(answer) for answer in answers}
    assert told == {"the key is unknown or the signature does not match the body"}


async def test_an_old_request_of_a_key_that_has_ended_says_only_that_it_is_old_w3(
    platform: Platform,
) -> None:
    await end_key(platform)

    refused = message(await platform.send(ahead=-TOLERANCE - timedelta(seconds=1)))

    assert "minutes old" in refused
    assert "ended" not in refused


async def test_nothing_is_unpacked_or_read_before_the_signature_is_right(
    platform: Platform,
) -> None:
    bomb = gzip.compress(b" " * 2**20)
    wrong: dict[str, str | None] = {"webhook-signature": "v1,AAAA", "Content-Encoding": "gzip"}

    for body in (bomb, b"not gzip", b"{not json"):
        assert "does not match" in message(await platform.send(body, changes=wrong))
    assert await Player.all().count() == 0


async def test_json_that_is_malformed_is_told_after_the_signature(platform: Platform) -> None:
    response = await platform.send(b"{not json")

    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "MALFORMED_JSON"
