"""Mails from event to mail server: whom they tell, what they hold, when they are tried again (decision 6)."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.domain.accounts.links import Purpose, issue_link
from app.domain.accounts.passwords import request_reset
from app.domain.accounts.registration import resend_confirmation
from app.domain.events import Subject, place_recordings, record
from app.domain.mails.plan import MOST_IN_A_DAY, MOST_IN_AN_HOUR, Template, plan_mails
from app.domain.mails.queue import RETRY_AFTER, DueMail, claim_mails
from app.domain.permissions import PartnerRole
from app.domain.personal import erase_subject
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch, transaction
from app.models import AccountLink, Event, Mail, Partner, User
from app.settings import Settings
from app.tasks.mails import MailSender, write
from tests.domain.mails.post import Post, post_office
from tests.factories import BOX, make_partner, make_partner_user

HOSTILE = "<script>alert(1)</script>\" & '=1+1"


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    """A mail server on loopback."""
    async with post_office() as server:
        yield server


@dataclass(slots=True)
class Office:
    """The planner and the sender on one programme with one owner."""

    system: Scope
    clock: ManualClock
    post: Post
    sender: MailSender
    partner: Partner
    owner: User

    async def tell(
        self, event_type: str, data: dict[str, Any] | None = None, user: User | None = None
    ) -> int:
        """Record an event about the owner, and return its id."""
        subject = Subject("user", (user or self.owner).id)
        async with transaction() as tx:
            return await record(
                self.system, tx, event_type, subject, partner_id=self.partner.id, data=data
            )

    async def ask_for_reset(self, email: str = "paula@partner.test", ip: str = "::1") -> None:
        """What a stranger can do to everybody whose e-mail it knows."""
        await request_reset(Scope.visitor(self.clock, "test-request", ip), email, box=BOX)

    async def plan(self) -> int:
        """Plan what was recorded; returns how many mails were added."""
        await place_recordings(self.system)
        return (await plan_mails(self.system)).mails

    async def send(self) -> int:
        """Plan, and attempt what is due."""
        await self.plan()
        return await self.sender.send("test-request")

    async def only_mail(self) -> Mail:
        """The one mail that there is."""
        return await Mail.get()


@pytest.fixture
async def office(database: Settings, clock: ManualClock, system: Scope, post: Post) -> Office:
    sender = MailSender(database.model_copy(update={"smtp_url": post.url}), clock, BOX)
    partner = await make_partner(clock, name="Review Hub")
    owner = await make_partner_user(partner, clock, email="paula@partner.test")
    return Office(system, clock, post, sender, partner, owner)


@pytest.mark.parametrize(
    ("event_type", "subject"),
    [
        ("user.registration_repeated", "You have an account already"),
        ("user.password_changed", "Your password was changed"),
        ("user.password_set", "Your password was changed"),
        ("user.two_factor_enabled", "Two-factor authentication is on"),
        ("user.two_factor_disabled", "Two-factor authentication is off"),
        ("partner.approved", "Your account was approved"),
        ("partner.rejected", "Your application"),
        ("document.approved", "Your document was approved"),
        ("document.declined", "Your document was declined"),
        ("partner.blocked", "Your account was blocked"),
        ("partner.unblocked", "Your account works again"),
        ("user.blocked", "Your access was blocked"),
        ("user.unblocked", "Your access works again"),
    ],
)
async def test_a60_an_event_is_told_by_a_mail_with_text_and_html(
    event_type: str, subject: str, office: Office
) -> None:
    await office.tell(event_type, {"reason": "not readable"})
    assert await office.send() == 1
    mail = office.post.taken[0]
    assert mail.recipients == ["paula@partner.test"]
    assert mail.message["Subject"] == subject
    assert "Hello Paula Partner," in mail.part("plain")
    assert "Hello Paula Partner," in mail.part("html")


@pytest.mark.parametrize(
    ("event_type", "purpose", "page"),
    [
        ("partner.registered", Purpose.CONFIRM_EMAIL, "confirm-email"),
        ("user.locked", Purpose.UNLOCK, "unlock"),
        ("user.invited", Purpose.INVITATION, "invitation"),
    ],
)
async def test_a60_a_mail_with_a_link_holds_the_token_in_both_parts(
    event_type: str, purpose: Purpose, page: str, office: Office
) -> None:
    async with transaction() as tx:
        link_id = await issue_link(office.system, tx, office.owner.id, purpose)
    await office.tell(event_type, {"link_id": link_id})
    await office.send()
    rows = await fetch("SELECT nonce FROM account_links WHERE id = $1", link_id)
    wanted = f"/account/{page}?token={BOX.link_token(link_id, rows[0]['nonce'])}"
    mail = office.post.taken[0]
    assert wanted in mail.part("plain")
    assert wanted in mail.part("html")


@pytest.mark.parametrize(
    ("ask", "purpose", "page"),
    [
        (request_reset, Purpose.RESET_PASSWORD, "reset-password"),
        (resend_confirmation, Purpose.CONFIRM_EMAIL, "confirm-email"),
    ],
)
async def test_a61_a_link_that_was_asked_for_is_made_when_its_mail_is_planned(
    ask: Callable[..., Any], purpose: Purpose, page: str, office: Office
) -> None:
    if purpose is Purpose.CONFIRM_EMAIL:
        await User.filter(id=office.owner.id).update(email_confirmed_at=None)
    await ask(Scope.visitor(office.clock, "test-request"), "paula@partner.test", box=BOX)
    assert await AccountLink.all().count() == 0
    await office.send()
    link = await AccountLink.get(purpose=purpose.value)
    wanted = f"/account/{page}?token={BOX.link_token(link.id, link.nonce)}"
    assert wanted in office.post.taken[0].part("plain")
    assert wanted in office.post.taken[0].part("html")


@pytest.mark.parametrize("ask", [request_reset, resend_confirmation])
async def test_a61_what_nobody_has_or_needs_is_recorded_and_mails_nobody(
    ask: Callable[..., Any], office: Office
) -> None:
    # The one is confirmed, and the other is blocked.
    await make_partner_user(
        office.partner, office.clock, email="blocked@partner.test", state="blocked"
    )
    emails = ["nobody@somewhere.test", "blocked@partner.test"]
    if ask is resend_confirmation:
        emails.append("paula@partner.test")
    for email in emails:
        await ask(Scope.visitor(office.clock, "test-request"), email, box=BOX)
    assert await office.plan() == 0
    assert await Mail.all().count() == await AccountLink.all().count() == 0
    assert await Event.filter(subject_type="user").count() == len(emails)


async def _ask_for_resets(office: Office, times: int) -> None:
    """As somebody with many addresses does, and each of the mails sent before the next is asked for."""
    for number in range(times):
        await office.ask_for_reset(ip=f"2001:db8:{number}::1")
        await office.send()


async def test_a61_a_mailbox_gets_three_mails_of_a_kind_in_an_hour_however_many_are_asked_for(
    office: Office,
) -> None:
    await _ask_for_resets(office, 30)
    assert len(office.post.taken) == MOST_IN_AN_HOUR == 3
    suppressed = await Mail.filter(state="suppressed")
    assert {(mail.error, mail.link_id, mail.attempts) for mail in suppressed} == {
        ("too many mails of this kind within an hour", None, 0)
    }
    assert len(suppressed) == 27


async def test_a61_requests_that_are_planned_together_are_limited_as_well(office: Office) -> None:
    for number in range(10):
        await office.ask_for_reset(ip=f"2001:db8:{number}::1")
    assert await office.plan() == MOST_IN_AN_HOUR
    assert await Mail.filter(state="suppressed").count() == 10 - MOST_IN_AN_HOUR


async def test_a61_an_hour_later_mails_of_that_kind_are_sent_again(office: Office) -> None:
    await _ask_for_resets(office, 5)
    office.clock.advance(timedelta(hours=1) - timedelta(seconds=1))
    await _ask_for_resets(office, 1)
    assert len(office.post.taken) == MOST_IN_AN_HOUR
    office.clock.advance(timedelta(seconds=1))
    await _ask_for_resets(office, 1)
    assert len(office.post.taken) == MOST_IN_AN_HOUR + 1


async def test_a61_a_mailbox_gets_ten_mails_that_strangers_ask_for_in_a_day(
    office: Office,
) -> None:
    for hour in range(23):
        await _ask_for_resets(office, 3)
        for _ in range(3):
            await office.tell("user.registration_repeated")
        await office.send()
        office.clock.advance(timedelta(hours=1))
        assert len(office.post.taken) == min(MOST_IN_A_DAY, 6 * (hour + 1))
    assert {mail.error for mail in await Mail.filter(state="suppressed")} == {
        "too many mails within a day"
    }
    office.clock.advance(timedelta(hours=1))
    await _ask_for_resets(office, 1)
    assert len(office.post.taken) == MOST_IN_A_DAY + 1


async def test_a61_whoever_floods_a_mailbox_does_not_end_the_link_that_lies_in_it(
    office: Office,
) -> None:
    await _ask_for_resets(office, 30)
    link = await AccountLink.get(used_at=None)
    newest = office.post.taken[-1].part("plain")
    assert f"token={BOX.link_token(link.id, link.nonce)}" in newest


async def test_a61_a_flood_at_one_mailbox_leaves_other_users_and_other_mails_alone(
    office: Office,
) -> None:
    await make_partner_user(office.partner, office.clock, email="other@partner.test")
    await _ask_for_resets(office, 10)
    office.post.taken.clear()
    await office.ask_for_reset("other@partner.test")
    for _ in range(5):
        await office.tell("user.password_changed")
    await office.send()
    told = sorted(mail.recipients[0] for mail in office.post.taken)
    assert told == ["other@partner.test"] + ["paula@partner.test"] * 5


async def test_a61_mails_that_reached_nobody_do_not_count(office: Office) -> None:
    office.post.refusals = ["554 5.7.1 no"] * 5
    await _ask_for_resets(office, 5)
    assert await Mail.filter(state="failed").count() == 5
    await _ask_for_resets(office, 1)
    assert len(office.post.taken) == 1


async def test_a64_who_is_blocked_is_told_although_blocked(office: Office) -> None:
    member = await make_partner_user(
        office.partner, office.clock, email="member@partner.test", state="blocked"
    )
    await office.tell("user.blocked", user=member)
    await office.send()
    assert [mail.recipients for mail in office.post.taken] == [["member@partner.test"]]


async def test_a60_what_concerns_the_account_is_told_to_its_active_owners_alone(
    office: Office,
) -> None:
    clock, partner = office.clock, office.partner
    await make_partner_user(partner, clock, email="second@partner.test")
    await make_partner_user(partner, clock, email="blocked@partner.test", state="blocked")
    await make_partner_user(partner, clock, email="viewer@partner.test", role=PartnerRole.VIEWER)
    await make_partner_user(await make_partner(clock), clock, email="foreign@partner.test")
    await office.tell("partner.approved")
    await office.send()
    told = sorted(mail.recipients[0] for mail in office.post.taken)
    assert told == ["paula@partner.test", "second@partner.test"]


async def test_a68_an_event_that_tells_nobody_makes_no_mail(office: Office) -> None:
    await office.tell("campaign.created")
    assert await office.send() == 0


async def test_d6_planning_twice_and_at_once_makes_one_mail_per_event_and_user(
    office: Office,
) -> None:
    await office.tell("user.password_changed")
    await place_recordings(office.system)
    planned = await asyncio.gather(*(plan_mails(office.system) for _ in range(5)))
    assert sum(item.mails for item in planned) == 1
    await fetch("UPDATE relay_positions SET position = 0 WHERE reader = 'mails'")
    assert (await plan_mails(office.system)).mails == 0


async def test_d6_senders_at_once_send_a_mail_once(office: Office) -> None:
    for _ in range(5):
        await office.tell("user.password_changed")
    await office.plan()
    await asyncio.gather(*(office.sender.send("test-request") for _ in range(4)))
    assert len(office.post.taken) == 5


async def test_d6_a_claim_that_was_left_frees_itself(office: Office) -> None:
    await office.tell("user.password_changed")
    await office.plan()
    lease = timedelta(minutes=2)
    assert len(await claim_mails(office.system, 10, lease, box=BOX)) == 1
    assert await office.send() == 0
    office.clock.advance(lease + timedelta(seconds=1))
    assert await office.send() == 1


async def test_d6_a_mail_sent_again_has_the_same_message_id(office: Office) -> None:
    await office.tell("user.password_changed")
    await office.send()
    await fetch("UPDATE mails SET state = 'pending'")
    await office.send()
    first, second = (mail.message["Message-ID"] for mail in office.post.taken)
    assert first == second


async def test_d6_a_refusal_for_now_is_repeated_after_each_pause_and_then_given_up(
    office: Office,
) -> None:
    office.post.refusals = ["451 4.3.0 try later"] * 100
    await office.tell("user.password_changed")
    for pause in RETRY_AFTER:
        assert await office.send() == 1
        mail = await office.only_mail()
        assert (mail.state, mail.next_attempt_at) == ("pending", office.clock.now() + pause)
        office.clock.advance(pause - timedelta(seconds=1))
        assert await office.send() == 0
        office.clock.advance(timedelta(seconds=1))
    assert await office.send() == 1
    assert (await office.only_mail()).state == "failed"
    office.clock.advance(timedelta(days=30))
    assert await office.send() == 0


async def test_d6_a_server_that_comes_back_gets_the_mail(office: Office) -> None:
    office.post.refusals = ["451 4.3.0 try later"]
    await office.tell("user.password_changed")
    await office.send()
    office.clock.advance(RETRY_AFTER[0])
    await office.send()
    assert (await office.only_mail()).state == "sent"
    assert len(office.post.taken) == 1


async def test_d6_a_server_that_is_away_is_tried_again(office: Office, database: Settings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    away = database.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"})
    await office.tell("user.password_changed")
    await office.plan()
    await MailSender(away, office.clock, BOX).send("test-request")
    mail = await office.only_mail()
    assert (mail.state, mail.attempts) == ("pending", 1)
    assert mail.next_attempt_at == office.clock.now() + RETRY_AFTER[0]


async def test_d6_a_refusal_for_good_is_not_repeated(office: Office) -> None:
    office.post.refusals = ["554 5.7.1 no"]
    await office.tell("user.password_changed")
    await office.send()
    mail = await office.only_mail()
    assert (mail.state, mail.error) == ("failed", "554 5.7.1 no")
    office.clock.advance(timedelta(days=3))
    assert await office.send() == 0


async def test_a6a_a_refusal_is_kept_without_the_address_that_the_server_repeats(
    office: Office, capfd: pytest.CaptureFixture[str]
) -> None:
    office.post.recipient_refusals = ["550 5.1.1 <{address}>: unknown, {address} is not here"]
    await office.tell("user.password_changed")
    await office.send()
    mail = await office.only_mail()
    assert mail.state == "failed"
    assert mail.error == "550 5.1.1 <[address]>: unknown, [address] is not here"
    captured = capfd.readouterr()
    assert "paula@partner.test" not in captured.out + captured.err


async def test_a6a_an_erased_person_gets_no_mail(office: Office) -> None:
    await office.tell("user.password_changed")
    await office.plan()
    await make_partner_user(office.partner, office.clock, email="second@partner.test")
    await erase_subject(office.system, office.owner.subject_id)
    await office.send()
    assert office.post.taken == []
    assert (await office.only_mail()).state == "failed"


async def _withdraw(office: Office) -> None:
    async with transaction() as tx:
        await issue_link(office.system, tx, office.owner.id, Purpose.RESET_PASSWORD)


async def _use(office: Office) -> None:
    await AccountLink.all().update(used_at=office.clock.now())


async def _expire(office: Office) -> None:
    office.clock.advance(timedelta(hours=2))


@pytest.mark.parametrize("meanwhile", [_withdraw, _use, _expire])
async def test_a61_a_mail_whose_link_no_longer_works_is_not_sent(
    meanwhile: Callable[[Office], Any], office: Office
) -> None:
    await office.ask_for_reset()
    await office.plan()
    await meanwhile(office)
    await office.send()
    mail = await office.only_mail()
    assert (mail.state, office.post.taken) == ("failed", [])
    assert mail.error == "its link was used, withdrawn or has expired"


async def test_a61_of_two_requests_the_mail_of_the_later_one_is_sent(office: Office) -> None:
    await office.ask_for_reset()
    await office.ask_for_reset()
    await office.send()
    assert len(office.post.taken) == 1


async def test_a61_tokens_are_in_no_row_event_or_log_line(
    office: Office, capfd: pytest.CaptureFixture[str]
) -> None:
    await office.ask_for_reset()
    await office.send()
    found = re.search(r"token=(\S+)", office.post.taken[0].part("plain"))
    assert found is not None
    signature = found[1].partition(".")[2]
    for table in ("mails", "events", "account_links"):
        rows = await fetch(f"SELECT row_to_json(t)::text AS line FROM {table} t")
        assert not [row for row in rows if signature in row["line"]]
    captured = capfd.readouterr()
    assert signature not in captured.out + captured.err


async def test_d6_a_mail_that_cannot_be_written_does_not_hold_up_the_others(
    office: Office,
) -> None:
    await office.tell("user.password_changed")
    await office.tell("user.two_factor_enabled")
    await office.plan()
    await fetch("UPDATE mails SET template = 'gone' WHERE template = 'password_changed'")
    await office.send()
    assert len(office.post.taken) == 1
    broken = await Mail.get(template="gone")
    assert (broken.state, broken.error) == ("pending", "not written: TemplateNotFound")


async def test_d6_without_a_mail_server_mails_wait(office: Office, database: Settings) -> None:
    await office.tell("user.password_changed")
    await office.plan()
    assert await MailSender(database, office.clock, BOX).send("test-request") == 0
    mail = await office.only_mail()
    assert (mail.state, mail.attempts) == ("pending", 0)


async def test_d6_that_there_is_no_mail_server_is_logged_once(
    office: Office, database: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = MailSender(database, office.clock, BOX)
    for _ in range(5):
        await sender.send("test-request")
    captured = capfd.readouterr()
    assert (captured.out + captured.err).count("mail.no_server") == 1


async def test_d6_a_sender_that_stops_finishes_what_it_has_claimed_and_claims_nothing_more(
    office: Office,
) -> None:
    for _ in range(45):
        await office.tell("user.password_changed")
    await office.plan()
    office.post.on_message = office.sender.stop
    assert await office.sender.send("test-request") == 20
    assert await Mail.filter(state="sent").count() == len(office.post.taken) == 20
    assert await Mail.filter(state="pending", claimed_until=None, attempts=0).count() == 25


def _due(template: Template, **values: Any) -> DueMail:
    given: dict[str, Any] = {
        "id": 1,
        "event_id": 1,
        "template": template.value,
        "attempts": 1,
        "email": "paula@partner.test",
        "name": HOSTILE,
        "language": "en",
        "partner_name": HOSTILE,
        "token": "1.token",
        "link_works": True,
        "data": {"reason": HOSTILE},
        "request_id": None,
    }
    return DueMail(**(given | values))


@pytest.mark.parametrize("template", list(Template))
def test_a60_every_template_escapes_names_in_html_and_shows_them_as_they_are_in_text(
    template: Template,
) -> None:
    mail = write(_due(template), "paula@partner.test", "https://app.example")
    assert "<script>" not in mail.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34; &amp; &#39;=1+1" in mail.html
    assert HOSTILE in mail.text
    assert HOSTILE not in mail.subject


@pytest.mark.parametrize("template", list(Template))
def test_a60_every_template_has_a_subject_of_one_line_and_no_unfilled_place(
    template: Template,
) -> None:
    mail = write(_due(template, name="Paula"), "paula@partner.test", "https://app.example")
    assert mail.subject.strip() == mail.subject != ""
    for text in (mail.subject, mail.text, mail.html):
        assert "{{" not in text
        assert "None" not in text


@pytest.mark.parametrize("name", ["=1+1", "+40", "-1", "@SUM(A1)", "=HYPERLINK(1)"])
async def test_a60_a_name_that_a_spreadsheet_would_run_arrives_as_it_is(
    name: str, office: Office
) -> None:
    user = await make_partner_user(office.partner, office.clock, name=name)
    await office.tell("user.password_changed", user=user)
    await office.send()
    assert f"Hello {name}," in office.post.taken[0].part("plain")


async def test_a60_an_address_beyond_ascii_arrives(office: Office) -> None:
    user = await make_partner_user(office.partner, office.clock, email="pauła@partner.test")
    await office.tell("user.password_changed", user=user)
    await office.send()
    assert [mail.recipients for mail in office.post.taken] == [["pauła@partner.test"]]
