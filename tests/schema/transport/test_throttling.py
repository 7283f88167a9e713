"""Who asks for too much at once is told to wait (G11)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.schema.transport.server import PATH, served_programme

# Charged before it runs; nobody is signed in, so nothing is given back.
COSTLY = "{ brands(first: 90) { nodes { id name } } }"


@pytest.fixture
def poor() -> Iterator[httpx.Client]:
    """A client of a server that gives an anonymous caller 100, and 10 each second."""
    with (
        served_programme(anonymous_cost_capacity=100, anonymous_cost_restore_rate=1) as address,
        httpx.Client(base_url=address) as client,
    ):
        assert client.post(PATH, json={"query": COSTLY}).status_code == 200
        yield client


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
def test_past_the_allowance_the_answer_is_429_with_the_time_to_wait_g11(
    poor: httpx.Client, accept: str
) -> None:
    response = poor.post(PATH, json={"query": COSTLY}, headers={"Accept": accept})

    assert response.status_code == 429
    (error,) = response.json()["errors"]
    extensions = error["extensions"]
    assert extensions["code"] == "THROTTLED"
    cost = extensions["cost"]
    assert (cost["actual"], cost["capacity"], cost["restoreRate"]) == (0, 100, 1)
    assert cost["requested"] > cost["available"]
    assert extensions["retryAfterSeconds"] == int(response.headers["retry-after"])
    assert 0 < extensions["retryAfterSeconds"] <= 100


def test_a_throttled_event_stream_says_so_inside_g11(poor: httpx.Client) -> None:
    response = poor.post(PATH, json={"query": COSTLY}, headers={"Accept": "text/event-stream"})

    assert response.status_code == 200
    assert '"THROTTLED"' in response.text
    assert response.text.endswith("event: complete\ndata:\n\n")


def test_what_still_fits_runs_on_g11(poor: httpx.Client) -> None:
    assert poor.post(PATH, json={"query": "{ __typename }"}).status_code == 200


def test_the_cost_is_part_of_every_answer_g11(poor: httpx.Client) -> None:
    response = poor.post(PATH, json={"query": "{ __typename }"})

    cost = response.json()["extensions"]["cost"]
    assert set(cost) == {"requested", "actual", "available", "capacity", "restoreRate"}


def test_what_never_fits_is_not_told_to_wait_g11(poor: httpx.Client) -> None:
    never = (
        "{ brands(first: 100) { nodes { id landings: id } } promos(first: 100) { nodes { id } } }"
    )
    response = poor.post(PATH, json={"query": never})

    assert "retry-after" not in response.headers
    assert response.json()["errors"][0]["extensions"]["retryAfterSeconds"] is None
