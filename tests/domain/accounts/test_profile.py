"""A65: one's own profile and preferences, as they are read and as they are changed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.infra.clock import ManualClock
from tests.domain.accounts.people import ask, change, code, event_types, make_owner, token_of

PREFERENCES = "{ me { name preferences { language timeZone reportCurrency mailPreferences { kind wanted } } } }"


async def _shown(client: httpx.AsyncClient, token: str) -> Any:
    return (await ask(client, PREFERENCES, by=token))["data"]["me"]


async def test_a65_mail_preferences_are_read_in_the_form_in_which_they_are_changed(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    kinds = ("news", "reports", "money")
    everything = [{"kind": kind, "wanted": True} for kind in kinds]
    assert (await _shown(client, token))["preferences"]["mailPreferences"] == everything
    for change_of in ({"news": False, "money": False}, {"money": True}, {"news": True}):
        before = (await _shown(client, token))["preferences"]["mailPreferences"]
        wanted = [item | {"wanted": change_of.get(item["kind"], item["wanted"])} for item in before]
        # What was read, changed and sent back as it is.
        done = await change(client, "updateProfile", by=token, mailPreferences=wanted)
        assert done["done"]
        assert (await _shown(client, token))["preferences"]["mailPreferences"] == wanted
    assert wanted == everything


async def test_a65_what_is_left_out_of_a_change_stays(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    first = {"name": "Paula Changed", "language": "de", "timeZone": "Europe/Berlin"}
    await change(client, "updateProfile", by=token, **first)
    await change(client, "updateProfile", by=token, reportCurrency="USD")
    only = [{"kind": "news", "wanted": False}]
    await change(client, "updateProfile", by=token, mailPreferences=only)
    shown = await _shown(client, token)
    assert shown["name"] == "Paula Changed"
    assert [item for item in shown["preferences"].pop("mailPreferences") if not item["wanted"]] == [
        {"kind": "news", "wanted": False}
    ]
    assert shown["preferences"] == {
        "language": "de",
        "timeZone": "Europe/Berlin",
        "reportCurrency": "USD",
    }
    assert (await event_types()).count("user.profile_updated") == 3


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"language": "xx"}, "language"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"name": " "}, "name"),
        ({"mailPreferences": [{"kind": "unlock", "wanted": False}]}, "mailPreferences"),
    ],
)
async def test_a65_a_value_that_cannot_be_is_refused_by_its_field_and_nothing_is_changed(
    values: dict[str, Any], field: str, client: httpx.AsyncClient, clock: ManualClock
) -> None:
    _, _, email = await make_owner(clock)
    token = await token_of(client, email)
    before = await _shown(client, token)
    refused = await change(client, "updateProfile", by=token, **({"language": "de"} | values))
    assert (code(refused), refused["userErrors"][0]["field"]) == ("INVALID", [field])
    assert await _shown(client, token) == before
