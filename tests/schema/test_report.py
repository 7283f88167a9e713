"""G22: a report answers what its groupings say, and tells when a selection does not fit them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from strawberry.utils.str_converters import to_camel_case

from app.domain.activity.record import record_activity
from app.domain.events import place_recordings
from app.domain.reports.metrics import FORMULA_METRICS, METRICS
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.models import Brand, Promo, Visit
from app.schema.ids import encode_id
from graphql import GraphQLObjectType
from tests.conftest import NOW
from tests.factories import brand_scope, day_interval, make_visits
from tests.schema.builder import SCHEMAS
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
    "TRAFFIC_SOURCE": "trafficSource { name }",
    "PLAYER": "playerId",
    "DEVICE": "device",
    "CURRENCY": "currency",
    "HOUR": "hour",
    **{
        f"{cohort}_{unit}": f"{name}{unit.title()}"
        for cohort, name in (("SIGN_UP_AT", "signUpAt"), ("FIRST_DEPOSIT", "firstDeposit"))
        for unit in ("DAY", "WEEK", "MONTH", "YEAR")
    },
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


@pytest.mark.parametrize("line", ["ReportRow", "ReportTotals"])
@pytest.mark.parametrize("name", METRICS)
def test_w1_every_metric_of_the_registry_is_a_field_that_says_how_it_is_made(
    name: str, line: str
) -> None:
    for schema in SCHEMAS.values():
        type_ = schema.get_type(line)
        assert isinstance(type_, GraphQLObjectType)
        description = type_.fields[to_camel_case(name)].description or ""
        metric = METRICS[name]
        assert description.startswith(metric.description)
        assert f"Placed by {metric.placed_by}." in description
        if name in FORMULA_METRICS:
            assert f"Formula: {FORMULA_METRICS[name].formula}." in description


async def test_w1_partners_read_amounts_and_ratios_of_each_currency(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    promo = await Promo.get(id=programme.own.rows["Promo"][0])
    (visit_id,) = await make_visits(promo, clock)
    brand = await Brand.get(id=(await Visit.get(id=visit_id)).brand_id)
    tag = f"{promo.id}_{visit_id}"
    clock.advance(timedelta(days=1))
    day = day_interval(NOW + timedelta(hours=10))
    for currency, bonuses in (("EUR", "1.00"), ("RON", "2.00")):
        item = {
            "user_id": "someone",
            "tag": tag,
            "currency": currency,
            "casino_total_bets_sum": "13.00",
            "casino_total_wins_sum": "10.00",
            "bonus_issues_sum": bonuses,
            "casino_balance_corrections_sum": "4.00",
        }
        scope = brand_scope(brand, clock)
        (result,) = await record_activity(scope, brand.id, day["from"], day["to"], [item])
        assert result.error is None
    token = await programme.token("partner", "owner")
    selection = """
      realNgr { amount currency } casinoBonusRatio { ratio currency }
      averageDepositAmount { amount } averageDepositsCount
    """

    answer = await ask(
        client,
        "partner",
        REPORT.replace("visitsCount", selection) % "day",
        token,
        {"groupBy": ["DAY"]},
    )

    assert answer["data"]["performanceReport"]["totals"] == {
        "realNgr": [
            {"amount": "-2.00", "currency": "EUR"},
            {"amount": "-3.00", "currency": "RON"},
        ],
        "casinoBonusRatio": [
            {"ratio": "0.333333", "currency": "EUR"},
            {"ratio": "0.666667", "currency": "RON"},
        ],
        "averageDepositAmount": [],
        "averageDepositsCount": None,
    }


async def test_a31_a_dynamic_tag_groups_and_filters_in_both_schemas(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    promo = await Promo.get(id=programme.own.rows["Promo"][0])
    await make_visits(promo, clock, 2, b"clickID=x")
    await make_visits(promo, clock, 1, b"clickID=y")
    await make_visits(promo, clock, 4)
    document = """
    query($tags: [DynamicTagInput!]) {
      performanceReport(input: { from: "2026-03-10", to: "2026-03-10", groupByTags: ["clickID"],
                                 filter: { promoIds: [PROMO], tagsExclude: $tags } }) {
        rows { dynamicTag(name: "clickID") visitsCount }
      }
    }
    """.replace("PROMO", f'"{encode_id("Promo", promo.id)}"')
    expected = [("x", 2), ("y", 1), (None, 4)]
    for audience, role in (("partner", "owner"), ("admin", "owner")):
        token = await programme.token(audience, role)
        for tags, rows in (([], expected), ([{"name": "clickID", "value": "x"}], expected[1:])):
            answer = await ask(client, audience, document, token, {"tags": tags})
            found = answer["data"]["performanceReport"]["rows"]
            assert [(row["dynamicTag"], row["visitsCount"]) for row in found] == rows


async def test_x03_a_report_is_asked_as_it_was_known_and_never_of_the_future(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    promo = await Promo.get(id=programme.own.rows["Promo"][0])
    token = await programme.token("partner", "owner")
    document = """
    query($at: DateTime) {
      performanceReport(input: { from: "2026-03-10", to: "2026-03-10", asKnownAt: $at }) { totals { visitsCount } }
    }
    """

    async def visits(at: datetime | None) -> Any:
        variables = {"at": at.isoformat() if at else None}
        answer = await ask(client, "partner", document, token, variables)
        if "errors" in answer:
            return answer["errors"][0]
        return answer["data"]["performanceReport"]["totals"]["visitsCount"]

    system = Scope.system(clock, "test")
    await make_visits(promo, clock, 3)
    await place_recordings(system)
    first = clock.now()
    clock.advance(timedelta(minutes=1))
    await make_visits(promo, clock, 2)
    await place_recordings(system)

    assert await visits(None) == 5
    assert await visits(first) == 3
    assert await visits(first - timedelta(days=1)) == 0
    refusal = await visits(clock.now() + timedelta(seconds=1))
    assert refusal["extensions"]["code"] == "INVALID"
    assert "has not come yet" in refusal["message"]


async def test_a31_operators_group_and_filter_by_partner_and_partners_do_not(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    programme = await make_programme(clock)
    for tenant, count in ((programme.own, 3), (programme.foreign, 2)):
        promo = await Promo.get(id=tenant.rows["Promo"][0])
        await make_visits(promo, clock, count)
    document = """
    query($filter: ReportFilterInput) {
      performanceReport(
        input: { from: "2026-03-10", to: "2026-03-10", groupBy: [PARTNER], filter: $filter }
      ) { rows { partner { id } visitsCount } totals { visitsCount } }
    }
    """
    token = await programme.token("admin", "owner")
    answer = await ask(client, "admin", document, token, {})
    rows = answer["data"]["performanceReport"]["rows"]
    counts = {row["partner"]["id"]: row["visitsCount"] for row in rows if row["visitsCount"]}
    assert sorted(counts.values()) == [2, 3]

    chosen = min(counts, key=lambda partner: counts[partner])
    answer = await ask(client, "admin", document, token, {"filter": {"partnerIds": [chosen]}})
    report = answer["data"]["performanceReport"]
    assert [row["partner"]["id"] for row in report["rows"]] == [chosen]
    assert report["totals"]["visitsCount"] == 2

    refused = await ask(client, "partner", document, await programme.token("partner", "owner"), {})
    assert "PARTNER" in refused["errors"][0]["message"]
