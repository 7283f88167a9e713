"""The offer over GraphQL: what operators change, and what partners see of it (O01, O02)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.domain.permissions import StaffRole
from app.infra.clock import ManualClock
from app.schema.ids import encode_id
from tests.domain.accounts.people import change
from tests.factories import (
    World,
    email_of,
    graphql,
    make_operator,
    make_partner_user,
    make_world,
    sign_in,
)

ADMIN = "/admin/graphql"
ANNOUNCE = (
    "mutation($input: AnnounceBrandChangeInput!)"
    " { announceBrandChange(input: $input) { userErrors { code } } }"
)
CHANGES = "{ brandChanges(first: 5, filter: {pending: true}) { nodes { field before after effectiveAt } } }"
CAMPAIGNS = "{ campaigns(first: 5) { nodes { state stateReason account { name } } } }"
SETTINGS = (
    "{ brandSettings(first: 5) { nodes { stagParameter fundingBalance { amount currency } } } }"
)


async def _staff(client: httpx.AsyncClient, clock: ManualClock, role: StaffRole) -> str:
    operator = await make_operator(clock, role=role)
    return await sign_in(client, await email_of(operator), endpoint=ADMIN)


async def _partner(client: httpx.AsyncClient, world: World) -> str:
    user = await make_partner_user(world.partner, world.clock)
    return await sign_in(client, await email_of(user))


async def _nodes(answer: dict[str, Any], field: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = answer["data"][field]["nodes"]
    return nodes


async def test_o01_partners_see_an_announced_change_until_it_takes_effect(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    operator, partner = (
        await _staff(client, clock, StaffRole.OWNER),
        await _partner(client, world),
    )

    values = {
        "brandId": encode_id("Brand", world.brand.id),
        "field": "COOKIE_DAYS",
        "value": "45",
    }
    answer = await graphql(client, ANNOUNCE, {"input": values}, token=operator, endpoint=ADMIN)

    assert answer["data"]["announceBrandChange"]["userErrors"] == []
    seen = await _nodes(await graphql(client, CHANGES, token=partner), "brandChanges")
    assert seen == [
        {
            "field": "COOKIE_DAYS",
            "before": "30",
            "after": "45",
            "effectiveAt": "2026-03-17T22:00:00Z",
        }
    ]


async def test_o02_a_partner_reads_why_its_campaign_was_disabled(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    operator, partner = (
        await _staff(client, clock, StaffRole.AFFILIATE_MANAGER),
        await _partner(client, world),
    )

    await change(
        client,
        "disableCampaign",
        "campaign { id }",
        by=operator,
        schema="admin",
        campaignId=encode_id("Campaign", world.campaign.id),
        reason="misleading adverts",
    )

    (campaign,) = await _nodes(await graphql(client, CAMPAIGNS, token=partner), "campaigns")
    assert campaign == {
        "state": "DISABLED",
        "stateReason": "misleading adverts",
        "account": {"name": world.partner.name},
    }


@pytest.mark.parametrize(
    ("role", "balance"),
    [
        (StaffRole.FINANCE, {"amount": "0.00", "currency": "EUR"}),
        (StaffRole.CONTENT, None),
    ],
)
async def test_o01_a_balance_is_shown_to_those_who_may_read_it(
    client: httpx.AsyncClient, clock: ManualClock, role: StaffRole, balance: Any
) -> None:
    await make_world(clock)
    token = await _staff(client, clock, role)

    answer = await graphql(client, SETTINGS, token=token, endpoint=ADMIN)

    assert await _nodes(answer, "brandSettings") == [
        {"stagParameter": "stag", "fundingBalance": balance}
    ]


async def test_o01_a_refused_edit_names_its_field_and_the_place(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    world = await make_world(clock)
    operator = await _staff(client, clock, StaffRole.OWNER)

    refused = await change(
        client,
        "editBrand",
        "settings { id }",
        by=operator,
        schema="admin",
        brandId=encode_id("Brand", world.brand.id),
        redirectArguments=[{"name": "a", "template": "x%%partner%%"}],
    )

    (error,) = refused["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["redirectArguments"])
    assert "argument 1 (a): %%partner%% at character 2 is unknown" in error["message"]
