"""The npm `graphql-http` server audits against both endpoints (G01)."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Programme
from tests.clients.npm import run_scenario


@pytest.mark.parametrize("endpoint", ["partner", "admin"])
def test_all_61_audits_of_graphql_http_are_ok_g01(programme: Programme, endpoint: str) -> None:
    results = run_scenario("audits", "audit", url=f"{programme.address}/{endpoint}/graphql")

    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61
