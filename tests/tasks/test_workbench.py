"""The log, replays, previews, tests and diagnoses of postbacks, as a partner uses them (A17, A18, A20)."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.activity.record import record_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.conversions.record import record_conversions
from app.domain.errors import Invalid
from app.domain.events import Subject, record
from app.domain.players.register import register_players
from app.domain.postbacks import configure
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import PostbackEdit
from app.domain.postbacks.deliver import RETRY_AFTER
from app.domain.postbacks.variables import VARIABLES
from app.domain.scope import Scope
from app.domain.visits.destination import stag
from app.infra.clock import ManualClock
from app.infra.database import fetch, transaction
from app.models import Event, PlanVersion, Player, Postback, PostbackAttempt, PostbackDelivery
from app.schema.ids import encode_id
from app.tasks.postbacks import PostbackSender
from tests.conftest import NOW
from tests.domain.plans.deals import REVENUE_SHARE
from tests.factories import (
    BOX,
    brand_scope,
    make_partner,
    make_partner_user,
    make_promo,
    make_visits,
    partner_scope,
)
from tests.schema.programme import ask, open_session
from tests.tasks.conftest import Programme
from tests.tasks.tracker import answering

ATTEMPT = "id sentAt durationMilliseconds method url action responseCode responseBody error isTest eventNumber"
LOG = f"""query($filter: PostbackAttemptFilterInput) {{ postbackAttempts(first: 50, filter: $filter) {{
  nodes {{ {ATTEMPT} deliveryState nextAttemptAt postback {{ id }} campaign {{ id }} promo {{ id }} }} }} }}"""
DIAGNOSE = f"""query($input: DiagnosePostbackInput!) {{ diagnosePostback(input: $input) {{
  findings {{ cause message eventNumber postback {{ id url }} attempts {{ {ATTEMPT} }} nextAt suggestion }}
  clickNumber clickedAt tags {{ name value }} tagsCorrupted }} }}"""
PREVIEW = """query($input: PreviewPostbackInput!) { previewPostback(input: $input) {
  url values { name value } missing isSample } }"""
TEST = f"""mutation($input: TestPostbackInput!) {{ testPostback(input: $input) {{
  request {{ method url headers {{ name value }} body }} attempt {{ {ATTEMPT} }} userErrors {{ code field }} }} }}"""
REPLAY = """mutation($input: ReplayPostbackInput!) { replayPostback(input: $input) {
  replayed leftOut userErrors { code message } } }"""
REPLAY_RANGE = """mutation($input: ReplayPostbacksInput!) { replayPostbacks(input: $input) {
  replayed leftOut userErrors { code message } } }"""


@pytest.fixture
async def token(programme: Programme, clock: ManualClock) -> str:
    return await open_session(await make_partner_user(programme.world.partner, clock), clock)


@pytest.fixture
def scope(programme: Programme) -> Scope:
    return partner_scope(programme.world.partner, programme.clock)


class Asking:
    """A partner at the workbench."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token

    async def run(self, document: str, **values: Any) -> Any:
        """The first root field's answer."""
        answer = await ask(self._client, "partner", document, self._token, {"input": values})
        assert "errors" not in answer, answer
        return next(iter(answer["data"].values()))

    async def log(self, **chosen: Any) -> list[Any]:
        """The log, the newest first."""
        answer = await ask(self._client, "partner", LOG, self._token, {"filter": chosen})
        assert "errors" not in answer, answer
        return list(answer["data"]["postbackAttempts"]["nodes"])

    async def causes(self, **question: Any) -> list[str]:
        """The causes that a diagnosis finds."""
        found = await self.run(DIAGNOSE, **question)
        return [finding["cause"] for finding in found["findings"]]


@pytest.fixture
def asking(client: httpx.AsyncClient, token: str) -> Asking:
    return Asking(client, token)


async def deliver(programme: Programme, sender: PostbackSender) -> None:
    await programme.plan()
    await sender.deliver("wake-up")


# The log


async def test_a20_the_log_shows_every_attempt(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    postback = await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(503, b"later")
    await sender.deliver("wake-up")
    programme.clock.advance(RETRY_AFTER[0])
    programme.tracker.answer = answering(200, b"thanks")
    await sender.deliver("wake-up")

    second, first = await asking.log()

    delivery = await programme.delivery()
    assert (first["responseCode"], first["responseBody"]) == (503, "later")
    assert (second["responseCode"], second["responseBody"]) == (200, "thanks")
    assert second["url"] == f"{programme.tracker.url}/postback?event={delivery.event_id}"
    assert (second["action"], second["method"], second["isTest"]) == ("REGISTRATION", "GET", False)
    assert second["eventNumber"] == str(delivery.event_id)
    assert second["deliveryState"] == "DELIVERED"
    assert second["postback"] == {"id": encode_id("Postback", postback.id)}
    assert second["promo"] == {"id": encode_id("Promo", programme.world.promo.id)}


async def test_a20_every_filter_of_the_log_finds_its_own(
    programme: Programme, sender: PostbackSender, asking: Asking, clock: ManualClock
) -> None:
    world = programme.world
    await programme.add_postback(f"{programme.tracker.url}/first?e=${{event_id}}")
    await programme.owe()
    await sender.deliver("wake-up")
    clock.advance(timedelta(hours=1))
    other_campaign, other_promo = await make_promo(world.partner, world.brand, clock, "Winter sale")
    await make_visits(other_promo, clock)
    (visit_id,) = await make_visits(other_promo, clock)
    await configure.create_postback(
        partner_scope(world.partner, clock),
        configure.NewPostback(
            Action.LEAD, f"{programme.tracker.url}/Second?e=${{event_id}}", promo_id=other_promo.id
        ),
        allow_private=True,
    )
    item = {
        "type": "lead",
        "transaction_id": "T-1",
        "tag": stag(other_promo.id, visit_id),
        "occurred_at": clock.now().isoformat(),
    }
    await record_conversions(brand_scope(world.brand, clock), world.brand.id, [item])
    programme.tracker.answer = answering(404)
    await deliver(programme, sender)

    second, first = await asking.log()
    for chosen in (
        {"urlContains": "/second"},
        {"action": "LEAD"},
        {"responseCode": 404},
        {"succeeded": False},
        {"sentFrom": clock.now().isoformat()},
        {"campaignId": encode_id("Campaign", other_campaign.id)},
        {"campaignNameContains": "winter"},
        {"promoId": encode_id("Promo", other_promo.id)},
        {"promoCode": other_promo.code},
        {"promoCode": f" {other_promo.code.upper()}/"},
        {"postbackId": second["postback"]["id"]},
        {"eventNumber": second["eventNumber"]},
    ):
        assert [node["id"] for node in await asking.log(**chosen)] == [second["id"]], chosen
    for chosen in (
        {"succeeded": True},
        {"sentBefore": clock.now().isoformat()},
        {"responseCode": 200},
        {"campaignId": encode_id("Campaign", world.campaign.id)},
    ):
        assert [node["id"] for node in await asking.log(**chosen)] == [first["id"]], chosen
    assert await asking.log(isTest=True) == []
    assert await asking.log(eventNumber="no number") == []


async def test_a20_nobody_reads_anothers_log(
    programme: Programme, sender: PostbackSender, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await programme.add_postback()
    await programme.owe()
    await sender.deliver("wake-up")
    rival = await make_partner_user(await make_partner(clock, programme.world.brand), clock)

    assert await Asking(client, await open_session(rival, clock)).log() == []


async def test_a20_the_log_shows_nothing_that_was_not_sent(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    postback = await programme.add_postback(f"{programme.tracker.url}/p?w=1")
    url = f"{programme.tracker.url}/p?frag=1&r=#${{player_id}}"
    await Postback.filter(id=postback.id).update(url=url)
    await programme.owe()
    await sender.deliver("wake-up")
    await asking.run(TEST, postbackId=encode_id("Postback", postback.id))

    assert [node["url"] for node in await asking.log()] == [
        f"{programme.tracker.url}/p?frag=1&r="
    ] * 2


# Replays


async def test_a20_one_failed_postback_is_replayed(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(404)
    await sender.deliver("wake-up")
    (failed,) = await asking.log()
    programme.tracker.answer = answering(200)

    replayed = await asking.run(REPLAY, attemptId=failed["id"])
    await sender.deliver("wake-up")

    assert replayed == {"replayed": 1, "leftOut": 0, "userErrors": []}
    assert [node["responseCode"] for node in await asking.log()] == [200, 404]
    assert len({call.query["event"] for call in programme.tracker.received}) == 1


async def test_a20_a_range_is_replayed_with_the_template_as_it_is_now(
    programme: Programme, sender: PostbackSender, asking: Asking, scope: Scope, clock: ManualClock
) -> None:
    postback = await programme.add_postback()
    await programme.owe(3)
    programme.tracker.answer = answering(404)
    await sender.deliver("wake-up")
    clock.advance(timedelta(hours=1))
    await programme.owe(1)
    await sender.deliver("wake-up")
    programme.tracker.answer = answering(200)
    fixed = PostbackEdit(url=f"{programme.tracker.url}/fixed?event=${{event_id}}")
    await configure.edit_postback(scope, postback.id, fixed, allow_private=True)

    replayed = await asking.run(
        REPLAY_RANGE,
        **{"from": NOW.isoformat(), "before": (NOW + timedelta(minutes=30)).isoformat()},
    )
    await sender.deliver("wake-up")

    assert replayed["replayed"] == 3
    assert [call.path for call in programme.tracker.received[4:]] == ["/fixed"] * 3


async def test_a20_what_was_delivered_is_replayed_only_when_all_is_asked_for(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback()
    await programme.owe(2)
    await sender.deliver("wake-up")
    span = {"from": NOW.isoformat(), "before": (NOW + timedelta(days=1)).isoformat()}

    failed = await asking.run(REPLAY_RANGE, **span)
    everything = await asking.run(REPLAY_RANGE, which="ALL", **span)
    await sender.deliver("wake-up")

    assert (failed["replayed"], everything["replayed"]) == (0, 2)
    assert len(programme.tracker.received) == 4


async def test_a20_a_disabled_postback_is_left_out_and_one_of_it_refused(
    programme: Programme, sender: PostbackSender, asking: Asking, scope: Scope
) -> None:
    postback = await programme.add_postback()
    await programme.owe()
    programme.tracker.answer = answering(404)
    await sender.deliver("wake-up")
    (failed,) = await asking.log()
    await configure.disable_postback(scope, postback.id)
    span = {"from": NOW.isoformat(), "before": (NOW + timedelta(days=1)).isoformat()}

    ranged = await asking.run(REPLAY_RANGE, **span)
    single = await asking.run(REPLAY, attemptId=failed["id"])

    assert (ranged["replayed"], ranged["leftOut"]) == (0, 1)
    assert [error["code"] for error in single["userErrors"]] == ["CONFLICT"]


@pytest.mark.parametrize(("start", "end"), [(1, 1), (1, 0), (0, 94)])
async def test_a20_an_impossible_range_is_refused(asking: Asking, start: int, end: int) -> None:
    span = {
        "from": (NOW + timedelta(days=start)).isoformat(),
        "before": (NOW + timedelta(days=end)).isoformat(),
    }

    refused = await asking.run(REPLAY_RANGE, **span)

    assert [error["code"] for error in refused["userErrors"]] == ["INVALID"]


# Previews and tests


async def test_a18_a_preview_fills_in_a_real_event(
    programme: Programme, asking: Asking, clock: ManualClock
) -> None:
    world = programme.world
    (visit_id,) = await make_visits(world.promo, clock, query=b"clickID=a%20b")
    player = world.player("p1", tag=stag(world.promo.id, visit_id))
    await register_players(brand_scope(world.brand, clock), world.brand.id, [player], box=BOX)
    (event,) = await fetch("SELECT id FROM events WHERE type = 'player.registered'")
    url = "https://t.example/?c=${clickID}&s=${stag}&no=${other}"

    made = await asking.run(PREVIEW, url=url, eventNumber=str(event["id"]))

    assert made["url"] == f"https://t.example/?c=a%20b&s={world.promo.id}_{visit_id}"
    assert made["missing"] == ["other"]
    assert {"name": "clickID", "value": "a b"} in made["values"]
    assert made["isSample"] is False


async def test_a18_a_preview_without_an_event_is_made_up(
    programme: Programme, asking: Asking
) -> None:
    promo_id = encode_id("Promo", programme.world.promo.id)
    url = "https://t.example/?c=${clickID}&p=${promo_id}&a=${action}&t=${transaction_id}&f=${amount_cents}"

    made = await asking.run(PREVIEW, url=url, action="SALE", promoId=promo_id)

    assert made["url"] == (
        f"https://t.example/?c=sample-clickID&p={programme.world.promo.id}&a=sale&t=T-20391&f=2550"
    )
    assert (made["isSample"], made["missing"]) == (True, [])


async def test_a18_anothers_event_cannot_be_previewed(
    programme: Programme, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await programme.register()
    (event,) = await fetch("SELECT id FROM events WHERE type = 'player.registered'")
    rival = await make_partner_user(await make_partner(clock, programme.world.brand), clock)
    values = {"url": "https://t.example/?c=${stag}", "eventNumber": str(event["id"])}

    answer = await ask(
        client, "partner", PREVIEW, await open_session(rival, clock), {"input": values}
    )

    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a18_a_test_is_sent_once_marked_and_logged(
    programme: Programme, asking: Asking
) -> None:
    postback = await programme.add_postback(
        f"http://name:secret@{programme.tracker.url.removeprefix('http://')}/t?click=${{clickID}}&a=${{action}}"
    )
    programme.tracker.answer = answering(202, b"noted")

    fired = await asking.run(TEST, postbackId=encode_id("Postback", postback.id))

    (call,) = programme.tracker.received
    assert call.query == {"click": "sample-clickID", "a": "registration"}
    assert call.headers["x-tributary-test"] == "1"
    assert call.headers["authorization"].startswith("Basic ")
    assert fired["request"]["method"] == "GET"
    assert {"name": "X-Tributary-Test", "value": "1"} in fired["request"]["headers"]
    assert (fired["attempt"]["responseCode"], fired["attempt"]["responseBody"]) == (202, "noted")
    (logged,) = await asking.log(isTest=True)
    assert (logged["id"], logged["isTest"]) == (fired["attempt"]["id"], True)
    assert logged["deliveryState"] is None
    assert await PostbackDelivery.all().count() == 0


@pytest.mark.parametrize(
    ("userinfo", "shown", "sent"),
    [
        ("name:s3cret@", "name:***@", "name:s3cret"),
        ("me@x:s3:cr@et@", "me@x:***@", "me@x:s3:cr@et"),
        ("t0ken@", "***@", "t0ken:"),
        ("t0ken:@", "***@", "t0ken:"),
        (":s3cret@", ":***@", ":s3cret"),
    ],
)
async def test_a20_a_password_in_a_url_is_sent_and_shown_nowhere(
    programme: Programme,
    sender: PostbackSender,
    asking: Asking,
    scope: Scope,
    userinfo: str,
    shown: str,
    sent: str,
) -> None:
    host = programme.tracker.url.removeprefix("http://")
    postback = await programme.add_postback(f"http://{userinfo}{host}/t?w=${{event_id}}&m=a@b")
    postback_id = encode_id("Postback", postback.id)
    edit = PostbackEdit(url=f"http://{shown}{host}/new?w=${{event_id}}&m=a@b")
    await configure.edit_postback(scope, postback.id, edit, allow_private=True)
    await programme.owe()
    await sender.deliver("wake-up")
    fired = await asking.run(TEST, postbackId=postback_id)
    player, _ = await player_of(programme)

    expected = f"Basic {b64encode(sent.encode()).decode()}"
    assert [call.headers["authorization"] for call in programme.tracker.received] == [expected] * 2
    assert {call.path for call in programme.tracker.received} == {"/new"}
    shown_everywhere = [
        *(node["url"] for node in await asking.log()),
        fired["request"]["url"],
        (await asking.run(DIAGNOSE, player=player))["findings"][0]["postback"]["url"],
    ]
    assert all(url.startswith(f"http://{shown}{host}/new?") for url in shown_everywhere)
    assert all(url.endswith("&m=a@b") for url in shown_everywhere)
    events = await Event.filter(type__startswith="postback.")
    assert len(events) == 3
    assert not [each for each in events if "s3" in str(each.data) or "t0ken" in str(each.data)]


async def test_a20_a_masked_password_goes_to_no_other_host(
    programme: Programme, scope: Scope
) -> None:
    postback = await programme.add_postback("http://name:s3cret@127.0.0.1:1/t?w=${event_id}")

    for url in (
        "http://name:***@127.0.0.1:2/t?w=${event_id}",
        "https://name:***@127.0.0.1:1/t?w=${event_id}",
        "http://other:***@127.0.0.1:1/t?w=${event_id}",
    ):
        with pytest.raises(Invalid, match="write the password"):
            await configure.edit_postback(
                scope, postback.id, PostbackEdit(url=url), allow_private=True
            )
    with pytest.raises(Invalid, match="write the password"):
        await programme.add_postback("http://name:***@127.0.0.1:1/t?w=${event_id}")


async def test_a18_a_test_sends_what_is_known_of_the_postbacks_promo_campaign_and_account(
    programme: Programme, asking: Asking
) -> None:
    world = programme.world
    names = "promo_id promo_code campaign_id campaign_name brand_id partner_id traffic_source stag"
    query = "&".join(f"{name}=${{{name}}}" for name in names.split())
    url = f"{programme.tracker.url}/t?{query}"
    account = {"partner_id": str(world.partner.id)}
    campaign = account | {
        "campaign_id": str(world.campaign.id),
        "campaign_name": world.campaign.name,
        "brand_id": str(world.brand.id),
    }
    promo = campaign | {"promo_id": str(world.promo.id), "promo_code": world.promo.code}
    made_up = {variable.name: variable.sample for variable in VARIABLES}

    for place, known in (
        ({}, account),
        ({"campaign_id": world.campaign.id}, campaign),
        ({"promo_id": world.promo.id}, promo),
    ):
        postback = await programme.add_postback(url, **place)
        await asking.run(TEST, postbackId=encode_id("Postback", postback.id))
        sent = programme.tracker.received[-1].query
        rest = {name: made_up[name] for name in names.split() if name not in known}
        if "promo_id" in known:
            # The promo of this test states no traffic source.
            del rest["traffic_source"]
            rest["stag"] = f"{world.promo.id}_{made_up['click_id']}"
        assert sent == known | rest


async def test_a18_a_test_by_post_shows_the_form(programme: Programme, asking: Asking) -> None:
    url = f"{programme.tracker.url}/t?click=${{clickID}}&a=1"
    postback = await programme.add_postback(url, method=configure.Method.POST)

    fired = await asking.run(TEST, postbackId=encode_id("Postback", postback.id))

    (call,) = programme.tracker.received
    assert (call.method, call.path, call.query) == ("POST", "/t", {})
    assert call.body == fired["request"]["body"] == "click=sample-clickID&a=1"
    assert fired["request"]["url"] == f"{programme.tracker.url}/t"


async def test_a18_a_test_of_a_dead_tracker_says_so(programme: Programme, asking: Asking) -> None:
    postback = await programme.add_postback()
    programme.tracker.close()

    fired = await asking.run(TEST, postbackId=encode_id("Postback", postback.id))

    assert fired["userErrors"] == []
    assert fired["attempt"]["responseCode"] is None
    assert "ConnectError" in fired["attempt"]["error"]


async def test_a18_a_test_cannot_be_replayed(programme: Programme, asking: Asking) -> None:
    postback = await programme.add_postback()
    fired = await asking.run(TEST, postbackId=encode_id("Postback", postback.id))

    refused = await asking.run(REPLAY, attemptId=fired["attempt"]["id"])

    assert "fire the test again" in refused["userErrors"][0]["message"]


# Diagnoses


async def player_of(programme: Programme, query: bytes = b"") -> tuple[str, str]:
    """A registered player of a new click: the numbers of player and click."""
    world = programme.world
    (visit_id,) = await make_visits(world.promo, programme.clock, query=query)
    player = world.player(f"u{visit_id}", tag=stag(world.promo.id, visit_id))
    scope = brand_scope(world.brand, programme.clock)
    await register_players(scope, world.brand.id, [player], box=BOX)
    return str((await Player.get(visit_id=visit_id)).id), str(visit_id)


async def test_a17_not_synced_yet(programme: Programme, asking: Asking) -> None:
    await programme.add_postback()
    click = str(programme.world.visit_id)

    assert await asking.causes(click=click) == ["NOT_SYNCED_YET"]
    assert await asking.causes(click=programme.world.tag, action="FIRST_DEPOSIT") == [
        "NOT_SYNCED_YET"
    ]


async def test_a17_a_player_that_has_not_deposited(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback()
    player, _ = await player_of(programme)
    await deliver(programme, sender)

    assert await asking.causes(player=player) == ["DELIVERED"]
    assert await asking.causes(player=player, action="DEPOSIT") == ["NOT_SYNCED_YET"]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"every": "day"}, "2026-03-10T22:00:00Z"),
        ({"every": "week", "weekday": 1}, "2026-03-15T22:00:00Z"),
        # The clock of Bucharest is moved on 29 March.
        ({"every": "month", "day": 1}, "2026-03-31T21:00:00Z"),
    ],
)
async def test_a17_a21_not_qualified_yet_with_the_next_time(
    programme: Programme, asking: Asking, schedule: dict[str, Any], expected: str
) -> None:
    await PlanVersion.create(
        plan_id=programme.world.campaign.plan_id,
        number=1,
        currency="EUR",
        terms=REVENUE_SHARE | {"schedule": schedule},
        valid_from=NOW - timedelta(days=1),
        published_at=NOW - timedelta(days=1),
        created_at=NOW - timedelta(days=1),
    )
    player, _ = await player_of(programme)

    found = await asking.run(DIAGNOSE, player=player, action="QUALIFICATION")

    (finding,) = found["findings"]
    assert (finding["cause"], finding["nextAt"]) == ("NOT_QUALIFIED_YET", expected)


async def test_a17_no_matching_postback(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    player, _ = await player_of(programme)
    assert await asking.causes(player=player) == ["NO_MATCHING_POSTBACK"]
    await programme.add_postback(action=Action.SALE)
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, player=player)

    assert [finding["cause"] for finding in found["findings"]] == ["NO_MATCHING_POSTBACK"]
    assert "sale" in found["findings"][0]["message"]


async def test_a17_a_postback_that_came_after_its_event(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    player, _ = await player_of(programme)
    await deliver(programme, sender)
    programme.clock.advance(timedelta(minutes=1))
    await programme.add_postback()

    found = await asking.run(DIAGNOSE, player=player)

    assert [finding["cause"] for finding in found["findings"]] == ["NO_MATCHING_POSTBACK"]
    assert "after this happened, at 2026-03-10 12:01 UTC" in found["findings"][0]["message"]


async def test_a17_a_url_that_an_earlier_version_let_pass(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    postback = await programme.add_postback()
    wrong = f"{programme.tracker.url}/p?a={{track_id}}"
    await Postback.filter(id=postback.id).update(url=wrong)
    player, _ = await player_of(programme)
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, player=player)

    assert [finding["cause"] for finding in found["findings"]] == ["SYNTAX", "DELIVERED"]
    assert found["findings"][0]["suggestion"] == f"{programme.tracker.url}/p?a=${{track_id}}"


async def test_a17_a_tag_that_the_link_did_not_carry(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback(f"{programme.tracker.url}/p?b=${{publisherID}}")
    player, click = await player_of(programme, b"btag=12345")
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, click=click)

    assert [finding["cause"] for finding in found["findings"]] == ["TAG_NOT_ON_LINK", "DELIVERED"]
    assert "publisherID" in found["findings"][0]["message"]
    assert found["tags"] == [{"name": "btag", "value": "12345"}]
    assert await asking.causes(player=player) == ["TAG_NOT_ON_LINK", "DELIVERED"]


async def test_a17_a_corrupted_value(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback(f"{programme.tracker.url}/p?t=${{transactionid}}")
    _, click = await player_of(programme, b"transactionid=%/n/h3D1021df233")
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, click=click)

    assert [finding["cause"] for finding in found["findings"]] == ["CORRUPTED_VALUE", "DELIVERED"]
    assert "transactionid=%/n/h3D1021df233" in found["findings"][0]["message"]
    assert found["tagsCorrupted"] is True


async def test_a17_a_corrupted_visit_id_of_the_link_is_a_corrupted_value(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback(f"{programme.tracker.url}/p?r=${{visit_id}}")
    _, click = await player_of(programme, b"visit_id=%/n/h3D")
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, click=click)

    assert [finding["cause"] for finding in found["findings"]] == ["CORRUPTED_VALUE", "DELIVERED"]
    assert "visit_id=%/n/h3D;" in found["findings"][0]["message"]


@pytest.mark.parametrize(
    "query", [b"clickID=42&other=%zz", b"clickID=42&other=%ff", b"clickID=42&other=" + b"x" * 1_001]
)
async def test_a17_a_parameter_that_the_postback_does_not_use_corrupts_none_of_its_values(
    programme: Programme, sender: PostbackSender, asking: Asking, query: bytes
) -> None:
    await programme.add_postback(f"{programme.tracker.url}/p?c=${{clickID}}&v=${{visit_id}}")
    _, click = await player_of(programme, query)
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, click=click)

    assert [finding["cause"] for finding in found["findings"]] == ["DELIVERED"]
    assert found["tagsCorrupted"] is True


async def test_a17_a_tag_beyond_the_limit_of_a_link_is_told_from_one_that_it_lacked(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback(f"{programme.tracker.url}/p?c=${{clickID}}")
    query = "&".join(f"t{number}=1" for number in range(30)) + "&clickID=42"
    _, click = await player_of(programme, query.encode())
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, click=click)

    assert [finding["cause"] for finding in found["findings"]] == ["TAG_NOT_ON_LINK", "DELIVERED"]
    assert "the first 30 are kept" in found["findings"][0]["message"]


async def test_a17_a_delivery_that_failed_shows_its_attempts(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback()
    player, _ = await player_of(programme)
    programme.tracker.answer = answering(503)
    await deliver(programme, sender)
    programme.clock.advance(RETRY_AFTER[0])
    programme.tracker.answer = answering(404)

    waiting = await asking.run(DIAGNOSE, player=player)
    await sender.deliver("wake-up")
    given_up = await asking.run(DIAGNOSE, player=player)

    (first,), (second,) = waiting["findings"], given_up["findings"]
    assert (first["cause"], first["nextAt"]) == ("DELIVERY_FAILED", "2026-03-10T12:00:10Z")
    assert [attempt["responseCode"] for attempt in second["attempts"]] == [503, 404]
    assert (second["cause"], second["nextAt"]) == ("DELIVERY_FAILED", None)
    assert "given up after 2 attempts: your tracker answered 404" in second["message"]


async def test_a17_what_was_deduplicated(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback()
    twin = await programme.add_postback(promo_id=programme.world.promo.id)
    player, _ = await player_of(programme)
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, player=player, postbackId=encode_id("Postback", twin.id))

    (finding,) = found["findings"]
    assert finding["cause"] == "DEDUPLICATED"
    assert [attempt["responseCode"] for attempt in finding["attempts"]] == [200]


async def test_a17_a_disabled_postback(
    programme: Programme, sender: PostbackSender, asking: Asking, scope: Scope
) -> None:
    postback = await programme.add_postback()
    await configure.disable_postback(scope, postback.id)
    player, _ = await player_of(programme)
    await deliver(programme, sender)

    assert await asking.causes(player=player) == ["DISABLED"]


async def test_a17_what_was_cancelled_while_it_waited(
    programme: Programme, asking: Asking, scope: Scope
) -> None:
    postback = await programme.add_postback()
    player, _ = await player_of(programme)
    assert await asking.causes(player=player) == ["WAITING"]
    await programme.plan()
    assert await asking.causes(player=player) == ["WAITING"]

    await configure.disable_postback(scope, postback.id)

    assert await asking.causes(player=player) == ["DISABLED"]


async def test_a17_a_transaction_and_an_event_can_be_asked_about(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    world = programme.world
    await programme.add_postback(action=Action.ANY)
    item = {
        "type": "sale",
        "transaction_id": "T-1",
        "tag": world.tag,
        "occurred_at": NOW.isoformat(),
        "amount": "10",
        "currency": "EUR",
    }
    await record_conversions(brand_scope(world.brand, programme.clock), world.brand.id, [item])
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, transaction="T-1")

    (finding,) = found["findings"]
    assert (finding["cause"], found["clickNumber"]) == ("DELIVERED", str(world.visit_id))
    assert await asking.causes(event=finding["eventNumber"]) == ["DELIVERED"]


async def test_a17_what_a_commission_is_about_is_found_by_its_click(
    programme: Programme, sender: PostbackSender, asking: Asking, system: Scope
) -> None:
    world = programme.world
    await programme.add_postback(action=Action.QUALIFICATION)
    player, click = await player_of(programme)
    async with transaction() as tx:
        await record(
            system,
            tx,
            "player.qualified",
            Subject("player", int(player)),
            partner_id=world.partner.id,
            brand_id=world.brand.id,
            data={"promo_id": world.promo.id, "visit_id": int(click)},
        )
    await deliver(programme, sender)

    assert await asking.causes(click=click, action="QUALIFICATION") == ["DELIVERED"]


@pytest.mark.parametrize(
    "question",
    [
        {"click": "4711"},
        {"player": "4711"},
        {"event": "4711"},
        {"transaction": "T-0"},
        {"click": "x"},
    ],
)
async def test_a17_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, token: str, question: dict[str, str]
) -> None:
    answer = await ask(client, "partner", DIAGNOSE, token, {"input": question})

    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a17_anothers_player_is_not_found(
    programme: Programme, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    player, click = await player_of(programme)
    rival = await make_partner_user(await make_partner(clock, programme.world.brand), clock)
    token = await open_session(rival, clock)

    for question in ({"player": player}, {"click": click}):
        answer = await ask(client, "partner", DIAGNOSE, token, {"input": question})
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a17_two_questions_at_once_are_refused(client: httpx.AsyncClient, token: str) -> None:
    question = {"click": "1", "player": "2"}

    answer = await ask(client, "partner", DIAGNOSE, token, {"input": question})

    assert answer["errors"][0]["extensions"]["code"] == "INVALID"


async def test_a17_deposits_are_events_of_their_player(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    world = programme.world
    await programme.add_postback(action=Action.DEPOSIT)
    player, _ = await player_of(programme)
    user = (await Player.get(id=int(player))).user_id
    item = {"user_id": user, "currency": "EUR", "deposits_count": 1, "deposits_sum": "5"}
    day = ("2026-03-10T00:00:00+02:00", "2026-03-11T00:00:00+02:00")
    scope = brand_scope(world.brand, programme.clock)
    await record_activity(scope, world.brand.id, *day, [item])
    await deliver(programme, sender)

    assert await asking.causes(player=player, action="DEPOSIT") == ["DELIVERED"]
    assert await PostbackAttempt.all().count() == 1


async def test_a14_a17_a_sale_that_names_its_player_is_the_players(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback(
        f"{programme.tracker.url}/p?w=${{player_id}}&e=${{event_id}}", action=Action.SALE
    )
    player, _ = await player_of(programme)
    item = {
        "id": "s1",
        "type": "sale",
        "user_id": (await Player.get(id=int(player))).user_id,
        "occurred_at": NOW.isoformat(),
        "amount": "10",
        "currency": "EUR",
    }
    brand = programme.world.brand
    await record_brand_events(brand_scope(brand, programme.clock), brand.id, [item])
    await deliver(programme, sender)

    found = await asking.run(DIAGNOSE, player=player)

    assert [call.query["w"] for call in programme.tracker.received] == [player]
    assert (await programme.delivery()).player_id == int(player)
    assert {finding["cause"] for finding in found["findings"]} == {
        "DELIVERED",
        "NO_MATCHING_POSTBACK",
    }
    assert await asking.causes(player=player, action="SALE") == ["DELIVERED"]


async def test_a17_a20_a_url_that_became_too_long_is_named_as_that(
    programme: Programme, sender: PostbackSender, asking: Asking
) -> None:
    await programme.add_postback(f"{programme.tracker.url}/p?a=${{a}}&b=${{b}}")
    long = "%C4%83" * 1_000
    player, _ = await player_of(programme, f"a={long}&b={long}".encode())
    await deliver(programme, sender)
    (failed,) = await asking.log()
    span = {"from": NOW.isoformat(), "before": (NOW + timedelta(days=1)).isoformat()}

    found = await asking.run(DIAGNOSE, player=player)
    replayed = await asking.run(REPLAY, attemptId=failed["id"])

    assert (failed["responseCode"], len(programme.tracker.received)) == (None, 0)
    limit = "the URL would be longer than 8000 characters"
    assert failed["error"] == limit
    assert found["findings"][0]["cause"] == "DELIVERY_FAILED"
    assert found["findings"][0]["message"].startswith(limit)
    assert replayed["userErrors"][0]["message"].startswith(limit)
    assert (await asking.run(REPLAY_RANGE, **span))["leftOut"] == 1


async def test_a17_a_postback_that_is_not_there_or_not_for_the_promo_is_named_as_that(
    programme: Programme,
    sender: PostbackSender,
    asking: Asking,
    client: httpx.AsyncClient,
    token: str,
) -> None:
    world = programme.world
    _, promo = await make_promo(world.partner, world.brand, programme.clock)
    await programme.add_postback()
    other = await programme.add_postback(promo_id=promo.id)
    sale = await programme.add_postback(action=Action.SALE)
    player, _ = await player_of(programme)
    await deliver(programme, sender)

    async def of(postback: Postback) -> Any:
        postback_id = encode_id("Postback", postback.id)
        (finding,) = (await asking.run(DIAGNOSE, player=player, postbackId=postback_id))["findings"]
        assert (finding["cause"], finding["postback"]["id"]) == (
            "NO_MATCHING_POSTBACK",
            postback_id,
        )
        return finding["message"]

    here, there = f"promo {promo.id}", f"promo {world.promo.id}"
    assert await of(other) == f"this postback is for {here}, and this happened in {there}"
    assert await of(sale) == "this postback fires for sale, and this was a registration"
    question = {"player": player, "postbackId": encode_id("Postback", 4711)}
    unknown = await ask(client, "partner", DIAGNOSE, token, {"input": question})
    assert unknown["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a17_a_disabled_postback_comes_behind_the_failure_of_another(
    programme: Programme, sender: PostbackSender, asking: Asking, scope: Scope
) -> None:
    disabled = await programme.add_postback(f"{programme.tracker.url}/old?b=${{b}}")
    await configure.disable_postback(scope, disabled.id)
    await programme.add_postback()
    player, _ = await player_of(programme)
    programme.tracker.answer = answering(404)
    await deliver(programme, sender)

    behind = ["DELIVERY_FAILED", "DISABLED", "TAG_NOT_ON_LINK"]
    assert await asking.causes(player=player) == behind
    programme.tracker.answer = answering(200)
    (failed,) = await asking.log()
    await asking.run(REPLAY, attemptId=failed["id"])
    await sender.deliver("wake-up")
    before = ["DISABLED", "TAG_NOT_ON_LINK", "DELIVERED"]
    assert await asking.causes(player=player) == before


async def test_g20_an_id_of_another_type_is_told_in_words(asking: Asking) -> None:
    refused = await asking.run(REPLAY, attemptId=encode_id("Promo", 1))

    assert refused["userErrors"][0]["message"] == "there is no such postback attempt"
