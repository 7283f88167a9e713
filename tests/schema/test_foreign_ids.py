"""G20, decision 9: what belongs to somebody else answers exactly as what does not exist, wherever an id is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.schema.ids import encode_id, split_id
from graphql import GraphQLInterfaceType, is_required_argument
from tests.schema.builder import (
    SCHEMAS,
    Path,
    RootField,
    all_root_fields,
    input_paths,
    minimal,
    operation,
    whole_selection,
    with_value,
)
from tests.schema.programme import MISSING, TYPES, Programme, ask, codes, make_programme

# Which types an argument or input field of that name takes. A new name has to be added.
TAKES = {
    "affiliationId": ("Affiliation",),
    "afterId": ("PlanVersion",),
    "articleId": ("NewsArticle",),
    "attemptId": ("PostbackAttempt",),
    "bannerId": ("Banner",),
    "bannerIds": ("Banner",),
    "beforeId": ("PlanVersion",),
    "brandId": ("Brand",),
    "brandIds": ("Brand",),
    "campaignId": ("Campaign",),
    "campaignIds": ("Campaign",),
    "changeId": ("BrandChange",),
    "couponId": ("Coupon",),
    "contactId": ("Contact",),
    "contactIds": ("Contact",),
    "documentId": ("Document",),
    "keyId": ("BrandKey",),
    "landingId": ("Landing",),
    "landingIds": ("Landing",),
    "managerId": ("OperatorUser",),
    "moveId": ("CampaignPlanMove",),
    "newerId": ("TermsVersion",),
    "olderId": ("TermsVersion",),
    "partnerId": ("Partner",),
    "partnerIds": ("Partner",),
    "planId": ("CommissionPlan",),
    "planIds": ("CommissionPlan",),
    "postbackId": ("Postback",),
    "playerId": ("Player",),
    "playerMoveId": ("PlayerMove",),
    "promoId": ("Promo",),
    "promoIds": ("Promo",),
    "promotionId": ("Promotion",),
    "promotionIds": ("Promotion",),
    "sessionId": ("Session",),
    "termsId": ("TermsVersion",),
    "tokenId": ("ApiToken",),
    "trafficSourceId": ("TrafficSource",),
    "trafficSourceIds": ("TrafficSource",),
    "userId": ("PartnerUser", "OperatorUser"),
    "versionId": ("PlanVersion",),
}

# Types without tenant: everybody's are the same ones.
SHARED = {"ExchangeRate", "TrafficSource"}
# A partner asks for brands that it has no relation to yet.
OPEN = {
    ("partner.applyToBrand(input.brandId)", "Brand"),
    # Its terms are read before they are accepted.
    ("partner.presentTerms(brandId)", "Brand"),
}
# The rows of one user alone: a teammate's are not there either.
PRIVATE = {"Session", "ApiToken"}

CALLERS = [("partner", "owner"), ("admin", "advertiser")]
OWNERS = [("partner", "owner"), ("admin", "owner")]


@dataclass(frozen=True, slots=True)
class Case:
    """One place that takes an id."""

    field: RootField
    path: Path

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.path)})"

    @property
    def takes(self) -> tuple[str, ...]:
        """The types whose ids it takes, the likeliest first."""
        if self.path == ("id",):
            return tuple(sorted(node_types(self.field.schema)))
        names = TAKES[self.path[-1]]
        return names[::-1] if self.field.schema == "admin" else names


def places(schema: str) -> Iterator[Case]:
    """Every place of a schema that takes an id."""
    for field in all_root_fields():
        if field.schema == schema:
            for path in input_paths(field, lambda type_: type_.name == "ID"):
                yield Case(field, path)


def node_types(schema: str) -> set[str]:
    """The types of a schema whose objects have an id."""
    interface = SCHEMAS[schema].get_type("Node")
    assert isinstance(interface, GraphQLInterfaceType)
    return {type_.name for type_ in SCHEMAS[schema].get_possible_types(interface)}


def test_g20_every_place_that_takes_an_id_says_of_what() -> None:
    unknown = {
        str(case)
        for schema in SCHEMAS
        for case in places(schema)
        if case.path != ("id",) and case.path[-1] not in TAKES
    }
    assert unknown == set()


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_g20_every_object_with_an_id_belongs_to_a_tenant_of_these_tests(schema: str) -> None:
    assert node_types(schema) - set(TYPES) == set()


def _arguments(case: Case, value: str, programme: Programme) -> dict[str, Any]:
    """Arguments with the id at its place and, wherever else an id is needed, one of the caller's own."""
    base: dict[str, Any] = {
        name: minimal(argument.type)
        for name, argument in case.field.definition.args.items()
        if is_required_argument(argument)
    }
    for path in input_paths(case.field, lambda type_: type_.name == "ID"):
        if path != case.path and _is_there(base, path):
            own = programme.own.id(Case(case.field, path).takes[0])
            base = with_value(case.field, path, own, base)
    if "first" in case.field.definition.args:
        base["first"] = 10
    return with_value(case.field, case.path, value, base)


def _is_there(arguments: dict[str, Any], path: Path) -> bool:
    value: Any = arguments
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


async def _answer(
    client: httpx.AsyncClient, case: Case, value: str, programme: Programme, token: str
) -> Any:
    """The whole answer, without what differs by request."""
    selection = whole_selection(case.field.definition.type, 2)
    wanted = operation(case.field, _arguments(case, value, programme), selection)
    answer = await ask(client, case.field.schema, wanted, token)
    for error in answer.get("errors", ()):
        error["extensions"].pop("requestId")
    answer.pop("extensions", None)
    return answer


@pytest.mark.parametrize(("schema", "role"), CALLERS)
async def test_g20_a_foreign_id_answers_like_one_that_does_not_exist(
    schema: str, role: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token(schema, role)
    told = []
    for case in places(schema):
        for type_name in set(case.takes) - SHARED:
            foreign = programme.foreign.id(type_name)
            missing = str(encode_id(type_name, MISSING))
            answers = [
                await _answer(client, case, value, programme, token) for value in (foreign, missing)
            ]
            if answers[0] != answers[1] and (str(case), type_name) not in OPEN:
                told.append((str(case), type_name, *answers))
    assert told == []


@pytest.mark.parametrize(("schema", "role"), OWNERS)
async def test_g20_an_id_of_another_type_is_not_found(
    schema: str, role: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token(schema, role)
    told = []
    for case in places(schema):
        other = "Campaign" if "Campaign" not in case.takes else "Promo"
        if case.path != ("id",):
            answer = await _answer(client, case, programme.own.id(other), programme, token)
            if codes(answer) != ["NOT_FOUND"]:
                told.append((str(case), answer))
    assert told == []


@pytest.mark.parametrize(("schema", "role"), OWNERS)
async def test_g20_an_id_of_ones_own_is_found_wherever_it_is_taken(
    schema: str, role: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    lost = []
    for case in places(schema):
        if case.path == ("id",):
            continue
        token = await programme.token(schema, role)
        answers = []
        for type_name in case.takes:
            own = await _own(client, programme, schema, token, type_name)
            answers.append(await _answer(client, case, own, programme, token))
        if all("NOT_FOUND" in codes(answer) for answer in answers):
            lost.append((str(case), answers))
    assert lost == []


async def _own(
    client: httpx.AsyncClient, programme: Programme, schema: str, token: str, type_name: str
) -> str:
    """An id that exists for the caller: of its tenant, or of the caller alone."""
    if type_name not in PRIVATE:
        return programme.own.id(type_name)
    return await _newest(client, schema, token, type_name)


async def _newest(client: httpx.AsyncClient, schema: str, token: str, type_name: str) -> str:
    if type_name == "ApiToken":
        document = (
            'mutation { createApiToken(input: {name: "x", permissions: [READ_OFFERS]})'
            " { apiToken { id } } }"
        )
        answer = await ask(client, schema, document, token)
        return str(answer["data"]["createApiToken"]["apiToken"]["id"])
    answer = await ask(client, schema, "{ sessions(first: 1) { nodes { id } } }", token)
    return str(answer["data"]["sessions"]["nodes"][0]["id"])


@pytest.mark.parametrize(("schema", "role"), CALLERS)
async def test_g20_nothing_foreign_is_changed_by_trying(
    schema: str, role: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token(schema, role)
    before = await _foreign_rows(programme)
    for case in places(schema):
        if case.field.kind == "mutation":
            for type_name in case.takes:
                value = programme.foreign.id(type_name)
                await _answer(client, case, value, programme, token)
    assert await _foreign_rows(programme) == before


async def _foreign_rows(programme: Programme) -> dict[str, Any]:
    """Every row of the foreign tenant, by table."""
    tables = await fetch(
        "SELECT c.table_name AS name FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.table_schema = 'public' AND c.column_name = 'partner_id'"
        " AND t.table_type = 'BASE TABLE' ORDER BY 1"
    )
    return {
        table["name"]: await fetch(
            f'SELECT to_jsonb(t)::text AS row FROM "{table["name"]}" t WHERE partner_id = $1'
            " ORDER BY 1",
            programme.foreign.partner.id,
        )
        for table in tables
    }


NODE = "query($id: ID!) { node(id: $id) { __typename id } }"


@pytest.mark.parametrize(("schema", "role"), OWNERS)
async def test_g20_every_object_with_an_id_is_found_by_it(
    schema: str, role: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token(schema, role)
    lost = []
    for type_name in sorted(node_types(schema)):
        own = await _own(client, programme, schema, token, type_name)
        answer = await ask(client, schema, NODE, token, {"id": own})
        if answer["data"]["node"] != {"__typename": type_name, "id": own}:
            lost.append((type_name, answer))
    assert lost == []


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
async def test_g20_ids_in_answers_are_those_of_their_own_type(
    schema: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token(schema, "owner")
    wrong = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("id"), str) and "__typename" in value:
                parts = split_id(value["id"])
                if parts is None or parts[0] != value["__typename"]:
                    wrong.append((value["__typename"], value["id"]))
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    for field in all_root_fields():
        if field.schema == schema and field.kind == "query" and "id" not in field.definition.args:
            arguments = {"first": 10} if "first" in field.definition.args else {}
            selection = whole_selection(field.definition.type, 3)
            walk((await ask(client, schema, operation(field, arguments, selection), token))["data"])
    assert [item for item in wrong if item[0] != "Viewer"] == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "Campaign:1",
        "Q2FtcGFpZ246",
        "Q2FtcGFpZ246LTE",
        "Q2FtcGFpZ246MDE",
        "Q2FtcGFpZ246OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk",
        "Q2FtcGFpZ246MeKAiw",
        "____",
        "x" * 5_000,
    ],
)
async def test_g20_what_is_no_id_answers_like_one_that_does_not_exist(
    value: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    token = await programme.token("partner", "owner")
    missing = await ask(client, "partner", NODE, token, {"id": str(encode_id("Campaign", MISSING))})
    answer = await ask(client, "partner", NODE, token, {"id": value})
    assert codes(answer) == ["NOT_FOUND"]
    assert answer["errors"][0]["message"] == missing["errors"][0]["message"]


def test_g20_ids_are_opaque_to_clients() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", encode_id("Campaign", 1))
