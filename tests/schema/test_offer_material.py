"""Plans and banners over GraphQL: operators make them, partners read them in full (A06, A09, O01)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.models import Affiliation, Brand, Partner
from app.schema.ids import encode_id
from tests.domain.accounts.people import change, make_owner, token_of
from tests.domain.banners.gallery import make_banner
from tests.factories import (
    email_of,
    graphql,
    make_brand,
    make_operator,
    make_partner,
    make_promo,
    sign_in,
)

TERMS: dict[str, Any] = {
    "currency": "EUR",
    "schedule": {"every": "WEEK", "weekday": 1},
    "holdDays": 14,
    "minimumBill": "100.00",
    "coins": "CONVERT",
    "rewards": [
        {
            "key": "revenue_share",
            "kind": "PERCENT_OF_NGR",
            "product": "COMBINED",
            "offsetProducts": False,
            "mode": "AGGREGATE",
            "tiers": {
                "basis": "NGR",
                "reach": "PLAN",
                "rate": "MARGINAL",
                "steps": [{"start": "0", "percent": "25"}, {"start": "10000", "percent": "30"}],
            },
        },
        {"key": "cpa", "kind": "FIXED_PER_PLAYER", "amount": "50.00"},
        {
            "key": "sub",
            "kind": "SUBAFFILIATE",
            "basis": "CHILD_COMMISSIONS",
            "withCpa": True,
            "levels": [{"percent": "5"}],
        },
    ],
    "qualification": {
        "refuseFlagged": True,
        "countriesIn": ["RO"],
        "minimumDepositSum": "20",
        "within": {"days": 30, "since": "FIRST_DEPOSIT"},
    },
    "carryover": {"policy": "CARRYOVER", "reach": "PLAN"},
    "highRoller": {"playerLoss": "7000", "aggregateLoss": "2000", "months": 3},
    "caps": [{"kind": "QUALIFIED_PLAYERS", "window": "TOTAL", "reach": "PLAN", "players": 10}],
}
READ_TERMS = """{
  currency schedule { every weekday } holdDays minimumBill coins
  rewards { key kind amount product offsetProducts mode basis withCpa levels { percent }
            tiers { basis reach rate steps { start percent } } }
  qualification { refuseFlagged countriesIn minimumDepositSum within { days since } }
  carryover { policy reach } highRoller { playerLoss aggregateLoss months }
  caps { kind window reach players }
}"""


class Programme:
    """An operator, and a partner of one brand."""

    def __init__(self, client: httpx.AsyncClient, brand: Brand, partner: Partner) -> None:
        self.client = client
        self.brand = brand
        self.partner = partner
        self.operator = ""
        self.member = ""

    async def do(self, field: str, selection: str, **values: Any) -> dict[str, Any]:
        """A mutation of the operator; returns its payload."""
        return await change(
            self.client, field, selection, by=self.operator, schema="admin", **values
        )

    async def read(self, document: str, **variables: Any) -> dict[str, Any]:
        """What the partner reads."""
        answer = await graphql(self.client, document, variables, token=self.member)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data


@pytest.fixture
async def programme(client: httpx.AsyncClient, clock: ManualClock) -> Programme:
    brand = await make_brand(clock)
    partner, _, email = await make_owner(clock)
    await Affiliation.create(partner=partner, brand=brand, state="accepted", created_at=clock.now())
    made = Programme(client, brand, partner)
    operator = await make_operator(clock)
    made.operator = await sign_in(client, await email_of(operator), endpoint="/admin/graphql")
    made.member = await token_of(client, email)
    return made


async def _plan(programme: Programme) -> str:
    brand_id = encode_id("Brand", programme.brand.id)
    made = await programme.do(
        "createCommissionPlan", "plan { id }", brandId=brand_id, name="Hybrid"
    )
    plan_id = str(made["plan"]["id"])
    await programme.do("makeCommissionPlanDefault", "plan { id }", planId=plan_id)
    return plan_id


async def test_a09_what_an_operator_drafts_and_publishes_a_partner_reads_in_full(
    programme: Programme,
) -> None:
    plan_id = await _plan(programme)
    drafted = await programme.do(
        "draftPlanVersion",
        f"version {{ id revision state terms {READ_TERMS} }}",
        planId=plan_id,
        terms=TERMS,
    )
    assert drafted["userErrors"] == []
    version = drafted["version"]
    assert version["state"] == "DRAFT"
    document = (
        "{ planVersions(first: 5) { nodes { id } } commissionPlans(first: 5) { nodes { name } } }"
    )
    before = await programme.read(document)
    assert version["id"] not in [node["id"] for node in before["planVersions"]["nodes"]]

    await programme.do(
        "publishPlanVersion",
        "version { state }",
        versionId=version["id"],
        revision=version["revision"],
    )
    await programme.do("enableCommissionPlan", "plan { state }", planId=plan_id)

    found = await programme.read(
        "query($id: ID!) { node(id: $id) { ... on CommissionPlan { name isDefault hasSubaffiliateReward"
        f" currentVersion {{ number validUntil state summary terms {READ_TERMS} }}"
        " announcedVersions { number } versions { number } } } }",
        id=plan_id,
    )
    plan = found["node"]
    assert (plan["name"], plan["isDefault"], plan["hasSubaffiliateReward"]) == (
        "Hybrid",
        True,
        True,
    )
    assert plan["currentVersion"]["state"] == "IN_FORCE"
    assert plan["currentVersion"]["terms"] == version["terms"] == _whole(TERMS)
    assert plan["currentVersion"]["summary"][0].startswith("You earn a share of combined NGR")
    assert (plan["announcedVersions"], plan["versions"]) == ([], [{"number": 1}])


def _whole(terms: dict[str, Any]) -> dict[str, Any]:
    """The terms with null or nothing for what they leave out, as an answer shows them."""
    wanted: dict[str, Any] = dict.fromkeys(
        ("amount", "product", "offsetProducts", "mode", "basis", "withCpa", "tiers")
    )
    return terms | {"rewards": [{"levels": []} | wanted | reward for reward in terms["rewards"]]}


async def test_o01_every_mistake_in_terms_is_told_with_its_path_in_the_input(
    programme: Programme,
) -> None:
    plan_id = await _plan(programme)
    wrong = TERMS | {
        "holdDays": 400,
        "minimumBill": "1.005",
        "rewards": [{"key": "A", "kind": "MANUAL"}],
    }

    refused = await programme.do("draftPlanVersion", "version { id }", planId=plan_id, terms=wrong)

    assert refused["version"] is None
    told = {".".join(error["field"]): error["message"] for error in refused["userErrors"]}
    assert sorted(told) == ["terms.holdDays", "terms.minimumBill", "terms.rewards.0.key"]
    assert "0 to 365" in told["terms.holdDays"]
    assert {error["code"] for error in refused["userErrors"]} == {"INVALID"}


async def test_o01_the_difference_of_two_versions_is_a_list_of_paths(programme: Programme) -> None:
    plan_id = await _plan(programme)
    first = await programme.do(
        "draftPlanVersion", "version { id revision }", planId=plan_id, terms=TERMS
    )
    version = first["version"]
    await programme.do(
        "publishPlanVersion",
        "version { id }",
        versionId=version["id"],
        revision=version["revision"],
    )
    second = await programme.do(
        "draftPlanVersion", "version { id }", planId=plan_id, terms=TERMS | {"holdDays": 7}
    )

    answer = await graphql(
        programme.client,
        "query($input: PlanDifferenceInput!) { planDifference(input: $input) { changes { path before after } } }",
        {"input": {"beforeId": version["id"], "afterId": second["version"]["id"]}},
        token=programme.operator,
        endpoint="/admin/graphql",
    )

    changes = answer["data"]["planDifference"]["changes"]
    assert changes == [{"path": "hold_days", "before": "14", "after": "7"}]


async def test_a06_a_promo_with_a_banner_has_markup_and_a_direct_link_has_none(
    programme: Programme, clock: ManualClock
) -> None:
    _, promo = await make_promo(programme.partner, programme.brand, clock)
    document = "{ promos(first: 1) { nodes { trackingLink markup banner { imageUrl width height title } } } }"
    direct = (await programme.read(document))["promos"]["nodes"][0]
    assert (direct["markup"], direct["banner"]) == (None, None)

    banner = await make_banner(programme.brand, clock, title='"Spring" & more')
    promo.banner_id = banner.id
    await promo.save()
    shown = (await programme.read(document))["promos"]["nodes"][0]

    assert shown["markup"] == (
        f'<a href="{shown["trackingLink"]}" rel="sponsored nofollow noopener" target="_blank">'
        f'<img src="{shown["banner"]["imageUrl"]}" width="300" height="250"'
        ' alt="&quot;Spring&quot; &amp; more"></a>'
    )


async def test_a06_the_gallery_is_filtered_over_graphql(
    programme: Programme, clock: ManualClock
) -> None:
    await make_banner(programme.brand, clock, title="Wide", width=728, height=90, tags=["spring"])
    await make_banner(programme.brand, clock, title="Square", width=250, tags=["spring"])
    document = (
        "query($filter: BannerFilterInput)"
        " { banners(first: 5, filter: $filter) { nodes { title orientation } } }"
    )

    found = await programme.read(
        document, filter={"tag": "SPRING", "orientation": "LANDSCAPE", "resolution": "728x90"}
    )

    assert found["banners"]["nodes"] == [{"title": "Wide", "orientation": "LANDSCAPE"}]


async def test_a06_a_private_banner_of_another_partner_is_found_neither_in_the_list_nor_by_id(
    programme: Programme, clock: ManualClock
) -> None:
    other = await make_partner(clock, programme.brand)
    banner = await make_banner(programme.brand, clock, other)

    answer = await graphql(
        programme.client,
        "query($id: ID!) { banners(first: 5) { totalCount } node(id: $id) { id } }",
        {"id": encode_id("Banner", banner.id)},
        token=programme.member,
    )

    assert answer["data"] == {"banners": {"totalCount": 0}, "node": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]
