"""G11: every answer says what it cost; what costs too much is refused before it runs, with the time to wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.infra.crypto import hash_token
from app.models import User
from app.schema.fields import MUTATION_COST
from app.schema.types.report import REPORT_COST
from app.settings import Settings
from tests.conftest import serving
from tests.factories import LOGIN
from tests.schema.programme import Programme, ask, codes, make_programme

CAMPAIGNS = "query($n: Int!) { campaigns(first: $n) { nodes { id } } }"
ME = "{ me { id } }"
REPORT = """
{ performanceReport(input: { from: "2026-03-01", to: "2026-03-01" }) { totals { visitsCount } } }
"""
FRAGMENTS = """
{ ...a }
fragment a on Query { campaigns(first: 2) { ...b } }
fragment b on CampaignConnection { nodes { ...c } }
fragment c on Campaign { id brand { id } }
"""


@pytest.fixture
async def programme(client: httpx.AsyncClient, clock: ManualClock) -> Programme:
    """A programme with two campaigns."""
    return await make_programme(clock, 2)


@pytest.fixture
async def poor(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server whose buckets hold little and come back slowly."""
    little = {
        "cost_per_operation": 150,
        "cost_capacity": 200,
        "cost_restore_rate": 1,
        "anonymous_cost_capacity": 100,
        "anonymous_cost_restore_rate": 1,
    }
    async with serving(settings.model_copy(update=little), clock) as http:
        yield http


async def test_g11_an_answer_says_what_was_asked_what_it_cost_and_what_is_left(
    client: httpx.AsyncClient, programme: Programme
) -> None:
    token = await programme.token("partner", "owner")
    answer = await ask(client, "partner", CAMPAIGNS, token, {"n": 50})
    assert answer["extensions"]["cost"] == {
        "requested": 2 + 50,
        "actual": 2 + 2,
        "available": 20_000 - 4,
        "capacity": 20_000,
        "restoreRate": 500,
    }


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        (ME, 1),
        ("{ __typename }", 1),
        ("{ a: me { id } b: me { id } }", 2),
        ("{ campaigns(first: 3) { nodes { brand { id } commissionPlan { id } } } }", 2 + 3 * 3),
        ("{ campaigns(first: 3) { edges { node { brand { id } } } nodes { id } } }", 2 + 3 * 4),
        ("{ campaigns(last: 3) { pageInfo { endCursor } } }", 2 + 1 + 3),
        ("{ campaigns(first: 3) { totalCount } }", 2 + 3 + 10),
        ("mutation { logout { ended } }", MUTATION_COST),
        (REPORT, REPORT_COST + 1),
        (FRAGMENTS, 2 + 2 * 2),
    ],
)
async def test_g10_a_document_costs_what_its_fields_declare(
    document: str, cost: int, client: httpx.AsyncClient, programme: Programme
) -> None:
    token = await programme.token("partner", "owner")
    answer = await ask(client, "partner", document, token)
    assert answer["extensions"]["cost"]["requested"] == cost


async def test_g11_an_operation_above_the_limit_is_refused_naming_it(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "owner")
    document = (
        "{ a: campaigns(first: 100) { nodes { id } } b: promos(first: 100) { nodes { id } } }"
    )
    answer = await ask(poor, "partner", document, token)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "COST_EXCEEDED"
    assert error["extensions"]["cost"] == {"requested": 204, "maximum": 150}
    assert "204" in error["message"]
    assert "150" in error["message"]
    assert "data" not in answer


async def test_g11_an_empty_bucket_answers_with_the_time_to_wait(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "owner")
    # Nothing is given back of what has no list.
    spend = "".join(f"a{i}: issueStatisticToken {{ token }} " for i in range(12))
    await ask(poor, "partner", f"mutation {{ {spend} }}", token)
    response = await poor.post(
        "/partner/graphql",
        json={"query": CAMPAIGNS, "variables": {"n": 98}},
        headers={"Authorization": f"Bearer {token}"},
    )
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "THROTTLED"
    wait = error["extensions"]["retryAfterSeconds"]
    cost = error["extensions"]["cost"]
    assert response.status_code == 429
    assert response.headers["retry-after"] == str(wait)
    assert (cost["requested"], cost["actual"], cost["restoreRate"]) == (100, 0, 1)
    assert wait == pytest.approx(100 - cost["available"], abs=1)
    assert str(wait) in error["message"]


async def test_g11_a_throttled_operation_does_not_run(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "owner")
    issue = "mutation { issueStatisticToken { token } }"
    answers = [await ask(poor, "partner", issue, token) for _ in range(25)]
    ran = [answer for answer in answers if "data" in answer]
    throttled = [answer for answer in answers if codes(answer) == ["THROTTLED"]]
    assert len(ran) + len(throttled) == 25
    assert 20 <= len(ran) <= 22
    last = ran[-1]["data"]["issueStatisticToken"]["token"]
    owner = await User.get(id=programme.users["partner", "owner"].id)
    assert owner.statistic_token_hash == hash_token(last)


async def test_g11_users_have_buckets_of_their_own(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    owner = await programme.token("partner", "owner")
    another_session = await programme.token("partner", "owner")
    viewer = await programme.token("partner", "viewer")
    issue = "mutation { issueStatisticToken { token } }"
    for _ in range(25):
        await ask(poor, "partner", issue, owner)
    assert codes(await ask(poor, "partner", issue, another_session)) == ["THROTTLED"]
    assert "data" in await ask(poor, "partner", issue, viewer)


async def test_g11_callers_without_session_share_the_bucket_of_their_address(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    variables: dict[str, Any] = {"input": {"email": "nobody@partner.test", "password": "x"}}
    answers = [await ask(poor, "partner", LOGIN, None, variables) for _ in range(12)]
    assert codes(answers[0]) == ["SIGN_IN_REFUSED"]
    assert codes(answers[-1]) == ["THROTTLED"]
    cost = answers[-1]["errors"][0]["extensions"]["cost"]
    assert (cost["capacity"], cost["restoreRate"]) == (100, 1)


async def test_g11_a_list_that_was_shorter_leaves_what_it_did_not_use(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "owner")
    answers = [await ask(poor, "partner", CAMPAIGNS, token, {"n": 100}) for _ in range(8)]
    assert [codes(answer) for answer in answers] == [[]] * 8
    assert answers[-1]["extensions"]["cost"]["available"] >= 200 - 8 * 3


async def test_g11_a_refused_document_costs_nothing(
    poor: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "owner")
    for _ in range(30):
        await ask(poor, "partner", "{ nothing }", token)
    answer = await ask(poor, "partner", ME, token)
    assert answer["extensions"]["cost"]["available"] == 199
