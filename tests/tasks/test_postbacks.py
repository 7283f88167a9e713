"""Sending postbacks: retries, claims, clocks, and what is kept of each attempt."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from app.domain.postbacks.deliver import RETRY_AFTER, Room, claim_due
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import PostbackAttempt, PostbackDelivery
from app.tasks.postbacks import PostbackSender
from tests.conftest import NOW
from tests.processes.instance import free_port
from tests.tasks.conftest import MakeSender, Programme
from tests.tasks.tracker import answering

SECOND = timedelta(seconds=1)


async def state_of(programme: Programme) -> str:
    return str((await programme.delivery()).state)


async def test_a_registration_reaches_the_tracker_with_the_events_id_a19(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()

    assert await sender.deliver("wake-up") == 1

    (call,) = programme.tracker.received
    delivery = await programme.delivery()
    assert (call.path, call.query) == ("/postback", {"event": str(delivery.event_id)})
    assert delivery.state == "delivered"


async def test_what_is_delivered_is_not_sent_again_a19(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()

    await sender.deliver("wake-up")
    programme.clock.advance(timedelta(days=2))
    await sender.deliver("wake-up")

    assert len(programme.tracker.received) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_an_answer_that_may_pass_is_repeated_a19(
    programme: Programme, sender: PostbackSender, status: int
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(status)

    await sender.deliver("wake-up")

    delivery = await programme.delivery()
    assert (delivery.state, delivery.next_attempt_at) == ("pending", NOW + RETRY_AFTER[0])


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 410])
async def test_an_answer_that_is_final_fails_at_once_a19(
    programme: Programme, sender: PostbackSender, status: int
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(status)

    await sender.deliver("wake-up")
    programme.clock.advance(timedelta(days=2))
    await sender.deliver("wake-up")

    assert await state_of(programme) == "failed"
    assert len(programme.tracker.received) == 1


async def test_a_tracker_that_refuses_the_connection_is_called_again_a19(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback(f"http://127.0.0.1:{free_port()}/postback")
    await programme.owe()

    await sender.deliver("wake-up")

    attempt = await PostbackAttempt.get()
    assert (await state_of(programme), attempt.response_code) == ("pending", None)
    assert attempt.error


async def test_retries_follow_growing_delays_and_then_the_delivery_has_failed_a19(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503)

    await sender.deliver("wake-up")
    for number, pause in enumerate(RETRY_AFTER, start=1):
        programme.clock.advance(pause - SECOND)
        assert await sender.deliver("too early") == 0
        assert (await state_of(programme), len(programme.tracker.received)) == ("pending", number)
        programme.clock.advance(SECOND)
        assert await sender.deliver("in time") == 1

    assert (await state_of(programme), len(programme.tracker.received)) == ("failed", 11)
    assert programme.clock.now() - NOW > timedelta(hours=23)


async def test_each_attempt_is_kept_with_its_answer_a20(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503, b"try later " * 1_000)
    await sender.deliver("wake-up")
    programme.clock.advance(RETRY_AFTER[0])
    programme.tracker.answer = answering(200, "înregistrat".encode())
    await sender.deliver("wake-up")

    attempts = await PostbackAttempt.all().order_by("id")

    assert [attempt.response_code for attempt in attempts] == [503, 200]
    assert [attempt.sent_at for attempt in attempts] == [NOW, NOW + RETRY_AFTER[0]]
    assert attempts[0].response_body == ("try later " * 100)
    assert attempts[1].response_body == "înregistrat"
    assert all(attempt.duration_ms >= 0 and attempt.error is None for attempt in attempts)


async def test_a_claim_of_a_dead_worker_is_taken_over_after_its_lease(
    programme: Programme, sender: PostbackSender, system: Scope
) -> None:
    await programme.add_postback()
    await programme.owe()
    lease = timedelta(seconds=30)
    assert len(await claim_due(system, Room(10, 10, {}), lease)) == 1

    programme.clock.advance(lease)
    assert await sender.deliver("within the lease") == 0
    programme.clock.advance(SECOND)
    assert await sender.deliver("after the lease") == 1

    assert await state_of(programme) == "delivered"


async def test_two_workers_at_once_send_each_delivery_once(
    programme: Programme, make_sender: MakeSender
) -> None:
    await programme.add_postback()
    await programme.owe(40)
    first, second = make_sender(postback_concurrency=5), make_sender(postback_concurrency=5)

    attempts = await asyncio.gather(first.deliver("one"), second.deliver("two"))

    events = [call.query["event"] for call in programme.tracker.received]
    assert sum(attempts) == 40
    assert len(events) == len(set(events)) == 40


async def test_a_sender_claims_no_more_than_it_can_send_at_once(
    programme: Programme, make_sender: MakeSender
) -> None:
    await programme.add_postback()
    await programme.owe(5)
    sender, open_up = make_sender(postback_concurrency=2), threading.Event()

    def hold(request: BaseHTTPRequestHandler) -> None:
        open_up.wait(60)
        answering(200)(request)

    programme.tracker.answer = hold
    sending = asyncio.create_task(sender.deliver("first wake-up"))
    assert await asyncio.to_thread(programme.tracker.wait_for, lambda calls: len(calls) == 2)

    assert await sender.deliver("second wake-up") == 0
    assert await PostbackDelivery.filter(claimed_until__isnull=False).count() == 2

    open_up.set()
    await sending
    assert await PostbackDelivery.filter(state="delivered").count() == 5


async def test_a_sender_that_stops_claims_nothing_more(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.add_postback()
    await programme.owe()

    sender.stop()

    assert await sender.deliver("wake-up") == 0
    assert (await programme.delivery()).claimed_until is None


@pytest.mark.parametrize("offset", [timedelta(days=3), timedelta(hours=-5)])
async def test_a_delivery_of_a_sandbox_is_due_by_the_partners_clock_x08(
    programme: Programme, sender: PostbackSender, offset: timedelta
) -> None:
    await programme.move_partners_clock(offset)
    await programme.add_postback()
    await programme.owe()
    assert (await programme.delivery()).next_attempt_at == NOW + offset

    assert await sender.deliver("wake-up") == 1


async def test_moving_a_sandboxs_clock_makes_its_retry_due_x08(
    programme: Programme, sender: PostbackSender
) -> None:
    await programme.move_partners_clock(timedelta(days=3))
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503)
    await sender.deliver("wake-up")
    assert await sender.deliver("nobody's clock has moved") == 0

    await programme.move_partners_clock(RETRY_AFTER[0])

    assert await sender.deliver("the partner's clock has moved") == 1
    assert programme.clock.now() == NOW


async def test_the_machines_clock_alone_moves_a_sandbox_along_x08(
    programme: Programme, sender: PostbackSender, clock: ManualClock
) -> None:
    await programme.move_partners_clock(timedelta(hours=-5))
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503)
    await sender.deliver("wake-up")

    clock.advance(RETRY_AFTER[0])

    assert await sender.deliver("wake-up") == 1
