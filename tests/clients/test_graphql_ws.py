"""The `graphql-ws` client (G05)."""

from __future__ import annotations

from typing import Any

from app.schema.execution.documents import hash_document
from app.schema.execution.endpoint import OPERATIONS
from tests.clients.conftest import Programme
from tests.clients.npm import run_scenario

TICKS = "subscription { ticks(intervalMilliseconds: 50, count: 3) { number } }"
ENDLESS = "subscription { ticks(intervalMilliseconds: 50) { number } }"
ME = {"query": "{ me { email } }"}


def websocket(programme: Programme, scenario: str, **given: Any) -> Any:
    given.setdefault("token", programme.token)
    return run_scenario("websocket", scenario, url=programme.url, **given)


def test_graphql_ws_follows_a_subscription_to_its_end_g05(programme: Programme) -> None:
    answers = websocket(programme, "operation", request={"query": TICKS})

    assert [answer["data"]["ticks"]["number"] for answer in answers] == [1, 2, 3]


def test_graphql_ws_runs_a_query_as_who_the_connection_params_say_g05(
    programme: Programme,
) -> None:
    (answer,) = websocket(programme, "operation", request=ME)

    assert answer["data"]["me"]["email"] == "owner@partner.test"


def test_graphql_ws_is_closed_with_4403_for_a_wrong_token_g05(programme: Programme) -> None:
    closed = websocket(programme, "closed", token="wrong", request=ME)

    assert closed["code"] == 4403


def test_graphql_ws_gets_a_pong_for_each_ping_g05(programme: Programme) -> None:
    assert websocket(programme, "pings") == 2


def test_graphql_ws_hears_no_more_after_complete_g05(programme: Programme) -> None:
    seen = websocket(programme, "leave", request={"query": ENDLESS}, query=ME)

    assert seen == {"ticks": 2, "later": 0}


def test_graphql_ws_runs_a_persisted_document_by_its_id_g30(programme: Programme) -> None:
    text = (OPERATIONS / "partner" / "me.graphql").read_text()
    request = {"query": "", "documentId": f"sha256:{hash_document(text)}"}

    (answer,) = websocket(programme, "operation", request=request)

    assert answer["data"]["me"]["email"] == "owner@partner.test"


def test_graphql_ws_reports_a_refused_document_g05(programme: Programme) -> None:
    codes = websocket(programme, "refused", request={"query": "{ nothingOfThisName }"})

    assert codes == ["INVALID_REQUEST"]
