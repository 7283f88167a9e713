"""Documents by hash: shipped with the server, or registered by Apollo's automatic persisted queries (G14, G30)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.main import create_app
from app.schema.execution.documents import hash_document
from app.schema.execution.endpoint import OPERATIONS
from app.settings import Settings, load_settings
from tests.conftest import NOW
from tests.factories import SECRET_KEY
from tests.schema.transport.server import PATH, Door, make_door

QUERY = "query Once { __typename }"
SHIPPED = (OPERATIONS / "partner" / "me.graphql").read_text()
SHIPPED_ID = f"sha256:{hash_document(SHIPPED)}"
DATABASE = "postgres://nobody@127.0.0.1:1/none"


@pytest.fixture
def process(redis_url: str) -> Settings:
    """Settings of a process that is asked nothing from the database."""
    return load_settings(database_url=DATABASE, redis_url=redis_url, secret_keys=SECRET_KEY)


@pytest.fixture
def door(process: Settings) -> Door:
    """The partner endpoint in such a process."""
    return make_door(process, ManualClock(NOW))


def client_of(application: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://tributary.test")


async def post(door: Door, **parameters: Any) -> Any:
    async with client_of(door.application) as client:
        return (await client.post(PATH, json=parameters)).json()


def hashed(query: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_document(query)}}


def code(answer: Any) -> str:
    (error,) = answer["errors"]
    return str(error["extensions"]["code"])


async def test_a_document_is_parsed_validated_and_measured_once_g14(door: Door) -> None:
    for _ in range(3):
        assert (await post(door, query=QUERY))["data"] == {"__typename": "Query"}

    counters = door.endpoint.documents.counters
    assert (counters.parsed, counters.validated, counters.analysed) == (1, 1, 1)


async def test_an_invalid_document_is_validated_once_g14(door: Door) -> None:
    for _ in range(3):
        assert code(await post(door, query="{ nothingOfThisName }")) == "INVALID_REQUEST"

    counters = door.endpoint.documents.counters
    assert (counters.parsed, counters.validated) == (1, 1)


async def test_other_variables_measure_a_document_anew_and_parse_it_not_g14(door: Door) -> None:
    query = "query($first: Int!) { brands(first: $first) { totalCount } }"
    for first in (1, 2, 1, 2):
        await post(door, query=query, variables={"first": first})

    counters = door.endpoint.documents.counters
    assert (counters.parsed, counters.validated, counters.analysed) == (1, 1, 2)


async def test_by_hash_or_by_text_it_is_the_same_document_g14(door: Door) -> None:
    await post(door, query=SHIPPED)
    await post(door, documentId=SHIPPED_ID)
    await post(door, extensions=hashed(SHIPPED))

    assert door.endpoint.documents.counters.parsed == 1


async def test_a_shipped_document_runs_by_its_id_g30(door: Door) -> None:
    assert code(await post(door, documentId=SHIPPED_ID)) == "UNAUTHENTICATED"


async def test_a_shipped_document_runs_by_its_id_in_the_url_g30(door: Door) -> None:
    async with client_of(door.application) as client:
        answer = (await client.get(PATH, params={"documentId": SHIPPED_ID})).json()

    assert code(answer) == "UNAUTHENTICATED"


async def test_the_operation_of_a_shipped_document_may_be_named_g30(door: Door) -> None:
    assert code(await post(door, documentId=SHIPPED_ID, operationName="Me")) == "UNAUTHENTICATED"


async def test_a_shipped_mutation_does_not_run_by_get_g30(door: Door) -> None:
    text = (OPERATIONS / "partner" / "logout.graphql").read_text()
    async with client_of(door.application) as client:
        response = await client.get(PATH, params={"documentId": f"sha256:{hash_document(text)}"})

    assert response.status_code == 405


async def test_an_unknown_document_id_is_not_found_g30(door: Door) -> None:
    assert code(await post(door, documentId="sha256:" + "0" * 64)) == "DOCUMENT_NOT_FOUND"


async def test_a_document_of_the_other_schema_is_not_found_g30(door: Door) -> None:
    text = (OPERATIONS / "admin" / "partners.graphql").read_text()

    answer = await post(door, documentId=f"sha256:{hash_document(text)}")

    assert code(answer) == "DOCUMENT_NOT_FOUND"


async def test_an_unknown_hash_asks_for_the_text_in_apollos_words_g30(door: Door) -> None:
    (error,) = (await post(door, extensions=hashed(QUERY)))["errors"]

    assert error["message"] == "PersistedQueryNotFound"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_hash_that_is_not_that_of_the_text_is_refused_g30(door: Door) -> None:
    answer = await post(door, query=QUERY, extensions=hashed("{ other: __typename }"))

    assert code(answer) == "PERSISTED_QUERY_HASH_MISMATCH"


async def test_a_registered_query_runs_by_its_hash_alone_g30(door: Door) -> None:
    await post(door, query=QUERY, extensions=hashed(QUERY))

    answer = await post(door, extensions=hashed(QUERY))

    assert answer["data"] == {"__typename": "Query"}


async def test_a_query_is_registered_by_its_hash_in_a_url_too_g30(door: Door) -> None:
    extensions = json.dumps(hashed(QUERY))
    async with client_of(door.application) as client:
        await client.get(PATH, params={"query": QUERY, "extensions": extensions})
        answer = (await client.get(PATH, params={"extensions": extensions})).json()

    assert answer["data"] == {"__typename": "Query"}


async def test_another_process_knows_a_registered_query_g30(door: Door, process: Settings) -> None:
    await post(door, query=QUERY, extensions=hashed(QUERY))
    other = make_door(process, ManualClock(NOW))

    answer = await post(other, extensions=hashed(QUERY))

    assert answer["data"] == {"__typename": "Query"}


async def test_a_query_without_hash_is_not_registered_g30(door: Door) -> None:
    await post(door, query=QUERY)

    assert code(await post(door, extensions=hashed(QUERY))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("query", ["{", "{ nothingOfThisName }"])
async def test_a_document_that_is_not_valid_is_not_registered_g30(door: Door, query: str) -> None:
    await post(door, query=query, extensions=hashed(query))

    assert code(await post(door, extensions=hashed(query))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.fixture
def without_redis(process: Settings, tmp_path: Any) -> Door:
    """A process that does not reach Redis."""
    away = process.model_copy(update={"redis_url": f"unix://{tmp_path}/none.sock"})
    return make_door(away, ManualClock(NOW))


async def test_without_redis_a_text_still_runs_with_its_hash_g30(without_redis: Door) -> None:
    answer = await post(without_redis, query=QUERY, extensions=hashed(QUERY))

    assert answer["data"] == {"__typename": "Query"}


async def test_without_redis_a_hash_alone_asks_for_the_text_g30(without_redis: Door) -> None:
    answer = await post(without_redis, extensions=hashed(QUERY))

    assert code(answer) == "PERSISTED_QUERY_NOT_FOUND"


async def test_without_redis_a_shipped_document_still_runs_by_its_id_g30(
    without_redis: Door,
) -> None:
    assert code(await post(without_redis, documentId=SHIPPED_ID)) == "UNAUTHENTICATED"


@pytest.fixture
def strict(process: Settings) -> Door:
    """The partner endpoint, which runs trusted documents only."""
    settings = process.model_copy(update={"trusted_documents_only": ("partner",)})
    return make_door(settings, ManualClock(NOW))


async def test_only_trusted_documents_a_text_is_refused_g30(strict: Door) -> None:
    assert code(await post(strict, query=QUERY)) == "DOCUMENT_NOT_TRUSTED"


async def test_only_trusted_documents_a_shipped_id_runs_g30(strict: Door) -> None:
    assert code(await post(strict, documentId=SHIPPED_ID)) == "UNAUTHENTICATED"


async def test_only_trusted_documents_the_text_of_a_shipped_one_runs_g30(strict: Door) -> None:
    assert code(await post(strict, query=SHIPPED)) == "UNAUTHENTICATED"


async def test_only_trusted_documents_a_query_cannot_be_registered_g30(
    strict: Door, door: Door
) -> None:
    assert code(await post(strict, query=QUERY, extensions=hashed(QUERY))) == "DOCUMENT_NOT_TRUSTED"
    # Not even by a process that allows it.
    await post(door, query=QUERY, extensions=hashed(QUERY))
    assert code(await post(strict, extensions=hashed(QUERY))) == "DOCUMENT_NOT_TRUSTED"


async def test_only_trusted_documents_holds_for_the_named_schema_alone_g30(
    process: Settings,
) -> None:
    settings = process.model_copy(update={"trusted_documents_only": ("partner",)})
    async with client_of(create_app(settings, ManualClock(NOW))) as client:
        answer = (await client.post("/admin/graphql", json={"query": QUERY})).json()

    assert answer["data"] == {"__typename": "Query"}
