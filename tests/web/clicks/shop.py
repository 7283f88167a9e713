"""A shop of the network for tests, and clicks on its links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx

from app.infra.clock import ManualClock
from app.models import (
    Brand,
    Partner,
)
from tests.factories import make_brand, make_partner

AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"}
FALLBACK = "http://127.0.0.1:8000/"


@dataclass(frozen=True, slots=True)
class Shop:
    """A program with a partner and no links yet."""

    brand: Brand
    partner: Partner

    @property
    def codes(self) -> dict[str, str]:
        return {"aff_code": self.partner.code, "unique": self.brand.code}


async def make_shop(clock: ManualClock, **columns: Any) -> Shop:
    values = {"main_url": "https://www.shop.example/", "domains": ["shop.example", "shop.test"]}
    brand = await make_brand(clock, **(values | columns))
    return Shop(brand, await make_partner(clock, brand))


async def click(client: httpx.AsyncClient, **parameters: str) -> httpx.Response:
    return await follow(client, urlencode(parameters))


async def follow(client: httpx.AsyncClient, query: str) -> httpx.Response:
    return await client.get(f"/events/click?{query}", headers=AGENT)


def sent_to(response: httpx.Response) -> tuple[str, dict[str, list[str]]]:
    """Where it leads without the query, and the query."""
    assert response.status_code == 302
    location = response.headers["location"]
    before, _, query = location.partition("?")
    return before, parse_qs(query, keep_blank_values=True, strict_parsing=True)
