"""What the HTTP transport refuses, beyond the audits of `graphql-http` (G02)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.schema.transport.server import PATH

QUERY = "{ __typename }"
SUBSCRIPTION = "subscription { ticks(count: 1) { number } }"
RESPONSE_JSON = "application/graphql-response+json"
JSON_BODY = {"Content-Type": "application/json", "Accept": RESPONSE_JSON}
GOOD = json.dumps({"query": QUERY}).encode()


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and how it is refused."""

    fact: str
    status: int
    code: str
    method: str = "POST"
    body: bytes | None = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON_BODY))


def post(fact: str, body: bytes | str, *, status: int = 400, code: str = "BAD_REQUEST") -> Case:
    return Case(fact, status, code, body=body.encode() if isinstance(body, str) else body)


def ask(fact: str, code: str, status: int = 400, **parameters: Any) -> Case:
    return Case(fact, status, code, body=json.dumps(parameters).encode())


def get(fact: str, code: str = "BAD_REQUEST", status: int = 400, **query: str) -> Case:
    return Case(fact, status, code, "GET", query=query, headers={"Accept": RESPONSE_JSON})


def sent(fact: str, status: int, code: str, **headers: str) -> Case:
    """A good POST with other headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Case(fact, status, code, body=GOOD, headers=JSON_BODY | named)


TWO = "query A { __typename } query B { __typename }"
CASES = (
    # Bodies that are no request.
    post("an empty body", b""),
    post("a body that is no JSON", "NONSENSE"),
    post("a body that ends in the middle", '{"query":'),
    post("two documents after each other", GOOD + GOOD),
    post("a string", '"abc"'),
    post("null", "null"),
    post("true", "true"),
    post("a number", "12"),
    post("an array of numbers", "[1,2]"),
    post("a batch of requests", b"[" + GOOD + b"]"),
    post("an object without a query", "{}"),
    post("NaN", '{"query": "{ __typename }", "variables": {"a": NaN}}'),
    post("Infinity", '{"query": "{ __typename }", "variables": {"a": -Infinity}}'),
    post("a million opening brackets", "[" * 1_000_000),
    post("a million opening objects", '{"a":' * 200_000),
    post(
        "variables nested a hundred levels deep",
        '{"query": "{ __typename }", "variables": {"a": ' + "[" * 100 + "]" * 100 + "}}",
    ),
    post(
        "a number with 5,000 digits", f'{{"query": "{QUERY}", "variables": {{"a": {"9" * 5000}}}}}'
    ),
    post(
        "a number with a huge exponent",
        '{"query": "{ __typename }", "variables": {"a": 1e99999999999999999999}}',
    ),
    post("half of a surrogate pair in the query", r'{"query": "{ __typename } # \ud800"}'),
    post(
        "half of a surrogate pair in a variable",
        r'{"query": "{ __typename }", "variables": {"a": ["\udfff"]}}',
    ),
    post(
        "half of a surrogate pair in a variable's name",
        r'{"query": "{ __typename }", "variables": {"\ud800": 1}}',
    ),
    post("bytes that are no UTF-8", b'{"query": "{ __typename } # \xff"}'),
    post("UTF-8 with a byte order mark", b"\xef\xbb\xbf" + GOOD),
    post("UTF-16", GOOD.decode().encode("utf-16")),
    # Parameters of a wrong kind.
    ask("a query that is a number", "BAD_REQUEST", query=1),
    ask("variables that are a list", "BAD_REQUEST", query=QUERY, variables=[7]),
    ask("variables that are a string", "BAD_REQUEST", query=QUERY, variables="{}"),
    ask("extensions that are a list", "BAD_REQUEST", query=QUERY, extensions=[]),
    ask("an operation name that is a number", "BAD_REQUEST", query=QUERY, operationName=1),
    ask("a document id that is no hash", "BAD_REQUEST", documentId="sha256:xyz"),
    ask("both a query and a document id", "BAD_REQUEST", query=QUERY, documentId="0" * 64),
    ask(
        "a persisted query of another version",
        "BAD_REQUEST",
        extensions={"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}},
    ),
    # Documents that cannot run.
    ask("an empty query", "INVALID_REQUEST", query=""),
    ask("a document that does not parse", "INVALID_REQUEST", query="{"),
    ask("a document that is not valid", "INVALID_REQUEST", query="{ nothingOfThisName }"),
    ask(
        "a document of fragments only",
        "OPERATION_UNRESOLVED",
        query="fragment F on Query { __typename }",
    ),
    ask("two operations and no name", "OPERATION_UNRESOLVED", query=TWO),
    ask("two operations and an empty name", "OPERATION_UNRESOLVED", query=TWO, operationName=""),
    ask("a name that no operation has", "OPERATION_UNRESOLVED", query=TWO, operationName="C"),
    ask(
        "a variable of a wrong type",
        "INVALID_REQUEST",
        query="query($n: Int!) { brands(first: $n) { totalCount } }",
        variables={"n": "x"},
    ),
    ask("an unknown document id", "DOCUMENT_NOT_FOUND", documentId="sha256:" + "0" * 64),
    ask("a subscription by a plain POST", "SUBSCRIPTION_NEEDS_STREAM", query=SUBSCRIPTION),
    # The same by URL.
    get("a URL without a query", operationName="A"),
    get("variables in a URL that are no JSON", query=QUERY, variables="{"),
    get("variables in a URL that are no object", query=QUERY, variables="[7]"),
    get("extensions in a URL that are no JSON", query=QUERY, extensions="nonsense"),
    get("a subscription by a plain GET", "SUBSCRIPTION_NEEDS_STREAM", query=SUBSCRIPTION),
    get("a mutation by GET", "METHOD_NOT_ALLOWED", 405, query="mutation { logout { ended } }"),
    get(
        "one of two operations by GET that is a mutation",
        "METHOD_NOT_ALLOWED",
        405,
        query="query A { __typename } mutation B { logout { ended } }",
        operationName="B",
    ),
    # Methods.
    *(
        Case(f"the method {method}", 405, "METHOD_NOT_ALLOWED", method, body=GOOD)
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
    ),
    # Media types and encodings of the request.
    Case(
        "a POST without a content type",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        body=GOOD,
        headers={"Accept": RESPONSE_JSON},
    ),
    *(
        sent(f"a body of the type {kind}", 415, "UNSUPPORTED_MEDIA_TYPE", Content_Type=kind)
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/graphql",
            "application/jsonp",
            "application/json; charset=utf-16",
            'application/json; charset="latin1"',
            "json",
            ";",
        )
    ),
    *(
        sent(
            f"a body with the encoding {encoding}",
            415,
            "UNSUPPORTED_ENCODING",
            Content_Encoding=encoding,
        )
        for encoding in ("gzip", "br", "identity, gzip", "nonsense")
    ),
    Case(
        "a compressed body",
        415,
        "UNSUPPORTED_ENCODING",
        body=gzip.compress(GOOD),
        headers=JSON_BODY | {"Content-Encoding": "gzip"},
    ),
    post("a body over 1 MiB", GOOD + b" " * 1024 * 1024, status=413, code="BODY_TOO_LARGE"),
    # Media types of the answer.
    *(
        sent(f"who accepts only {accept}", 406, "NOT_ACCEPTABLE", Accept=accept)
        for accept in (
            "text/html",
            "text/plain",
            "image/*",
            "text/*",
            "application/xml",
            "application/json;q=0",
            "*/*;q=0",
            "application/json; charset=latin1",
            "application/json;q=nan",
            "application/json;q=2",
            "nonsense",
            ",",
            ";q=1",
        )
    ),
)


def send(http: httpx.Client, case: Case) -> httpx.Response:
    return http.request(
        case.method, PATH, content=case.body, params=case.query or None, headers=case.headers
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fact)
def test_a_refusal_has_its_status_and_code_g02(http: httpx.Client, case: Case) -> None:
    response = send(http, case)

    assert response.status_code == case.status, response.text
    body = response.json()
    assert body["errors"][0]["extensions"]["code"] == case.code, body
    # No data: nothing ran (G01).
    assert "data" not in body
    # JSON that names the request and leaks nothing.
    media_type = response.headers["content-type"].removesuffix("; charset=utf-8")
    assert media_type in {"application/json", RESPONSE_JSON}
    for error in body["errors"]:
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert error["message"]
    for internal in ("Traceback", "graphql.", ".py", "Decimal("):
        assert internal not in response.text


def chunks() -> Iterator[bytes]:
    for _ in range(24):
        yield b" " * 64 * 1024


def test_a_body_that_does_not_tell_its_length_is_cut_at_1_mib_g02(http: httpx.Client) -> None:
    response = http.post(PATH, content=chunks(), headers=JSON_BODY)

    assert response.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_a_wrong_method_is_told_the_right_ones_g02(http: httpx.Client, method: str) -> None:
    response = http.request(method, PATH, headers=JSON_BODY)

    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


def test_a_mutation_by_get_is_told_to_post_g02(http: httpx.Client) -> None:
    response = http.get(PATH, params={"query": "mutation { logout { ended } }"})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_compressed_body_is_told_to_come_plain_g02(http: httpx.Client) -> None:
    response = http.post(PATH, content=GOOD, headers=JSON_BODY | {"Content-Encoding": "gzip"})

    assert response.headers["accept-encoding"] == "identity"


def test_an_ambiguous_document_is_told_the_names_to_choose_from_g02(http: httpx.Client) -> None:
    response = http.post(PATH, json={"query": TWO})

    assert "(A, B)" in response.json()["errors"][0]["message"]


def test_the_message_of_the_validation_is_shown_g02(http: httpx.Client) -> None:
    response = http.post(PATH, json={"query": "{ nothingOfThisName }"})

    message = response.json()["errors"][0]["message"]
    assert message == "Cannot query field 'nothingOfThisName' on type 'Query'."


def test_a_syntax_error_is_told_with_its_place_g02(http: httpx.Client) -> None:
    response = http.post(PATH, json={"query": "{ me { email }"})

    (error,) = response.json()["errors"]
    assert (error["message"], error["locations"]) == (
        "Syntax Error: Expected Name, found <EOF>.",
        [{"line": 1, "column": 15}],
    )


@pytest.mark.parametrize(
    "query",
    ["{", "{ nothingOfThisName }", TWO, "query($n: Int!) { brands(first: $n) { totalCount } }"],
    ids=["no syntax", "not valid", "ambiguous", "a variable is missing"],
)
def test_application_json_says_200_to_every_well_formed_request_g01(
    http: httpx.Client, query: str
) -> None:
    response = http.post(PATH, json={"query": query}, headers={"Accept": "application/json"})

    assert response.status_code == 200
    assert "data" not in response.json()


def test_a_failed_field_is_no_failed_request_g01(http: httpx.Client) -> None:
    response = http.post(
        PATH, json={"query": "{ me { email } }"}, headers={"Accept": RESPONSE_JSON}
    )

    body = response.json()
    assert (response.status_code, body["data"]) == (200, None)
    assert body["errors"][0]["path"] == ["me"]
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
