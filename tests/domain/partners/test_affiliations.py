"""O21: operators and advertisers see whose an affiliation is, and find those of one partner."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.domain.permissions import StaffRole
from app.infra.clock import ManualClock
from app.models import Partner
from app.schema.ids import encode_id
from tests.domain.accounts.people import ask, change, token_of
from tests.factories import make_brand, make_operator, make_partner

LIST = """query($partnerId: ID) { affiliations(first: 10, filter: {partnerId: $partnerId}) {
  nodes { id partner { id name code } } } }"""


async def _staff(client: httpx.AsyncClient, clock: ManualClock, **columns: Any) -> str:
    await make_operator(clock, email="staff@staff.test", **columns)
    return await token_of(client, "staff@staff.test", schema="admin")


async def _codes(
    client: httpx.AsyncClient, by: str, partner: Partner | None = None
) -> list[str | None]:
    """The partners' codes of the affiliations that are listed, the newest first."""
    variables = {"partnerId": encode_id("Partner", partner.id)} if partner else {}
    answer = await ask(client, LIST, variables, by=by, schema="admin")
    assert "errors" not in answer, answer
    return [
        node["partner"] and node["partner"]["code"]
        for node in answer["data"]["affiliations"]["nodes"]
    ]


async def test_o21_operators_see_whose_an_affiliation_is_and_find_those_of_one_partner(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    brands = [await make_brand(clock), await make_brand(clock)]
    one, other = await make_partner(clock, *brands), await make_partner(clock, brands[0])
    operator = await _staff(client, clock)

    assert await _codes(client, operator) == [other.code, one.code, one.code]
    assert await _codes(client, operator, one) == [one.code, one.code]
    assert await _codes(client, operator, other) == [other.code]


async def test_o21_an_advertiser_sees_whose_the_affiliations_of_its_own_brands_are(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    own, foreign = await make_brand(clock), await make_brand(clock)
    both, stranger = await make_partner(clock, own, foreign), await make_partner(clock, foreign)
    advertiser = await _staff(client, clock, role=StaffRole.ADVERTISER, brand_ids=(own.id,))

    assert await _codes(client, advertiser) == [both.code]
    assert await _codes(client, advertiser, both) == [both.code]
    assert await _codes(client, advertiser, stranger) == []


@pytest.mark.parametrize(
    ("permissions", "shown"),
    [(["READ_OFFERS"], False), (["READ_OFFERS", "READ_PARTNERS"], True)],
)
async def test_o21_whose_an_affiliation_is_needs_the_permission_to_read_partners(
    permissions: list[str], shown: bool, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner = await make_partner(clock, await make_brand(clock))
    operator = await _staff(client, clock)
    made = await change(
        client,
        "createApiToken",
        "token",
        by=operator,
        schema="admin",
        name="Nightly",
        permissions=permissions,
    )

    assert await _codes(client, made["token"]) == [partner.code if shown else None]


async def test_o21_the_answer_to_a_decision_says_whose_relation_was_decided(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    partner = await make_partner(clock, await make_brand(clock))
    operator = await _staff(client, clock)
    listed = await ask(client, LIST, by=operator, schema="admin")

    decided = await change(
        client,
        "decideAffiliation",
        "affiliation { state partner { name } }",
        by=operator,
        schema="admin",
        affiliationId=listed["data"]["affiliations"]["nodes"][0]["id"],
        decision="SUSPENDED",
    )

    assert decided["affiliation"] == {"state": "SUSPENDED", "partner": {"name": partner.name}}
