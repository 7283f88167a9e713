"""Servers and clients of the transport tests."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.schema.transport.server import served_programme


@pytest.fixture(scope="module")
def programme() -> Iterator[str]:
    """The address of a running server that the tests of a module share."""
    with served_programme() as address:
        yield address


@pytest.fixture
def http(programme: str) -> Iterator[httpx.Client]:
    """A plain client of the shared server, without any header of its own."""
    with httpx.Client(base_url=programme) as client:
        for name in ("accept", "accept-encoding", "user-agent"):
            del client.headers[name]
        yield client
