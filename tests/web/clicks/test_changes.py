"""Links are kept in memory, and clicks follow every change of a row that they were made of (A07, A10, M1D)."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from app.domain.scope import Scope
from app.domain.visits.network_promo import open_network_promo
from app.infra.clock import ManualClock
from app.infra.database import credentials, require_url
from app.models import (
    Affiliation,
    Brand,
    Campaign,
    CommissionPlan,
    Landing,
    Partner,
    PlanAssignment,
    Promo,
    Visit,
)
from app.settings import Settings
from tests.domain.banners.gallery import make_banner
from tests.factories import make_brand, make_partner, make_promo

AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0)"}
ARGUMENTS = [
    ["who", "%%affiliate_name%%"],
    ["code", "%%affiliate_code%%"],
    ["campaign", "%%campaign_name%%"],
    ["brand", "%%brand_name%%"],
]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a click has led to, and what was recorded of it."""

    location: str
    visit: Visit | None

    @property
    def path(self) -> str:
        return urlsplit(self.location).path

    @property
    def is_fallback(self) -> bool:
        return self.location == "http://127.0.0.1:8000/"

    def query(self, name: str) -> str | None:
        return parse_qs(urlsplit(self.location).query).get(name, [None])[0]

    def column(self, name: str) -> Any:
        return getattr(self.visit, name) if self.visit else None


@dataclass(frozen=True, slots=True)
class Offer:
    """A promo, a banner of the same brand, and a second plan, landing and code to change to."""

    brand: Brand
    partner: Partner
    promo: Promo
    values: dict[str, Any]
    ids: dict[str, int]


async def make_offer(clock: ManualClock) -> Offer:
    brand = await make_brand(
        clock,
        main_url="https://www.shop.example/",
        redirect_arguments=ARGUMENTS,
        time_zone="UTC",
    )
    partner = await make_partner(clock, brand)
    campaign, promo = await make_promo(partner, brand, clock)
    banner = await make_banner(brand, clock, code="oldbanner")
    plan = await CommissionPlan.create(brand=brand, name="Another", created_at=clock.now())
    landing = await Landing.create(
        brand=brand, title="B", url="https://shop.example/b", created_at=clock.now()
    )
    affiliation = await Affiliation.get(partner_id=partner.id)
    values = {
        "promo": promo.code,
        "partner": partner.code,
        "plan": plan.id,
        "landing": landing.id,
        "banner": banner.id,
    }
    ids = {
        "promos": promo.id,
        "landings": promo.landing_id,
        "campaigns": campaign.id,
        "partners": partner.id,
        "affiliations": affiliation.id,
        "banners": banner.id,
        "brands": brand.id,
    }
    return Offer(brand, partner, promo, values, ids)


PROMO = "/{promo}"
NETWORK = "/events/click?aff_code={partner}&unique=oldbanner&ad_type=banner"
PAGE = f"{NETWORK}&redirect_to=https://other.example/p"

# Table and column; what it becomes (`{name}` is one of the offer's values); which link; what shows the change.
CHANGES: dict[tuple[str, str], tuple[Any, str, Callable[[Seen], Any], Any]] = {
    ("promos", "code"): ("newcode22", "/newcode22", lambda seen: seen.path, "/welcome"),
    ("promos", "landing_id"): ("{landing}", PROMO, lambda seen: seen.path, "/b"),
    ("promos", "banner_id"): (
        "{banner}",
        PROMO,
        lambda seen: str(seen.column("banner_id")),
        "{banner}",
    ),
    ("landings", "url"): ("https://brand.example/c", PROMO, lambda seen: seen.path, "/c"),
    ("campaigns", "state"): ("disabled", PROMO, lambda seen: seen.is_fallback, True),
    ("campaigns", "plan_id"): (
        "{plan}",
        PROMO,
        lambda seen: str(seen.column("plan_id")),
        "{plan}",
    ),
    ("campaigns", "name"): ("Spring", PROMO, lambda seen: seen.query("campaign"), "Spring"),
    ("partners", "state"): ("blocked", PROMO, lambda seen: seen.is_fallback, True),
    ("partners", "code"): ("NEWP", PROMO, lambda seen: seen.query("code"), "NEWP"),
    ("partners", "name"): ("New name", PROMO, lambda seen: seen.query("who"), "New name"),
    ("affiliations", "state"): ("suspended", PROMO, lambda seen: seen.is_fallback, True),
    ("banners", "code"): (
        "newbanner",
        NETWORK.replace("oldbanner", "newbanner"),
        lambda seen: str(seen.column("banner_id")),
        "{banner}",
    ),
    ("banners", "state"): ("disabled", NETWORK, lambda seen: seen.is_fallback, True),
    ("brands", "state"): ("disabled", PROMO, lambda seen: seen.is_fallback, True),
    ("brands", "main_url"): (
        "https://www.shop.example/home",
        NETWORK,
        lambda seen: seen.path,
        "/home",
    ),
    ("brands", "code"): ("NEWB", NETWORK, lambda seen: seen.query("2ptu"), "NEWB"),
    ("brands", "name"): ("Renamed", PROMO, lambda seen: seen.query("brand"), "Renamed"),
    ("brands", "stag_parameter"): ("btag", PROMO, lambda seen: bool(seen.query("btag")), True),
    ("brands", "cookie_days"): (
        7,
        PROMO,
        lambda seen: seen.visit and (seen.visit.attributable_until - seen.visit.occurred_at).days,
        7,
    ),
    ("brands", "time_zone"): (
        "Pacific/Kiritimati",
        PROMO,
        lambda seen: seen.column("business_day"),
        date(2026, 3, 11),
    ),
    ("brands", "clock_offset"): (
        86_400_000_000 * 3,
        PROMO,
        lambda seen: seen.column("business_day"),
        date(2026, 3, 13),
    ),
    ("brands", "domains"): ('["other.example"]', PAGE, lambda seen: seen.path, "/p"),
    ("brands", "redirect_arguments"): (
        '[["x", "1"]]',
        PROMO,
        lambda seen: (seen.query("x"), seen.query("who")),
        ("1", None),
    ),
    ("brands", "ignored_ips"): (
        '["203.0.113.0/24"]',
        PROMO,
        lambda seen: seen.column("uncounted_reason"),
        "ignored_ip",
    ),
}


# What opens a network link that had no plan.
OF_PLANS = {
    ("commission_plans", "state"),
    ("commission_plans", "is_default"),
    ("plan_assignments", "plan_id"),
}


@pytest.mark.parametrize("change", ["enabled", "made default", "assigned"])
async def test_a_network_link_opens_once_there_is_a_plan_w4(
    client: httpx.AsyncClient, clock: ManualClock, change: str
) -> None:
    brand = await make_brand(clock)
    partner = await make_partner(clock, brand)
    plan = await CommissionPlan.get(brand_id=brand.id)
    state = "disabled" if change == "enabled" else "active"
    await CommissionPlan.filter(id=plan.id).update(state=state, is_default=change == "enabled")
    path = f"/events/click?aff_code={partner.code}&unique={brand.code}"
    assert (await click(client, path)).is_fallback

    if change == "enabled":
        await CommissionPlan.filter(id=plan.id).update(state="active")
    elif change == "made default":
        await CommissionPlan.filter(id=plan.id).update(is_default=True)
    else:
        await PlanAssignment.create(partner=partner, plan=plan, created_at=clock.now())

    async with asyncio.timeout(10):
        while (await click(client, path)).is_fallback:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_every_column_that_the_database_tells_of_is_tried_here() -> None:
    links = importlib.import_module("migrations.0002_guards")._LINKS

    told = {(table, column) for (table, _), columns in links.items() for column in columns}
    assert told == set(CHANGES) | OF_PLANS


async def click(client: httpx.AsyncClient, path: str) -> Seen:
    response = await client.get(path, headers=AGENT)
    stag = parse_qs(urlsplit(response.headers["location"]).query)
    ids = [value[0].partition("_")[2] for name, value in stag.items() if name in {"stag", "btag"}]
    return Seen(response.headers["location"], await Visit.get(id=int(ids[0])) if ids else None)


@pytest.mark.parametrize(("table", "column"), CHANGES, ids=".".join)
async def test_clicks_follow_a_change_of_each_column_at_once_a07(
    client: httpx.AsyncClient, settings: Settings, clock: ManualClock, table: str, column: str
) -> None:
    value, path, seen, expected = CHANGES[table, column]
    offer = await make_offer(clock)
    path = path.format(**offer.values)
    wanted = expected.format(**offer.values) if isinstance(expected, str) else expected
    await open_network_promo(Scope.visitor(clock, "test"), offer.partner.code, offer.brand.code)
    # Kept in memory by now, or known to be no link; HEAD leaves no visit, which would freeze the time zone.
    for _ in range(2):
        await client.head(path, headers=AGENT)
    value = offer.values.get(value.strip("{}"), value) if isinstance(value, str) else value

    connection = await asyncpg.connect(**credentials(require_url(settings)))
    try:
        changed = f"UPDATE {table} SET {column} = $1 WHERE id = $2"
        await connection.execute(changed, value, offer.ids[table])
    finally:
        await connection.close()

    async with asyncio.timeout(10):
        while seen(await click(client, path)) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_new_affiliation_opens_a_network_link_that_was_none_w4(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    """What is no link is kept in memory as well."""
    brand = await make_brand(clock)
    partner = await make_partner(clock)
    path = f"/events/click?aff_code={partner.code}&unique={brand.code}"
    assert (await click(client, path)).is_fallback

    await Affiliation.create(partner=partner, brand=brand, state="accepted", created_at=clock.now())

    async with asyncio.timeout(10):
        while (await click(client, path)).is_fallback:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_promo_that_is_deleted_leads_to_the_fallback(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    offer = await make_offer(clock)
    path = f"/{offer.promo.code}"
    assert not (await click(client, path)).is_fallback

    await Promo.filter(id=offer.promo.id).delete()
    await Campaign.filter(id=offer.ids["campaigns"]).delete()

    async with asyncio.timeout(10):
        while not (await click(client, path)).is_fallback:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
