"""The `graphql-sse` client, in its distinct connections mode (G05)."""

from __future__ import annotations

from typing import Any

from app.schema.execution.documents import hash_document
from app.schema.execution.endpoint import OPERATIONS
from tests.clients.conftest import Programme
from tests.clients.npm import run_scenario

TICKS = "subscription { ticks(intervalMilliseconds: 50, count: 3) { number } }"


def sse(programme: Programme, request: dict[str, Any]) -> Any:
    return run_scenario(
        "sse", "operation", url=programme.url, token=programme.token, request=request
    )


def test_graphql_sse_follows_a_subscription_to_its_end_g05(programme: Programme) -> None:
    answers = sse(programme, {"query": TICKS})

    assert [answer["data"]["ticks"]["number"] for answer in answers] == [1, 2, 3]


def test_graphql_sse_runs_a_query_g05(programme: Programme) -> None:
    (answer,) = sse(programme, {"query": "{ me { email } }"})

    assert answer["data"]["me"]["email"] == "owner@partner.test"


def test_graphql_sse_follows_a_persisted_document_by_its_id_g30(programme: Programme) -> None:
    text = (OPERATIONS / "partner" / "ticks.graphql").read_text()
    request = {
        "documentId": f"sha256:{hash_document(text)}",
        "variables": {"intervalMilliseconds": 50, "count": 2},
    }

    answers = sse(programme, request)

    assert [answer["data"]["ticks"]["number"] for answer in answers] == [1, 2]


def test_graphql_sse_reads_why_a_document_is_refused_g05(programme: Programme) -> None:
    (answer,) = sse(programme, {"query": "{ nothingOfThisName }"})

    assert answer["errors"][0]["extensions"]["code"] == "INVALID_REQUEST"
