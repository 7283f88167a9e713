"""The demo programme: the same for everybody, complete, alone in its database, and quiet about its past."""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from statistics import mean

import pytest

from app.domain.banners.reads import BannerFilter, Orientation, banners, orientation_of
from app.domain.errors import Conflict
from app.domain.events import head
from app.domain.plans.reading import read_terms
from app.domain.plans.reads import histories
from app.domain.plans.summary import summary
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.postbacks.plan import plan_deliveries
from app.domain.reports.metrics import METRICS
from app.domain.reports.run import run_report
from app.domain.reports.specification import Grouping, ReportSpecification
from app.domain.rollups.fold import drop, fold
from app.domain.rollups.tables import DAILY
from app.domain.scope import Scope
from app.domain.simulation.demo import DAYS, seed, seed_connected
from app.domain.simulation.programme import make_cast
from app.domain.simulation.traffic import Volume
from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.infra.database import fetch
from app.infra.pictures import read_picture
from app.models import (
    Affiliation,
    Banner,
    Brand,
    CommissionPlan,
    FigureChange,
    HeldItem,
    Partner,
    Player,
    PlayerFlag,
    PostbackDelivery,
    Promo,
    Visit,
)
from app.settings import Settings
from tests.conftest import NOW, run_sql, url_of
from tests.factories import make_brand, make_partner, make_partner_user, partner_scope

SMALL = Volume(casino_visits=9, shop_visits=5, registrations=0.4, sales=0.3)
# What each fact says, without the ids of rows, recordings and visits.
FACTS = {
    "visits": "occurred_at, business_day, promo_id, plan_id, country, device, fingerprint, tags,"
    " uncounted_reason, attributable_until",
    "registrations": "occurred_at, business_day, promo_id, player_id, country, currency",
    "first_deposits": "occurred_at, business_day, player_id, currency, first_deposit_sum",
    "activities": "occurred_at, business_day, player_id, currency, deposits_count, deposits_sum,"
    " cashouts_sum, bonus_issues_sum, casino_total_bets_sum, casino_total_wins_sum",
    "conversions": "occurred_at, business_day, promo_id, kind, transaction_id, amount, currency",
    "brand_events": "event_id, type, occurred_at, amount, currency, revision, voided",
    "player_flags": "player_id, flag, raised, step, occurred_at",
    "held_items": "door, user_id, natural_key, state",
    "promos": "id, code, title, landing_id, traffic_source_id, banner_id",
    "banners": "code, brand_id, title, language, tags, format, width, height, animated, sha256, private, state",
    "promotions": "title, description, url, coupon, starts_at, ends_at",
    "coupons": "code, promo_id",
    "brand_traffic_sources": "traffic_source_id, policy",
    "exchange_rates": "day, base, currency, rate, source",
    "landings": "title, url, countries, language",
}


class Files:
    """What was kept, by key."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def keep(self, key: str, data: bytes) -> None:
        """As an object storage does."""
        self.kept[key] = data


def nothing(_what: str, _done: int, _of: int) -> None:
    """Nobody watches the progress."""


class Stopped(Exception):
    """Somebody stopped the seeding."""


def stop_half_way(_what: str, done: int, of: int) -> None:
    if done >= of // 3:
        raise Stopped


async def digests() -> dict[str, tuple[int, str]]:
    """How many facts there are of each kind, and a hash over what they say."""
    found = {}
    for table, columns in FACTS.items():
        rows = await fetch(
            "SELECT count(*) AS count, md5(string_agg(line::text, ' ' ORDER BY line::text)) AS hash"
            f" FROM (SELECT {columns} FROM {table}) AS line"
        )
        found[table] = (rows[0]["count"], rows[0]["hash"])
    return found


@asynccontextmanager
async def another_database(settings: Settings) -> AsyncIterator[None]:
    """A second empty database, connected."""
    # Other workers have second databases of their own.
    name = f"test_second_{secrets.token_hex(6)}"
    await run_sql(f"CREATE DATABASE {name} TEMPLATE tributary_template STRATEGY FILE_COPY")
    await infra_database.connect(settings.model_copy(update={"database_url": url_of(name)}))
    try:
        yield
    finally:
        await infra_database.disconnect()
        await run_sql(f"DROP DATABASE {name} WITH (FORCE)")


async def test_the_demo_is_the_same_for_everybody_and_remade_when_it_was_left_half_made(
    settings: Settings, box: SecretBox, clock: ManualClock
) -> None:
    await infra_database.connect(settings)
    assert await seed_connected(box, clock, nothing, Files().keep, SMALL)
    first = await digests()
    await _is_complete()
    await _tells_single_events()
    await _was_told_in_time()
    await _fires_nothing_of_its_past(box, clock)
    await _reports_agree(clock)
    assert not await seed_connected(box, clock, nothing, Files().keep, SMALL)
    assert await digests() == first
    await infra_database.disconnect()

    async with another_database(settings):
        with pytest.raises(Stopped):
            await seed_connected(box, clock, stop_half_way, Files().keep, SMALL)
        half = await digests()
        assert 0 < half["visits"][0] < first["visits"][0]
        assert await seed_connected(box, clock, nothing, Files().keep, SMALL)

        assert await digests() == first


async def _is_complete() -> None:
    """Two brands, every kind of fact, on each of the last 120 days and on no other."""
    brands = {brand.category: brand for brand in await Brand.all()}
    assert set(brands) == {"casino", "shop"}
    assert all(count for count, _ in (await digests()).values())
    rows = await fetch("SELECT DISTINCT business_day AS day FROM visits ORDER BY 1")
    last, first = NOW.date(), NOW.date() - timedelta(days=DAYS - 1)
    days = [row["day"] for row in rows]
    assert len(days) >= DAYS
    assert first - timedelta(days=1) <= days[0]
    assert days[-1] == last
    tagged = await fetch("SELECT DISTINCT jsonb_object_keys(tags) AS name FROM visits")
    assert {row["name"] for row in tagged} == {"clickID", "webID", "visit_id"}
    earliest = await Visit.all().order_by("occurred_at").first()
    affiliation = await Affiliation.all().order_by("-created_at").first()
    assert earliest is not None
    assert affiliation is not None
    assert affiliation.created_at < earliest.occurred_at <= NOW


async def _tells_single_events() -> None:
    """Orders, leads and what became of them, flags, bonus codes, and an item that waited for its click (W3)."""
    found = await fetch("SELECT DISTINCT type FROM brand_events")
    assert {row["type"] for row in found} == {"sale", "lead", "refund", "amend", "void", "flag"}
    rules = await fetch("SELECT DISTINCT attributed_by AS rule FROM players")
    assert {row["rule"] for row in rules} == {"stag", "coupon"}
    assert {flag.raised for flag in await PlayerFlag.filter(superseded_by=None)} == {True, False}
    (held,) = await HeldItem.all()
    assert (held.user_id, held.state, held.error) == ("late-click", "taken", None)
    assert (await Player.get(user_id="late-click")).attributed_by == "stag"


async def _was_told_in_time() -> None:
    """The change feed tells corrections alone (X03): nothing of the history came late."""
    assert {change.kind for change in await FigureChange.all()} == {"corrected"}


async def _fires_nothing_of_its_past(box: SecretBox, clock: ManualClock) -> None:
    """Postbacks and mails begin behind the history (M38)."""
    system = Scope.system(clock, "test")
    partner = await Partner.all().order_by("id").first()
    assert partner is not None
    new = NewPostback(Action.ANY, "https://tracker.example/?id=${event_id}")
    await create_postback(partner_scope(partner, clock), new)
    end = (await head(system)).position
    assert end > DAYS
    positions = {
        row["reader"]: row["position"] for row in await fetch("SELECT * FROM relay_positions")
    }
    assert positions["postbacks"] == positions["mails"] == end
    assert (await plan_deliveries(system)).deliveries == 0
    assert await PostbackDelivery.all().count() == 0


async def _reports_agree(clock: ManualClock) -> None:
    """The rollup of the demo is folded to its end and says what the facts say."""
    system = Scope.system(clock, "test")
    asked = ReportSpecification(
        date(2025, 1, 1), date(2026, 12, 31), tuple(METRICS), (Grouping.PROMO, Grouping.WEEK)
    )
    folded = await run_report(system, asked)
    assert folded.rows
    await drop(system, DAILY)
    assert await run_report(system, asked) == folded
    while await fold(system, DAILY):
        pass
    assert await run_report(system, asked) == folded


async def test_the_demo_does_not_go_beside_real_data(
    database: Settings, box: SecretBox, clock: ManualClock
) -> None:
    brand = await make_brand(clock)

    with pytest.raises(Conflict, match="not the demo's"):
        await seed_connected(box, clock, nothing, Files().keep, SMALL)

    assert await Brand.all().count() == 1
    assert (await Brand.get()).id == brand.id


@pytest.mark.parametrize("real", ["partner", "user"])
async def test_partners_and_users_without_a_brand_are_real_data_too(
    database: Settings, box: SecretBox, clock: ManualClock, real: str
) -> None:
    partner = await make_partner(clock)
    if real == "user":
        await make_partner_user(partner, clock)

    with pytest.raises(Conflict):
        await seed_connected(box, clock, nothing, Files().keep, SMALL)

    assert await Partner.all().count() == 1


async def test_the_demo_runs_on_loopback_only(settings: Settings) -> None:
    public = settings.model_copy(update={"host": "0.0.0.0"})  # noqa: S104

    with pytest.raises(Conflict, match="loopback"):
        await seed(public, nothing, Files().keep)


def test_the_default_volume_is_large_enough_to_look_real() -> None:
    """By arithmetic: 50,000 visits and 2,000 players, with a margin for what the dice do."""
    volume, weight = Volume(), mean([0.95] * 5 + [1.25] * 2)
    # The last day is still going on.
    days = DAYS - 1
    visits = (volume.casino_visits + volume.shop_visits) * days * weight
    # Three of a hundred are bots.
    players = volume.casino_visits * days * weight * 0.97 * volume.registrations

    assert visits > 50_000 * 1.05
    assert players > 2_000 * 1.05


async def test_a09_the_demos_plans_can_be_executed_and_one_has_a_history(
    database: Settings, clock: ManualClock, box: SecretBox, system: Scope
) -> None:
    await make_cast(clock, "test", box, random.Random(1), Files().keep)  # noqa: S311
    clock.advance(timedelta(days=120))

    told = {}
    for plan in await CommissionPlan.all():
        history = (await histories(system, [plan.id]))[plan.id]
        assert history.current is not None
        assert summary(read_terms(history.current.row.terms))
        told[plan.name] = [one.state.value for one in history.versions]

    assert told == {
        "Revenue share 30%": ["in_force"],
        "8% of each sale": ["in_force"],
        "Tiers and CPA": ["announced", "in_force", "past"],
        "8% and sub-affiliates": ["in_force"],
    }


async def test_a06_the_gallery_has_banners_of_every_kind_and_some_promos_show_one(
    database: Settings, clock: ManualClock, box: SecretBox, system: Scope
) -> None:
    files = Files()
    await make_cast(clock, "test", box, random.Random(1), files.keep)  # noqa: S311

    rows = await Banner.filter(state="active")
    assert {row.storage_key for row in rows} == set(files.kept)
    for row in rows:
        data = files.kept[row.storage_key]
        read = read_picture(data)
        # Nothing to take out: it is stored as an upload would be.
        assert read.data == data
        assert (read.format.value, read.width, read.height) == (row.format, row.width, row.height)
        assert (read.animated, len(data)) == (row.animated, row.size)
    assert {row.format for row in rows} == {"png", "jpeg", "gif", "webp"}
    assert {row.private for row in rows} == {row.animated for row in rows} == {True, False}
    assert {orientation_of(row.width, row.height) for row in rows} == set(Orientation)
    shown = {promo.banner_id: promo.brand_id for promo in await Promo.exclude(banner_id=None)}
    assert {row.brand_id for row in rows if row.id in shown} == set(shown.values())
    assert len(shown) == 2
    partners = await Partner.filter(state="active").order_by("id")
    seen = [
        await (
            await banners(partner_scope(partner, clock), BannerFilter(private=True))
        ).rows.count()
        for partner in partners
    ]
    assert set(seen) == {0, 1}
