"""Postbacks as partners and operators use them over GraphQL (A13 to A16)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import PostbackHorizon
from app.schema.ids import encode_id
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.postbacks.test_drift import happen
from tests.factories import World, make_operator, make_partner_user, make_world
from tests.schema.programme import ask, open_session
from tests.schema.statements import statements

FIELDS = """id action url method unresolved place state disabledBy stateReason failingSince variables
  campaign { id } promo { id }"""
ERRORS = "userErrors { code message field }"
PROBLEMS = "problems { code message position length suggestion } correctedUrl warnings { code message variable }"
CREATE = f"""mutation($input: CreatePostbackInput!) {{
  made: createPostback(input: $input) {{ postback {{ {FIELDS} }} {PROBLEMS} {ERRORS} }} }}"""
EDIT = f"""mutation($input: EditPostbackInput!) {{
  made: editPostback(input: $input) {{ postback {{ {FIELDS} }} {PROBLEMS} {ERRORS} }} }}"""
SWITCH = """mutation($input: PostbackInput!) {{
  made: {}Postback(input: $input) {{ postback {{ state disabledBy stateReason }} userErrors {{ code message }} }} }}"""

TALLY = """query($from: DateTime!, $before: DateTime!) { postbacks(first: 10, orderBy: OLDEST) { nodes {
  tally(from: $from, before: $before) {
    matched deliveries delivered pending failed cancelled deduplicated difference comparedFrom } } } }"""


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


@pytest.fixture
async def token(world: World, clock: ManualClock) -> str:
    return await open_session(await make_partner_user(world.partner, clock), clock)


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """The opaque ids of the world."""
    return {
        "campaign": str(encode_id("Campaign", world.campaign.id)),
        "promo": str(encode_id("Promo", world.promo.id)),
    }


async def change(
    client: httpx.AsyncClient, token: str, document: str, schema: str = "partner", **values: Any
) -> Any:
    answer = await ask(client, schema, document, token, {"input": values})
    assert "errors" not in answer, answer
    return answer["data"]["made"]


async def test_a13_a_postback_is_created_from_each_place_and_read_back(
    client: httpx.AsyncClient, token: str, ids: dict[str, str]
) -> None:
    url = "https://tracker.example/p?id=${click_id}&p=${promo_id}"
    for place, where in (
        ("ACCOUNT", {}),
        ("CAMPAIGN", {"campaignId": ids["campaign"]}),
        ("PROMO", {"promoId": ids["promo"]}),
    ):
        made = await change(client, token, CREATE, action="QUALIFICATION", url=url, **where)
        assert made["userErrors"] == []
        assert made["postback"]["place"] == place
    document = f"""{{ postbacks(first: 10, orderBy: OLDEST) {{ nodes {{ {FIELDS} }} }}
      campaigns(first: 1) {{ nodes {{ postbacks {{ place }} }} }}
      promos(first: 1) {{ nodes {{ postbacks {{ place }} }} }} }}"""
    data = (await ask(client, "partner", document, token))["data"]

    assert [node["place"] for node in data["postbacks"]["nodes"]] == [
        "ACCOUNT",
        "CAMPAIGN",
        "PROMO",
    ]
    promo = data["postbacks"]["nodes"][2]
    assert (promo["campaign"], promo["promo"]) == ({"id": ids["campaign"]}, {"id": ids["promo"]})
    assert (promo["method"], promo["unresolved"], promo["state"]) == ("GET", "DROP", "ACTIVE")
    assert promo["variables"] == ["click_id", "promo_id"]
    assert data["campaigns"]["nodes"][0]["postbacks"] == [{"place": "CAMPAIGN"}]
    assert data["promos"]["nodes"][0]["postbacks"] == [{"place": "PROMO"}]


async def test_a16_a_refused_url_comes_back_with_places_and_the_corrected_text(
    client: httpx.AsyncClient, token: str
) -> None:
    url = "http://track.me/affiliate?a={track_id}"

    made = await change(client, token, CREATE, action="ANY", url=url)

    assert made["postback"] is None
    (error,) = made["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["url"])
    assert "http://track.me/affiliate?a=${track_id}" in error["message"]
    (problem,) = made["problems"]
    assert problem["code"] == "MISSING_DOLLAR"
    assert url[problem["position"] :][: problem["length"]] == "{track_id}"
    assert problem["suggestion"] == "${track_id}"
    assert made["correctedUrl"] == "http://track.me/affiliate?a=${track_id}"
    corrected = await change(client, token, CREATE, action="ANY", url=made["correctedUrl"])
    assert corrected["postback"]["url"] == "http://track.me/affiliate?a=${track_id}"
    assert [w["code"] for w in corrected["warnings"]] == ["NO_PROMO", "TAG_NEVER_SEEN"]


async def test_a16_an_edit_is_checked_as_well(client: httpx.AsyncClient, token: str) -> None:
    made = await change(client, token, CREATE, action="ANY", url="https://t.example/?a=${promo_id}")
    postback_id = made["postback"]["id"]

    refused = await change(
        client, token, EDIT, postbackId=postback_id, url="https://t.example/?a=$(x)"
    )
    edited = await change(
        client, token, EDIT, postbackId=postback_id, method="POST", unresolved="LITERAL"
    )

    assert (refused["postback"], refused["correctedUrl"]) == (None, "https://t.example/?a=${x}")
    assert edited["postback"]["url"] == "https://t.example/?a=${promo_id}"
    assert (edited["postback"]["method"], edited["postback"]["unresolved"]) == ("POST", "LITERAL")


async def test_a16_a_template_is_checked_without_saving_it(
    client: httpx.AsyncClient, token: str, ids: dict[str, str]
) -> None:
    document = """query($input: CheckTemplateInput!) { checkPostbackTemplate(input: $input) {
      url isValid problems { code } correctedUrl warnings { code variable } variables } }"""
    values = {"url": " t.example/?a={x} ", "action": "LEAD", "promoId": ids["promo"]}

    answer = await ask(client, "partner", document, token, {"input": values})

    assert answer["data"]["checkPostbackTemplate"] == {
        "url": "t.example/?a={x}",
        "isValid": False,
        "problems": [{"code": "BAD_SCHEME"}, {"code": "MISSING_DOLLAR"}],
        "correctedUrl": "https://t.example/?a=${x}",
        "warnings": [{"code": "TAG_NEVER_SEEN", "variable": "x"}],
        "variables": ["x"],
    }


async def test_a14_the_built_in_variables_are_data_of_both_schemas(
    client: httpx.AsyncClient, token: str, clock: ManualClock
) -> None:
    staff = await open_session(await make_operator(clock), clock)
    document = "{ postbackVariables { builtIn { name description sample actions } seenTags } }"
    for schema, signed_in in (("partner", token), ("admin", staff)):
        answer = await ask(client, schema, document, signed_in)
        variables = answer["data"]["postbackVariables"]
        found = {each["name"]: each for each in variables["builtIn"]}
        assert variables["seenTags"] == []

        promised = (
            "promo_id promo_code campaign_id campaign_name brand_id visit_id stag player_id user_id action "
            "event_id amount amount_cents currency country device_type language occurred_at ip "
            "first_deposit_amount commission_id commission_amount commission_currency transaction_id "
            "traffic_source partner_id click_id"
        )
        assert set(promised.split()) == set(found)
        assert found["transaction_id"]["actions"] == [
            "SALE",
            "LEAD",
            "COMMISSION_ACCEPTED",
            "COMMISSION_REJECTED",
        ]
        assert all(each["description"] and each["sample"] for each in found.values())


async def test_o02_an_operator_sees_any_partners_postback_and_stops_it(
    client: httpx.AsyncClient, token: str, world: World, clock: ManualClock
) -> None:
    made = await change(client, token, CREATE, action="ANY", url="https://t.example/?a=${promo_id}")
    staff = await open_session(await make_operator(clock), clock)
    listed = """query($filter: PostbackFilterInput) { postbacks(first: 5, filter: $filter) {
      nodes { id account { partnerId name } } } }"""
    chosen = {"partnerId": str(encode_id("Partner", world.partner.id)), "urlContains": "T.EXAMPLE"}
    answer = await ask(client, "admin", listed, staff, {"filter": chosen})
    (node,) = answer["data"]["postbacks"]["nodes"]
    assert node["id"] == made["postback"]["id"]
    assert node["account"] == {"partnerId": chosen["partnerId"], "name": world.partner.name}
    stop = """mutation($input: PostbackReasonInput!) { made: disablePostback(input: $input) {
      postback { state } userErrors { code } } }"""

    await change(client, staff, stop, "admin", postbackId=node["id"], reason="Floods us.")
    refused = await change(client, token, SWITCH.format("enable"), postbackId=node["id"])
    enabled = await change(client, staff, SWITCH.format("enable"), "admin", postbackId=node["id"])

    assert [error["code"] for error in refused["userErrors"]] == ["CONFLICT"]
    assert "Floods us." in refused["userErrors"][0]["message"]
    assert enabled["postback"] == {"state": "ACTIVE", "disabledBy": None, "stateReason": None}


async def test_a13_a_deleted_postback_is_gone_from_the_list(
    client: httpx.AsyncClient, token: str
) -> None:
    made = await change(client, token, CREATE, action="ANY", url="https://t.example/?a=${promo_id}")
    document = """mutation($input: PostbackInput!) { made: deletePostback(input: $input) {
      deletedId userErrors { code } } }"""

    gone = await change(client, token, document, postbackId=made["postback"]["id"])
    answer = await ask(client, "partner", "{ postbacks(first: 5) { totalCount } }", token)

    assert gone == {"deletedId": made["postback"]["id"], "userErrors": []}
    assert answer["data"]["postbacks"]["totalCount"] == 0


async def test_x07_expected_against_sent_is_asked_for_a_page_of_postbacks_at_once(
    client: httpx.AsyncClient, token: str, world: World, system: Scope, clock: ManualClock
) -> None:
    url = "https://tracker.example/p?e=${event_id}"
    for action in ("ANY", "REGISTRATION", "DEPOSIT"):
        await change(client, token, CREATE, action=action, url=url)
    await happen(world, system, "one", "two")
    period = {
        "from": (NOW - timedelta(days=1)).isoformat(),
        "before": (NOW + timedelta(days=1)).isoformat(),
    }
    staff = await open_session(await make_operator(clock), clock)

    async with statements() as sent:
        answer = await ask(client, "partner", TALLY, token, period)

    first, second, third = [node["tally"] for node in answer["data"]["postbacks"]["nodes"]]
    nothing = {
        **dict.fromkeys(("matched", "deliveries", "delivered", "pending", "failed"), 0),
        **dict.fromkeys(("cancelled", "deduplicated", "difference"), 0),
        "comparedFrom": "2026-03-10T12:00:00Z",
    }
    assert first == {**nothing, "matched": 2, "deliveries": 2, "pending": 2}
    assert second == {**nothing, "matched": 2, "deduplicated": 2}
    assert third == nothing
    assert len([statement for statement in sent if "postback_duplicates" in statement]) == 1
    assert await ask(client, "admin", TALLY, staff, period) | {"extensions": {}} == answer | {
        "extensions": {}
    }


async def test_x07_a_period_of_more_than_31_days_is_refused_by_name(
    client: httpx.AsyncClient, token: str
) -> None:
    await change(client, token, CREATE, action="ANY", url="https://t.example/?a=${promo_id}")
    period = {"from": "2026-01-01T00:00:00Z", "before": "2026-02-02T00:00:00Z"}
    answer = await ask(client, "partner", TALLY, token, period)
    assert [error["message"] for error in answer["errors"]] == ["a period has at most 31 days"]


async def test_a20_the_log_says_from_when_on_it_is_complete(
    client: httpx.AsyncClient, token: str, clock: ManualClock
) -> None:
    document = "{ postbackLogCompleteFrom }"
    at_first = await ask(client, "partner", document, token)
    await PostbackHorizon.create(id=1, complete_from=NOW)
    staff = await open_session(await make_operator(clock), clock)

    assert at_first["data"] == {"postbackLogCompleteFrom": None}
    for schema, session in (("partner", token), ("admin", staff)):
        answer = await ask(client, schema, document, session)
        assert answer["data"] == {"postbackLogCompleteFrom": "2026-03-10T12:00:00Z"}
