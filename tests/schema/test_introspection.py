"""G13: who may read the schema is a setting; `__typename` is everybody's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.infra.clock import ManualClock
from app.schema.execution.introspection import WHOLE_SCHEMA_COST
from app.settings import Settings
from graphql import get_introspection_query
from tests.conftest import serving
from tests.schema.programme import Programme, ask, codes, make_programme

READS_THE_SCHEMA = {
    "__schema": "{ __schema { queryType { name } } }",
    "__type": '{ __type(name: "Query") { name } }',
    "under an alias": "{ a: __schema { queryType { name } } }",
    "beside another field": "{ __typename __schema { queryType { name } } }",
    "in an inline fragment": "{ ... { ... on Query { __schema { queryType { name } } } } }",
    "in a fragment": "{ ...a } fragment a on Query { ...b } fragment b on Query { __schema { queryType { name } } }",
    "when it is skipped": "{ __typename __schema @skip(if: true) { queryType { name } } }",
}


@pytest.fixture(params=["everyone", "signed_in", "nobody"])
def explore(request: pytest.FixtureRequest) -> str:
    """Each value of the setting."""
    return str(request.param)


@pytest.fixture
async def http(
    settings: Settings, clock: ManualClock, explore: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with that setting."""
    async with serving(settings.model_copy(update={"explore": explore}), clock) as http:
        yield http


@pytest.fixture
async def programme(http: httpx.AsyncClient, clock: ManualClock) -> Programme:
    """Users who can sign in."""
    return await make_programme(clock)


@pytest.mark.parametrize("schema", ["partner", "admin"])
@pytest.mark.parametrize("signed_in", [False, True], ids=["anonymous", "signed in"])
async def test_g13_the_schema_is_read_by_whom_the_setting_names(
    http: httpx.AsyncClient, programme: Programme, explore: str, schema: str, signed_in: bool
) -> None:
    token = await programme.token(schema, "owner") if signed_in else None
    allowed = explore == "everyone" or (explore == "signed_in" and signed_in)
    wrong = []
    for name, document in READS_THE_SCHEMA.items():
        answer = await ask(http, schema, document, token)
        if codes(answer) != ([] if allowed else ["INTROSPECTION_REFUSED"]):
            wrong.append((name, answer))
    assert wrong == []


async def test_g13_the_name_of_a_type_is_everybodys(
    http: httpx.AsyncClient, programme: Programme, explore: str
) -> None:
    answer = await ask(http, "partner", "{ __typename }")
    assert answer["data"] == {"__typename": "Query"}


async def test_g13_the_default_is_that_anonymous_callers_do_not_read_the_schema(
    client: httpx.AsyncClient,
) -> None:
    answer = await ask(client, "admin", READS_THE_SCHEMA["__schema"])
    assert codes(answer) == ["INTROSPECTION_REFUSED"]
    assert "sign in" in answer["errors"][0]["message"]


async def test_g13_what_tools_send_to_read_the_whole_schema_is_answered_and_charged(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "viewer")
    answer = await ask(client, "partner", get_introspection_query(), token)
    assert answer["extensions"]["cost"]["requested"] == WHOLE_SCHEMA_COST
    names = {type_["name"] for type_ in answer["data"]["__schema"]["types"]}
    assert {"Query", "Campaign", "CreateCampaignInput"} <= names
