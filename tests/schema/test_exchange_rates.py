"""M40, O21: exchange rates over GraphQL."""

from __future__ import annotations

import httpx

from app.domain.permissions import StaffRole
from app.infra.clock import ManualClock
from tests.factories import email_of, graphql, make_operator, sign_in

ADMIN = "/admin/graphql"
IMPORT = (
    "mutation($input: ImportExchangeRatesInput!) { importExchangeRates(input: $input)"
    " { entered userErrors { code field } } }"
)
FOUND = (
    '{ exchangeRateOn(day: "2026-03-10", from: "USD", to: "RON")'
    " { rate way via day isEarlier legs { base currency rate source } } }"
)
MISSING = '{ exchangeRateOn(day: "2026-03-10", from: "USD", to: "GBP") { rate } }'
CSV = "day,base,currency,rate\n2026-03-09,EUR,RON,5\n2026-03-10,EUR,USD,1.25\n"


async def test_m40_a_rate_tells_how_it_was_found_and_none_is_null(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    finance = await make_operator(clock, role=StaffRole.FINANCE)
    token = await sign_in(client, await email_of(finance), endpoint=ADMIN)
    for _ in range(2):
        made = await graphql(client, IMPORT, {"input": {"csv": CSV}}, token=token, endpoint=ADMIN)
        assert made["data"]["importExchangeRates"]["userErrors"] == []

    found = await graphql(client, FOUND, token=token, endpoint=ADMIN)
    missing = await graphql(client, MISSING, token=token, endpoint=ADMIN)

    answer = found["data"]["exchangeRateOn"]
    assert [(leg["base"], leg["currency"], leg["source"]) for leg in answer.pop("legs")] == [
        ("EUR", "USD", "UPLOAD"),
        ("EUR", "RON", "UPLOAD"),
    ]
    assert answer == {
        "rate": "4",
        "way": "CROSS",
        "via": "EUR",
        "day": "2026-03-09",
        "isEarlier": True,
    }
    assert missing["data"] == {"exchangeRateOn": None}


async def test_o21_a_refused_line_is_named_in_user_errors(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    owner = await make_operator(clock)
    token = await sign_in(client, await email_of(owner), endpoint=ADMIN)

    values = {"csv": CSV + "2026-03-10,EUR,CAD,-1\n"}
    answer = await graphql(client, IMPORT, {"input": values}, token=token, endpoint=ADMIN)

    assert answer["data"]["importExchangeRates"] == {
        "entered": None,
        "userErrors": [{"code": "INVALID", "field": ["csv", "4", "rate"]}],
    }
