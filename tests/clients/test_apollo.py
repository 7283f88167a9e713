"""Apollo Client 4 with automatic persisted queries (G30)."""

from __future__ import annotations

from typing import Any

from tests.clients.conftest import Programme
from tests.clients.npm import run_scenario

CREATE = """mutation Create($input: CreateCampaignInput!) {
  createCampaign(input: $input) { campaign { name } userErrors { code } }
}"""


def apollo(programme: Programme, scenario: str, **given: Any) -> Any:
    return run_scenario("apollo", scenario, url=programme.url, token=programme.token, **given)


def test_apollo_sends_the_hash_then_the_text_of_an_unknown_query_g30(programme: Programme) -> None:
    seen = apollo(programme, "query", document="query FirstTime { me { email } }")

    first, second = seen["traffic"]
    assert (first["text"], first["codes"]) == (False, ["PERSISTED_QUERY_NOT_FOUND"])
    assert (second["text"], second["status"]) == (True, 200)
    assert seen["data"]["me"]["email"] == "owner@partner.test"


def test_another_apollo_client_needs_the_hash_alone_g30(programme: Programme) -> None:
    seen = apollo(programme, "twice", document="query SecondTime { me { email } }")

    assert [(asked["text"], asked["status"]) for asked in seen["traffic"]] == [(False, 200)]
    assert seen["data"]["me"]["email"] == "owner@partner.test"


def test_apollo_may_get_hashed_queries_by_url_g30(programme: Programme) -> None:
    seen = apollo(programme, "twice", document="query ByUrl { me { email } }", get=True)

    assert [(asked["method"], asked["text"]) for asked in seen["traffic"]] == [("GET", False)]
    assert seen["data"]["me"]["email"] == "owner@partner.test"


def test_apollo_runs_a_mutation_g02(programme: Programme) -> None:
    variables = {"input": {"name": "From Apollo"}}
    seen = apollo(programme, "mutate", mutation=CREATE, variables=variables)

    assert seen["data"]["createCampaign"] == {
        "__typename": "CreateCampaignPayload",
        "campaign": {"__typename": "Campaign", "name": "From Apollo"},
        "userErrors": [],
    }


def test_apollo_understands_a_refused_document_g02(programme: Programme) -> None:
    seen = apollo(programme, "fail", document="{ nothingOfThisName }")

    assert seen == {"understood": True, "codes": ["INVALID_REQUEST"]}
