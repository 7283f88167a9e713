"""Trackers of every kind: what the log shows of each, and that none delays another (A19, A20)."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from app.domain.postbacks.deliver import LONGEST_PAUSE, RETRY_AFTER
from app.infra.outgoing import KEPT_BODY, OutgoingClient
from app.models import PostbackAttempt, PostbackDelivery
from app.tasks.postbacks import PostbackSender
from tests.conftest import NOW
from tests.tasks.conftest import MakeSender, Programme
from tests.tasks.tracker import Answer, AtOnce, Tracker, answering, slowly, tracker


def reset(request: BaseHTTPRequestHandler) -> None:
    """Drop the connection without an answer."""
    linger = struct.pack("ii", 1, 0)
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    os.close(request.connection.detach())


def half_an_answer(code: int) -> Answer:
    """An answer that promises more than is sent."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"only this")
        request.close_connection = True

    return answer


def half_a_head(request: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of the head."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    request.close_connection = True


FIRST = RETRY_AFTER[0]
_OVERFLOWING = "Mon, 01 Jan 2026 00:00:00 +99999999999999999999"
# How a tracker answers; the state, the pause before the next attempt, code and the beginning of body or error.
KINDS = [
    (answering(200), "delivered", None, 200, "ok"),
    (slowly(0.2, answering(200)), "delivered", None, 200, "ok"),
    (answering(204, b""), "delivered", None, 204, ""),
    (answering(200, b"x" * 3_000_000), "delivered", None, 200, "x" * KEPT_BODY),
    (answering(500, b"broken"), "pending", FIRST, 500, "broken"),
    (answering(429, b"slow down"), "pending", FIRST, 429, "slow down"),
    (answering(429, Retry_After="90"), "pending", timedelta(seconds=90), 429, "ok"),
    (answering(503, Retry_After="90"), "pending", timedelta(seconds=90), 503, "ok"),
    (answering(429, Retry_After="1"), "pending", FIRST, 429, "ok"),
    (answering(429, Retry_After="999999999"), "pending", LONGEST_PAUSE, 429, "ok"),
    (answering(429, Retry_After="soon"), "pending", FIRST, 429, "ok"),
    (answering(503, Retry_After="9" * 5_000), "pending", LONGEST_PAUSE, 503, "ok"),
    (answering(503, Retry_After="0" * 5_000 + "90"), "pending", timedelta(seconds=90), 503, "ok"),
    (answering(503, Retry_After=_OVERFLOWING), "pending", FIRST, 503, "ok"),
    (answering(503, Retry_After="Mon, 01 Jan 2026 00:00:00 -0000"), "pending", FIRST, 503, "ok"),
    (answering(503, Retry_After="Mon, 99 Jan 99999 99:99:99 GMT"), "pending", FIRST, 503, "ok"),
    (answering(200, Retry_After=_OVERFLOWING), "delivered", None, 200, "ok"),
    (answering(200, Retry_After="9" * 5_000), "delivered", None, 200, "ok"),
    (reset, "pending", FIRST, None, "ReadError"),
    (half_a_head, "pending", FIRST, None, "RemoteProtocolError"),
    (half_an_answer(200), "delivered", None, 200, "only this"),
    (half_an_answer(404), "failed", None, 404, "only this"),
    (half_an_answer(503), "pending", FIRST, 503, "only this"),
    (answering(302, Location="http://169.254.169.254/latest"), "failed", None, 302, "ok"),
    (answering(307, Location="http://127.0.0.1:1/"), "failed", None, 307, "ok"),
    (answering(410, b"gone"), "failed", None, 410, "gone"),
]


@pytest.mark.parametrize(("answer", "state", "pause", "code", "begins"), KINDS)
async def test_a19_a20_each_kind_of_tracker_is_logged_and_tried_again_as_it_should(
    programme: Programme,
    sender: PostbackSender,
    answer: Answer,
    state: str,
    pause: timedelta | None,
    code: int | None,
    begins: str,
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answer

    await sender.deliver("wake-up")

    delivery, attempt = await programme.delivery(), await PostbackAttempt.get()
    assert (delivery.state, attempt.response_code) == (state, code)
    assert (attempt.response_body if code else attempt.error or "").startswith(begins)
    if pause is not None:
        assert delivery.next_attempt_at == NOW + pause
    assert len(programme.tracker.received) == 1


async def test_a19_retry_after_may_be_a_date_by_the_trackers_own_clock(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()
    sent, later = (
        format_datetime(NOW, usegmt=True),
        format_datetime(NOW + timedelta(minutes=7), usegmt=True),
    )

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response_only(429)
        for name, value in (("Date", sent), ("Retry-After", later), ("Content-Length", "0")):
            request.send_header(name, value)
        request.end_headers()

    programme.tracker.answer = answer

    await sender.deliver("wake-up")

    assert (await programme.delivery()).next_attempt_at == NOW + timedelta(minutes=7)


async def test_a19_a_date_that_is_none_is_no_reason_to_lose_the_answer(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response_only(503)
        later = format_datetime(NOW - timedelta(days=365), usegmt=True)
        for name, value in (("Date", _OVERFLOWING), ("Retry-After", later)):
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    programme.tracker.answer = answer

    await sender.deliver("wake-up")

    assert (await PostbackAttempt.get()).response_code == 503
    assert (await programme.delivery()).next_attempt_at == NOW + FIRST


async def test_a19_a_call_that_breaks_on_our_side_is_an_attempt_and_ends(
    programme: Programme, sender: PostbackSender
) -> None:
    """A method that no check lets pass: the client raises what nobody expects."""
    await programme.add_postback()
    await programme.owe()
    await PostbackDelivery.all().update(method="É")

    await sender.deliver("wake-up")
    for pause in RETRY_AFTER:
        programme.clock.advance(pause)
        await sender.deliver("wake-up")

    attempts = await PostbackAttempt.all()
    assert len(attempts) == 1 + len(RETRY_AFTER)
    assert {attempt.error for attempt in attempts} == {"the call failed on our side: TypeError"}
    assert (await programme.delivery()).state == "failed"


async def test_a19_a_hanging_tracker_is_given_up_and_tried_again(
    programme: Programme, make_sender: MakeSender
) -> None:
    sender, open_up = make_sender(postback_timeout=0.3), threading.Event()
    await programme.add_postback()
    await programme.owe()

    def hang(_request: BaseHTTPRequestHandler) -> None:
        open_up.wait(60)

    programme.tracker.answer = hang

    await sender.deliver("wake-up")

    open_up.set()
    attempt = await PostbackAttempt.get()
    assert (attempt.response_code, attempt.error) == (None, "no answer within 0.3 s")
    assert (await programme.delivery()).next_attempt_at == NOW + RETRY_AFTER[0]


async def test_a19_a_tracker_that_leaves_the_connection_open_behind_its_200_is_not_called_again(
    programme: Programme, make_sender: MakeSender
) -> None:
    sender, open_up = make_sender(postback_timeout=0.3), threading.Event()
    await programme.add_postback()
    await programme.owe()

    def stay(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nOK")
        open_up.wait(60)

    programme.tracker.answer = stay

    await sender.deliver("wake-up")
    programme.clock.advance(timedelta(days=1))
    await sender.deliver("wake-up")

    open_up.set()
    attempt = await PostbackAttempt.get()
    assert (attempt.response_code, attempt.response_body) == (200, "OK")
    assert attempt.error == "the answer had no end within 0.3 s"
    assert (await programme.delivery()).state == "delivered"
    assert len(programme.tracker.received) == 1


@pytest.fixture
async def rebound() -> AsyncIterator[tuple[OutgoingClient, list[str]]]:
    """A client as production has it, with a resolver that changes its answer at each question."""
    answers = ["203.0.113.1", "169.254.169.254"]
    asked: list[str] = []

    async def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        # The check refuses the first answer as well, so that this test calls nobody.
        return [answers[min(len(asked), len(answers)) - 1]]

    client = OutgoingClient(timeout=5, connections=5, allow_private=False, lookup=lookup)
    yield client, asked
    await client.close()


async def test_a16_a_resolver_that_changes_its_answer_leads_nowhere(
    rebound: tuple[OutgoingClient, list[str]],
) -> None:
    client, asked = rebound

    answers = [await client.get("http://rebind.example/latest", {}) for _ in range(2)]

    assert asked == ["rebind.example", "rebind.example"]
    assert all("is not a public address" in (answer.error or "") for answer in answers)
    assert "169.254.169.254" in (answers[1].error or "")


async def test_a16_the_connection_goes_to_the_address_that_was_checked(listener: Tracker) -> None:
    """One question, one answer: what the name leads to a moment later does not matter."""
    asked: list[str] = []

    async def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    client = OutgoingClient(timeout=30, connections=5, allow_private=True, lookup=lookup)
    first = await client.get(f"http://tracker.example:{listener.port}/p", {})
    again = await client.get(f"http://tracker.example:{listener.port}/p", {})
    await client.close()

    assert (first.code, again.code, asked) == (200, 200, ["tracker.example"])
    assert listener.received[0].headers["host"] == f"tracker.example:{listener.port}"


async def test_a16_a_host_with_one_private_address_among_public_ones_is_refused(
    listener: Tracker,
) -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    client = OutgoingClient(timeout=5, connections=5, allow_private=False, lookup=lookup)
    answer = await client.get("http://tracker.example/p", {})
    await client.close()

    assert "10.0.0.1, which is not a public address" in (answer.error or "")


@pytest.fixture
def trackers() -> Iterator[list[Tracker]]:
    """Thirty trackers."""
    with ExitStack() as running:
        yield [running.enter_context(tracker()) for _ in range(30)]


async def test_a19_healthy_trackers_are_all_served_while_a_third_of_all_hang(
    programme: Programme, sender: PostbackSender, trackers: list[Tracker]
) -> None:
    """Nothing here waits for a hanging one: they are let go only when the others have everything."""
    players, open_up = 20, threading.Event()
    hanging, healthy = trackers[:10], trackers[10:]

    def hang(request: BaseHTTPRequestHandler) -> None:
        open_up.wait(120)
        answering(200)(request)

    for each in trackers:
        await programme.add_postback(f"{each.url}/?e=${{event_id}}")
    for each in hanging:
        each.answer = hang
    await programme.register(players)
    assert await programme.plan() == players * len(trackers)
    sending = asyncio.create_task(sender.deliver("wake-up"))

    try:
        for each in healthy:
            served = await asyncio.to_thread(each.wait_for, lambda calls: len(calls) == players)
            assert served
        assert not sending.done()
        # And no hanging one was given more than a few calls.
        assert max(len(each.received) for each in hanging) <= 8
    finally:
        open_up.set()
        await sending


async def test_a19_one_host_gets_no_more_calls_at_once_than_it_may(
    programme: Programme, make_sender: MakeSender
) -> None:
    sender = make_sender(postback_host_concurrency=3)
    at_once = AtOnce()
    programme.tracker.answer = at_once.counted(slowly(0.02, answering(200)))
    await programme.add_postback()
    await programme.owe(30)

    assert await sender.deliver("wake-up") == 30

    assert at_once.most == 3


async def test_a19_one_host_is_called_no_faster_than_it_may(
    programme: Programme, make_sender: MakeSender
) -> None:
    sender = make_sender(postback_host_rate=20)
    await programme.add_postback()
    await programme.owe(40)

    began = time.monotonic()
    assert await sender.deliver("wake-up") == 40

    # Twenty at once, and then twenty within a second: never more, however slow this machine is.
    assert time.monotonic() - began >= 1


async def test_a19_a_tracker_that_asks_for_a_pause_is_left_alone_with_all_its_deliveries(
    programme: Programme, make_sender: MakeSender
) -> None:
    sender = make_sender(postback_host_concurrency=1)
    programme.tracker.answer = answering(429, Retry_After="30")
    await programme.add_postback()
    await programme.owe(5)

    assert await sender.deliver("wake-up") == 1
    assert await sender.deliver("another wake-up") == 0
