"""G21, G24: every list is a bounded, stable, signed connection, and fifty rows take the statements of one."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.domain.paging import LARGEST_PAGE
from app.infra.clock import ManualClock
from app.schema.connections import LIST_COST, TOTAL_COUNT_COST
from app.settings import Settings
from graphql import GraphQLEnumType, GraphQLObjectType, get_named_type, is_required_argument
from tests.conftest import serving
from tests.schema.builder import SCHEMAS, RootField, all_lists, operation, whole_selection
from tests.schema.programme import Programme, ask, codes, make_own_rows, make_programme
from tests.schema.statements import statements

ROWS = 4
PAGE = "{ nodes { __typename } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
IDS = "{ nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"


def lists(schema: str) -> list[RootField]:
    """The lists of a schema."""
    return [field for field in all_lists() if field.schema == schema]


def orders(field: RootField) -> list[str]:
    """The orders that a list offers."""
    type_ = get_named_type(field.definition.args["orderBy"].type)
    assert isinstance(type_, GraphQLEnumType)
    return list(type_.values)


def node_type(field: RootField) -> GraphQLObjectType:
    """What a list lists."""
    connection = get_named_type(field.definition.type)
    assert isinstance(connection, GraphQLObjectType)
    node = get_named_type(connection.fields["nodes"].type)
    assert isinstance(node, GraphQLObjectType)
    return node


class Reader:
    """The owner of an account, reading lists."""

    def __init__(self, client: httpx.AsyncClient, programme: Programme, token: str) -> None:
        self._client = client
        self._programme = programme
        self._token = token

    async def answer(self, field: RootField, selection: str = IDS, **arguments: Any) -> Any:
        """The whole answer of one list."""
        for name, argument in field.definition.args.items():
            if is_required_argument(argument) and name != "orderBy":
                arguments[name] = self._programme.own.id(name.removesuffix("Id").capitalize())
        return await ask(
            self._client, field.schema, operation(field, arguments, selection), self._token
        )

    async def page(self, field: RootField, selection: str = IDS, **arguments: Any) -> Any:
        """A page of one list, which must be answered."""
        answer = await self.answer(field, selection, **arguments)
        assert "errors" not in answer, (str(field), arguments, answer)
        return answer["data"][field.name]

    async def ids(self, field: RootField, **arguments: Any) -> list[str]:
        """The ids on a page."""
        return [node["id"] for node in (await self.page(field, **arguments))["nodes"]]


@pytest.fixture
async def programme(client: httpx.AsyncClient, clock: ManualClock) -> Programme:
    """A programme whose lists have a handful of rows each, many of them of the same name and time."""
    made = await make_programme(clock, ROWS)
    await make_own_rows(made, ROWS)
    return made


@pytest.fixture(params=sorted(SCHEMAS))
def schema(request: pytest.FixtureRequest) -> str:
    """Each schema in turn."""
    return str(request.param)


@pytest.fixture
async def reader(client: httpx.AsyncClient, programme: Programme, schema: str) -> Reader:
    """The owner."""
    return Reader(client, programme, await programme.token(schema, "owner"))


async def test_g21_a_page_size_is_required_and_bounded_and_the_refusal_names_the_limit(
    reader: Reader, schema: str
) -> None:
    wrong = []
    asked: list[dict[str, Any]] = [{}, {"first": 1, "last": 1}]
    asked += [{side: size} for side in ("first", "last") for size in (0, -1, LARGEST_PAGE + 1)]
    for field in lists(schema):
        for arguments in asked:
            answer = await reader.answer(field, **arguments)
            told = answer["errors"][0]["message"] if answer.get("errors") else ""
            if codes(answer) != ["INVALID"] or f"1 to {LARGEST_PAGE}" not in told:
                wrong.append((str(field), arguments, answer))
    assert wrong == []


async def test_g21_the_largest_page_is_answered(reader: Reader, schema: str) -> None:
    for field in lists(schema):
        for side in ("first", "last"):
            assert await reader.ids(field, **{side: LARGEST_PAGE})


async def test_g21_cursors_go_with_their_side(reader: Reader, schema: str) -> None:
    wrong = []
    for field in lists(schema):
        cursor = (await reader.page(field, first=1))["pageInfo"]["endCursor"]
        for arguments in ({"first": 1, "before": cursor}, {"last": 1, "after": cursor}):
            answer = await reader.answer(field, **arguments)
            if codes(answer) != ["INVALID"]:
                wrong.append((str(field), arguments, answer))
    assert wrong == []


async def test_g21_walking_either_way_by_any_page_size_gives_the_whole_list(
    reader: Reader, schema: str
) -> None:
    wrong = []
    for field in lists(schema):
        for order in orders(field):
            whole = await reader.ids(field, first=LARGEST_PAGE, orderBy=order)
            assert len(whole) >= ROWS, (str(field), len(whole))
            assert len(set(whole)) == len(whole)
            for size in (1, ROWS - 1, len(whole), len(whole) + 1):
                forwards = await _forwards(reader, field, order, size)
                backwards = await _backwards(reader, field, order, size)
                if not forwards == backwards == whole:
                    wrong.append((str(field), order, size, forwards, backwards, whole))
    assert wrong == []


async def _forwards(reader: Reader, field: RootField, order: str, size: int) -> list[str]:
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = await reader.page(field, first=size, orderBy=order, **after)
        found += [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is bool(after)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = {"after": page["pageInfo"]["endCursor"]}


async def _backwards(reader: Reader, field: RootField, order: str, size: int) -> list[str]:
    found: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = await reader.page(field, last=size, orderBy=order, **before)
        found[:0] = [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is bool(before)
        if not page["pageInfo"]["hasPreviousPage"]:
            return found
        before = {"before": page["pageInfo"]["startCursor"]}


async def test_g21_edges_and_nodes_and_page_info_agree(reader: Reader, schema: str) -> None:
    for field in lists(schema):
        selection = (
            "{ edges { cursor node { id } } nodes { id } pageInfo { startCursor endCursor } }"
        )
        page = await reader.page(field, selection, first=3)
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        cursors = [edge["cursor"] for edge in page["edges"]]
        assert page["pageInfo"] == {"startCursor": cursors[0], "endCursor": cursors[-1]}


async def test_g21_an_empty_page_has_no_cursors(reader: Reader, schema: str) -> None:
    for field in lists(schema):
        last = (await reader.page(field, last=1))["pageInfo"]["endCursor"]
        page = await reader.page(field, first=1, after=last)
        assert page == {
            "nodes": [],
            "pageInfo": {
                "hasNextPage": False,
                "hasPreviousPage": True,
                "startCursor": None,
                "endCursor": None,
            },
        }


async def test_g21_a_changed_cursor_is_refused_wherever_it_was_changed(
    reader: Reader, schema: str
) -> None:
    field = next(item for item in lists(schema) if item.name == "campaigns")
    cursor = (await reader.page(field, first=1))["pageInfo"]["endCursor"]
    changed = [
        cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :]
        for place, letter in enumerate(cursor)
    ]
    unsigned = base64.urlsafe_b64encode(b'["Campaign.newest",[["i","1"]]]').decode().rstrip("=")
    changed += [cursor[:-1], cursor[1:], cursor * 2, "x", "\u0661", unsigned]
    wrong = []
    for item in changed:
        answer = await reader.answer(field, first=1, after=item)
        if codes(answer) != ["INVALID"] and _decoded(item) != _decoded(cursor):
            wrong.append((item, answer))
    assert wrong == []


def _decoded(cursor: str) -> bytes:
    """The bytes of a cursor; the last letter holds bits that mean nothing."""
    return base64.urlsafe_b64decode(cursor.encode("ascii", "replace") + b"==")


async def test_g21_a_cursor_of_another_order_or_list_is_refused(
    reader: Reader, schema: str
) -> None:
    cursors = {}
    for field in lists(schema):
        for order in orders(field):
            page = await reader.page(field, first=1, orderBy=order)
            cursors[node_type(field).name, order] = page["pageInfo"]["endCursor"]
    wrong = []
    for field in lists(schema):
        for order in orders(field):
            own = {key: value for key, value in cursors.items() if key[0] == node_type(field).name}
            another = next(key for key in cursors if key not in own)
            for of, cursor in {**own, another: cursors[another]}.items():
                answer = await reader.answer(field, first=1, orderBy=order, after=cursor)
                belongs = of == (node_type(field).name, order)
                if codes(answer) != ([] if belongs else ["INVALID"]):
                    wrong.append((str(field), order, of, answer))
    assert wrong == []


async def test_g21_total_count_is_counted_only_when_it_is_selected_and_it_is_right(
    reader: Reader, schema: str
) -> None:
    wrong = []
    for field in lists(schema):
        await reader.page(field, first=1)
        async with statements() as sent:
            await reader.page(field, first=1)
        without = [sql for sql in sent if "COUNT(" in sql.upper()]
        async with statements() as sent:
            page = await reader.page(field, "{ totalCount }", first=1)
        counted = [sql for sql in sent if "COUNT(" in sql.upper()]
        whole = len(await reader.ids(field, first=LARGEST_PAGE))
        if (len(without), len(counted), page["totalCount"]) != (0, 1, whole):
            wrong.append((str(field), without, counted, page, whole))
    assert wrong == []


async def test_g21_a_list_is_charged_for_its_page_and_for_its_count(
    reader: Reader, schema: str
) -> None:
    wrong = []
    for field in lists(schema):
        costs = []
        for selection in ("{ nodes { id } }", "{ nodes { id } totalCount }"):
            answer = await reader.answer(field, selection, first=4)
            costs.append(answer["extensions"]["cost"]["requested"])
        if costs != [LIST_COST + 4, LIST_COST + 4 + TOTAL_COUNT_COST]:
            wrong.append((str(field), costs))
    assert wrong == []


async def test_g21_rows_that_were_not_there_are_given_back(reader: Reader, schema: str) -> None:
    for field in lists(schema):
        answer = await reader.answer(field, "{ nodes { id } }", first=LARGEST_PAGE)
        found = len(answer["data"][field.name]["nodes"])
        assert answer["extensions"]["cost"]["requested"] == LIST_COST + LARGEST_PAGE
        assert answer["extensions"]["cost"]["actual"] == LIST_COST + found


MANY = 50


@pytest.fixture
async def full(settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with one connection, which learns PostgreSQL's types only once."""
    single = settings.model_copy(update={"database_pool_max": 1, "cost_capacity": 1_000_000})
    async with serving(single, clock) as http:
        yield http


async def test_g24_fifty_rows_take_the_statements_of_one(
    full: httpx.AsyncClient, clock: ManualClock
) -> None:
    made = await make_programme(clock, MANY)
    await make_own_rows(made, MANY)
    wrong = []
    for schema in SCHEMAS:
        everything = Reader(full, made, await made.token(schema, "owner"))
        for field in lists(schema):
            nodes = whole_selection(node_type(field), 3)
            selection = f"{{ edges {{ cursor }} nodes {nodes} totalCount }}"
            counts = []
            # Once before, for what is prepared or stamped only once.
            for size in (1, 1, MANY):
                async with statements() as sent:
                    page = await everything.page(field, selection, first=size)
                counts.append(len(sent))
                assert len(page["nodes"]) == size, str(field)
            if counts[1] != counts[2]:
                wrong.append((str(field), counts, sent))
    assert wrong == []
