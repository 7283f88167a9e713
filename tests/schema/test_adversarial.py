"""G10: documents that mean to keep the server busy are refused or answered, and the work is linear in the document."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.schema import partner
from app.schema.execution.analysis import LIMITS, Limits, analyse, check_document
from app.schema.execution.documents import CACHED_CHARACTERS, MOST_TOKENS, DocumentStore
from app.schema.execution.introspection import WHOLE_SCHEMA_COST, standard_introspection
from app.schema.execution.request import OperationRequest
from app.schema.execution.variables import MOST_VALUES
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    parse,
)
from tests.schema.hostile import Hostile, beyond_the_limits, within_the_limits
from tests.schema.programme import make_programme

SCHEMA = partner.schema._schema
ENDLESS = Limits(
    **{name: 10**90 for name in Limits.__dataclass_fields__ if name != "nesting"}, nesting=300
)
CASES = [*beyond_the_limits(), *within_the_limits()]
# Of one that is no introspection: little more than what was sent.
LONGEST_ANSWER = 16 * 1024


def store() -> DocumentStore:
    return DocumentStore("partner", SCHEMA, None, {}, trusted_only=False)


def _parsed(case: Hostile) -> DocumentNode | None:
    try:
        return parse(case.text)
    except GraphQLError:
        return None


def _written(document: DocumentNode) -> int:
    """Fields, fragment spreads and inline fragments, as they are written."""
    pending = [
        node.selection_set
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    found = 0
    while pending:
        selections = pending.pop().selections
        found += len(selections)
        below = (getattr(node, "selection_set", None) for node in selections)
        pending += [selection_set for selection_set in below if selection_set is not None]
    return found


def test_g10_each_selection_is_measured_at_most_once_whatever_it_unfolds_to() -> None:
    too_many = []
    for case in CASES:
        document = _parsed(case)
        operations = [
            node
            for node in (document.definitions if document else ())
            if isinstance(node, OperationDefinitionNode)
        ]
        if document is None or not operations:
            continue
        analysis = analyse(SCHEMA, document, operations[-1], case.variables, ENDLESS)
        if analysis.visited > _written(document):
            too_many.append((case.name, analysis.visited))
    assert too_many == []


def test_g10_a_chain_of_doubling_fragments_is_measured_in_its_length() -> None:
    chain = next(case for case in CASES if case.name == "fragment chain 60")
    document = parse(chain.text)
    (operation,) = (n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    analysis = analyse(SCHEMA, document, operation, {}, ENDLESS)
    assert analysis.visited == 1 + 1 + 59 * 2 + 1
    assert analysis.selections > 2**60


@pytest.mark.parametrize("case", list(within_the_limits()), ids=lambda case: case.name)
def test_g10_the_worst_documents_within_the_limits_are_looked_at_whole(case: Hostile) -> None:
    # Otherwise the benchmark would measure refusals.
    document = parse(case.text, max_tokens=MOST_TOKENS)
    check_document(document)
    analyse(
        SCHEMA,
        document,
        next(n for n in document.definitions if isinstance(n, OperationDefinitionNode)),
        case.variables,
    )


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("fragment chain 20", "selections"),
        ("fragment chain 60", "selections"),
        ("fragment chain ×16", "selections"),
        ("fragment chain of unknown end", "selections"),
        ("fragment chain in another operation", "selections"),
        ("every fragment spreads every later one", "selections"),
        ("fragments 200", "fragments"),
        ("alias flood below", "aliases"),
        ("same field 5,000 times", "tokens"),
        ("unknown fields", "tokens"),
        ("misspelt fields", "written_selections"),
        ("operations", "tokens"),
        ("variables declared", "tokens"),
        ("introspection 20 times", "introspection"),
        ("introspection of introspection", "introspection"),
        ("introspection of every name 60 times", "introspection"),
    ],
)
async def test_g10_the_refusal_names_the_limit(name: str, limit: str) -> None:
    case = next(case for case in CASES if case.name == name)
    with pytest.raises(GraphQLError) as refused:
        await _prepare(case)
    assert refused.value.extensions is not None
    assert refused.value.extensions["code"] == "DOCUMENT_TOO_COMPLEX"
    assert refused.value.extensions["limit"] == limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{" + "__typename " * 21 + "}", "root_fields"),
        ("{me{" + "".join(f"a{i}:id " for i in range(61)) + "}}", "aliases"),
        ("query(" + "".join(f"$v{i}:Int " for i in range(101)) + "){__typename}", "variables"),
        ("".join(f"query q{i}{{__typename}}" for i in range(11)), "operations"),
        ("{__typename" + "@skip(if:false)" * 101 + "}", "directives"),
        ("{" + "campaigns{" * 20 + "a" + "}" * 21, "depth"),
        ("{" + "...{" * 100 + "__typename" + "}" * 101, "nesting"),
        ("{me{" + "id " * 800 + "}}", "written_selections"),
    ],
)
async def test_g10_each_limit_is_exact(text: str, limit: str) -> None:
    with pytest.raises(GraphQLError) as refused:
        await _prepare(Hostile("one more", text))
    extensions = refused.value.extensions
    assert extensions is not None
    assert (extensions["limit"], extensions["found"], extensions["maximum"]) == (
        limit,
        getattr(LIMITS, limit) + 1,
        getattr(LIMITS, limit),
    )


async def _prepare(case: Hostile) -> list[GraphQLError]:
    """Find, measure and validate a document as a request does; the errors of the validation."""
    documents = store()
    prepared = await documents.find(OperationRequest(query=case.text, variables=case.variables))
    name = case.operation_name
    if name is None and case.text.startswith("query q"):
        name = "q0"
    documents.analyse(prepared, prepared.operation(name), case.variables)
    errors = documents.validate(prepared)
    for error in errors:
        if (error.extensions or {}).get("code") == "DOCUMENT_TOO_COMPLEX":
            raise error
    return errors


async def test_g10_no_hostile_document_gets_a_server_error_or_a_long_answer(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    wrong = []
    for place, case in enumerate(CASES):
        # A bucket each: the costs are not what is measured here.
        token = await programme.token("partner", ("owner", "manager", "viewer")[place % 3])
        body = {"query": case.text, "variables": case.variables}
        if case.operation_name:
            body["operationName"] = case.operation_name
        response = await client.post(
            "/partner/graphql",
            content=json.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        answer = response.text
        long = len(answer) > LONGEST_ANSWER and case.name != "the whole schema"
        if response.status_code >= 500 or '"INTERNAL"' in answer or long:
            wrong.append((case.name, response.status_code, len(answer), answer[:300]))
    assert wrong == []


async def test_g10_a_body_of_a_megabyte_is_read_and_a_larger_one_is_not(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Content-Type": "application/json"}
    statuses = []
    for size in (1024 * 1024, 1024 * 1024 + 1):
        frame = '{"query":"{__typename}","variables":{"v":""}}'
        body = frame.replace('""', f'"{"x" * (size - len(frame))}"')
        response = await client.post("/partner/graphql", content=body, headers=headers)
        statuses.append(response.status_code)
    assert statuses == [200, 413]


async def test_g10_as_many_values_as_the_limit_are_read_and_one_more_is_not(
    client: httpx.AsyncClient,
) -> None:
    limits = []
    for count in (MOST_VALUES - 1, MOST_VALUES):
        body = {"query": "{__typename}", "variables": {"v": [0] * count}}
        answer = (await client.post("/partner/graphql", json=body)).json()
        limits.append([error["extensions"]["limit"] for error in answer.get("errors", ())])
    assert limits == [[], ["variable_values"]]


def test_g10_reading_the_whole_schema_has_its_price() -> None:
    document = standard_introspection()
    (operation,) = (n for n in document.definitions if isinstance(n, OperationDefinitionNode))
    analysis = analyse(SCHEMA, document, operation, {})
    assert analysis.cost == analysis.introspection == WHOLE_SCHEMA_COST


async def test_g14_a_document_is_parsed_validated_and_measured_once() -> None:
    documents = store()
    for _ in range(3):
        request = OperationRequest(query="{ campaigns(first: 3) { nodes { id } } }")
        prepared = await documents.find(request)
        documents.analyse(prepared, prepared.operation(None), {})
        assert documents.validate(prepared) == []
    counters = documents.counters
    assert (counters.parsed, counters.validated, counters.analysed) == (1, 1, 1)


async def test_g14_a_wrong_document_is_validated_once() -> None:
    documents = store()
    for _ in range(3):
        prepared = await documents.find(OperationRequest(query="{ nothing }"))
        assert documents.validate(prepared) != []
    assert documents.counters.validated == 1


async def test_g14_a_document_is_measured_once_for_each_page_size() -> None:
    documents = store()
    text = "query($n: Int = 7) { campaigns(first: $n) { nodes { id } } }"
    prepared = await documents.find(OperationRequest(query=text))
    operation = prepared.operation(None)
    sizes: list[dict[str, Any]] = [{}, {"n": 5}, {"n": 5}, {"n": 10**9}, {"n": 101}]
    costs = [documents.analyse(prepared, operation, variables).cost for variables in sizes]
    # What is larger than any page is charged like the largest, and counts as the same size.
    assert costs == [2 + 7, 2 + 5, 2 + 5, 2 + 100, 2 + 100]
    assert documents.counters.analysed == 3


async def test_g14_the_cache_is_bounded_by_what_it_holds() -> None:
    documents = store()
    size = 20_000
    for number in range(2 * CACHED_CHARACTERS // size):
        text = f"#{number:0{size}}\n{{ __typename }}"
        prepared = await documents.find(OperationRequest(query=text))
        assert prepared.size == len(text)
    held = sum(prepared.size for prepared in documents._cache.values())
    assert 0.9 * CACHED_CHARACTERS < held <= CACHED_CHARACTERS


async def test_g10_fields_that_shared_fragments_multiply_are_refused() -> None:
    # Ten operations, each within its limits, unfold one set of fragments twice at different places.
    body = "".join(f"...f{i} " for i in range(8))
    parts = [f"query q{i}{{a:me{{{body}}}b:me{{{body}}}}}" for i in range(10)]
    parts += [f"fragment f{i} on Viewer{{{'id ' * 70}}}" for i in range(8)]
    with pytest.raises(GraphQLError) as refused:
        await _prepare(Hostile("shared", "".join(parts)))
    assert (refused.value.extensions or {})["limit"] == "merged_fields"


async def test_g02_a_refusal_quotes_little_of_a_long_text() -> None:
    errors = await _prepare(Hostile("long", "{" + "a" * 20_000 + "}"))
    assert [len(error.message) for error in errors] == [501]


async def test_g02_a_syntax_error_keeps_its_place() -> None:
    with pytest.raises(GraphQLError) as refused:
        await _prepare(Hostile("wrong", '{\n  me { id "' + "x" * 5_000 + '" }}'))
    assert refused.value.formatted["locations"] == [{"line": 2, "column": 11}]
    assert len(refused.value.message) <= 501
