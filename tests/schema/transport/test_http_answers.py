"""How the HTTP transport answers: media types, methods, parameters and headers (G02, G03)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.schema.transport.server import PATH

QUERY = "{ __typename }"
RESPONSE_JSON = "application/graphql-response+json; charset=utf-8"
JSON = "application/json; charset=utf-8"
EVENT_STREAM = "text/event-stream; charset=utf-8"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

ACCEPTED = (
    (None, JSON),
    ("", JSON),
    ("*/*", JSON),
    ("application/*", JSON),
    ("application/json", JSON),
    ("APPLICATION/JSON", JSON),
    ("application/json; charset=utf-8", JSON),
    ('application/json; charset="UTF-8"', JSON),
    ("application/json; profile=x", JSON),
    ("application/graphql-response+json", RESPONSE_JSON),
    (
        "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
        RESPONSE_JSON,
    ),
    ("application/graphql-response+json,application/json;q=0.9", RESPONSE_JSON),
    ("application/graphql-response+json, */*", RESPONSE_JSON),
    ("*/*, application/graphql-response+json", RESPONSE_JSON),
    ("application/json;q=0.4, application/graphql-response+json;q=0.5", RESPONSE_JSON),
    ("application/graphql-response+json;q=0.4, application/json;q=0.5", JSON),
    ("application/json;q=0, */*", RESPONSE_JSON),
    ("application/*;q=0.5, application/json;q=0", RESPONSE_JSON),
    ("text/html, application/json;q=0.1", JSON),
    ("application/xml, ,application/json", JSON),
    ("text/event-stream", EVENT_STREAM),
    ("text/event-stream, application/json;q=0.5", EVENT_STREAM),
    ("application/json, text/event-stream", JSON),
    ("text/event-stream;q=0, */*", JSON),
    (BROWSER, JSON),
)


@pytest.mark.parametrize(("accept", "media_type"), ACCEPTED, ids=str)
def test_the_answer_has_the_media_type_that_is_liked_best_g02(
    http: httpx.Client, accept: str | None, media_type: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    response = http.post(PATH, json={"query": QUERY}, headers=headers)

    assert (response.status_code, response.headers["content-type"]) == (200, media_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; profile=x",
    ],
)
def test_json_in_utf_8_is_read_however_it_is_declared_g02(
    http: httpx.Client, content_type: str
) -> None:
    body = json.dumps({"query": "{ __typename } # ăîșț €"}, ensure_ascii=False).encode()
    response = http.post(PATH, content=body, headers={"Content-Type": content_type})

    assert response.json()["data"] == {"__typename": "Query"}


def answered(http: httpx.Client, **parameters: Any) -> Any:
    return http.post(PATH, json=parameters).json().get("data")


def got(http: httpx.Client, **query: str) -> Any:
    return http.get(PATH, params=query, headers={"Accept": "application/json"}).json().get("data")


TWO = "query A { a: __typename } query B { b: __typename }"


def test_the_named_operation_runs_g02(http: httpx.Client) -> None:
    assert answered(http, query=TWO, operationName="B") == {"b": "Query"}


def test_null_parameters_are_as_left_out_g02(http: httpx.Client) -> None:
    parameters = {"operationName": None, "variables": None, "extensions": None}
    assert answered(http, query=QUERY, **parameters) == {"__typename": "Query"}


def test_unknown_parameters_are_ignored_g02(http: httpx.Client) -> None:
    assert answered(http, query=QUERY, id="x", extensions={"x": 1}) == {"__typename": "Query"}


def test_the_last_of_two_equal_keys_counts_g02(http: httpx.Client) -> None:
    body = b'{"query": "{ a: __typename }", "query": "{ b: __typename }"}'
    response = http.post(PATH, content=body, headers={"Content-Type": "application/json"})

    assert response.json()["data"] == {"b": "Query"}


def test_a_query_runs_by_url_g02(http: httpx.Client) -> None:
    assert got(http, query=QUERY) == {"__typename": "Query"}


def test_an_empty_operation_name_in_a_url_is_as_left_out_g02(http: httpx.Client) -> None:
    assert got(http, query=QUERY, operationName="", variables="", extensions="") == {
        "__typename": "Query"
    }


def test_null_in_a_url_is_the_name_of_an_operation_g02(http: httpx.Client) -> None:
    query = "query null { a: __typename } query B { b: __typename }"
    assert got(http, query=query, operationName="null") == {"a": "Query"}


def test_variables_travel_in_a_url_as_json_g02(http: httpx.Client) -> None:
    query = "query($yes: Boolean!) { __typename @include(if: $yes) }"
    assert got(http, query=query, variables='{"yes": true}') == {"__typename": "Query"}


def test_a_whole_number_keeps_its_digits_in_json_g03(http: httpx.Client) -> None:
    response = http.post(PATH, json={"query": QUERY})

    cost = response.json()["extensions"]["cost"]
    assert all(isinstance(value, int) for value in cost.values())


def test_no_cache_keeps_an_answer_g13(http: httpx.Client) -> None:
    response = http.get(PATH, params={"query": QUERY})

    assert (response.headers["cache-control"], response.headers["vary"]) == ("no-store", "Accept")


def test_a_clients_request_id_is_kept_in_errors_g02(http: httpx.Client) -> None:
    response = http.post(PATH, json={"query": "{"}, headers={"X-Request-Id": "my-request-1"})

    assert response.json()["errors"][0]["extensions"]["requestId"] == "my-request-1"


def test_another_path_below_the_endpoint_is_not_the_endpoint_g02(http: httpx.Client) -> None:
    assert http.post(f"{PATH}/x", json={"query": QUERY}).status_code == 404
