"""One running server for the clients of a module, and a session on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.factories import LOGIN, PASSWORD
from tests.schema.transport.server import PARTNER_EMAIL, PATH, served_programme


@dataclass(frozen=True, slots=True)
class Programme:
    """Where the server is, and a partner's session on it."""

    address: str
    token: str

    @property
    def url(self) -> str:
        """The partner endpoint."""
        return f"{self.address}{PATH}"


@pytest.fixture(scope="module")
def programme() -> Iterator[Programme]:
    """The whole application, running, with one partner who is signed in."""
    with served_programme() as address:
        variables = {"input": {"email": PARTNER_EMAIL, "password": PASSWORD}}
        body = {"query": LOGIN, "variables": variables}
        answer = httpx.post(f"{address}{PATH}", json=body).json()
        yield Programme(address, answer["data"]["login"]["token"])
