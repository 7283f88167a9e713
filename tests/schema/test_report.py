"""G22: a report answers what its groupings say, and tells when a selection does not fit them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from app.models import Promo
from tests.factories import make_visits
from tests.schema.programme import Programme, ask, make_programme

REPORT = """
query($groupBy: [ReportGrouping!]) {
  performanceReport(input: { from: "2026-03-01", to: "2026-03-31", groupBy: $groupBy }) {
    rows { %s }
    totals { visitsCount }
  }
}
"""

KEYS = {
    "BRAND": "brand { name }",
    "CAMPAIGN": "campaign { name }",
    "PROMO": "promo { title }",
    "STRATEGY": "strategy { name }",
    "PLAYER_COUNTRY": "playerCountry",
    "DAY": "day",
    "WEEK": "week",
    "MONTH": "month",
    "QUARTER": "quarter",
    "YEAR": "year",
}


async def _report(
    client: httpx.AsyncClient, clock: ManualClock, selection: str, *group_by: str
) -> dict[str, Any]:
    programme = await make_programme(clock)
    await _visits(programme, clock)
    token = await programme.token("partner", "owner")
    document = REPORT % selection
    return await ask(client, "partner", document, token, {"groupBy": list(group_by)})


async def _visits(programme: Programme, clock: ManualClock) -> None:
    promo = await Promo.get(id=programme.own.rows["Promo"][0])
    await make_visits(promo, clock, 3)


@pytest.mark.parametrize("grouping", sorted(KEYS))
async def test_g22_a_grouping_that_is_asked_for_is_answered(
    grouping: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    answer = await _report(client, clock, KEYS[grouping], grouping)
    assert "errors" not in answer
    assert len(answer["data"]["performanceReport"]["rows"]) == 1


@pytest.mark.parametrize("grouping", sorted(KEYS))
async def test_g22_selecting_a_grouping_that_was_not_asked_for_is_an_error_naming_it(
    grouping: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    other = "BRAND" if grouping != "BRAND" else "CAMPAIGN"
    answer = await _report(client, clock, KEYS[grouping], other)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INVALID"
    assert error["message"] == (f"the report is not grouped by {grouping}: add it to groupBy")


async def test_g22_totals_have_a_selection_of_their_own(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    answer = await _report(client, clock, "day", "DAY")
    report = answer["data"]["performanceReport"]
    assert report == {"rows": [{"day": "2026-03-10"}], "totals": {"visitsCount": 3}}
