"""Reports against a plain model: whatever was recorded, however far the rollup has come (decisions 7 and 8)."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.domain.activity.record import record_activity
from app.domain.conversions.record import record_conversions
from app.domain.events import place_recordings, position_known_at
from app.domain.permissions import SYSTEM_PERMISSIONS
from app.domain.players.register import register_players
from app.domain.reports.compiler import Sight, compile_report
from app.domain.reports.run import report_of, run_report
from app.domain.reports.specification import (
    PERIODS,
    Grouping,
    ReportFilters,
    ReportSpecification,
    TagFilter,
    TagGrouping,
)
from app.domain.rollups.fold import drop, fold, fold_all
from app.domain.rollups.tables import ROLLUPS
from app.domain.scope import Actor, Scope
from app.domain.visits.destination import stag
from app.infra.clock import ManualClock, day_bounds
from app.infra.database import fetch
from app.models import Brand, Partner, Player, Promo, TrafficSource
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.reports.model import (
    AMOUNTS,
    COUNTS,
    FORMULAS,
    MONEY_RATIOS,
    RATIOS,
    SIGNED,
    Fact,
    Link,
    ModelPlayer,
    ModelVisit,
    answered,
    expected,
)
from tests.factories import BOX, brand_scope, make_brand, make_partner, make_promo, make_visits

METRICS = (*COUNTS, *AMOUNTS, *FORMULAS, *RATIOS, *MONEY_RATIOS)
# The facts of activity alone: all but these.
ELSEWHERE = {
    *("visits_count", "registrations_count", "first_deposits_count", "first_deposits_sum"),
    *("sales_count", "sales_sum", "leads_count"),
}
ACTIVITY_COUNTS = tuple(name for name in COUNTS if name not in ELSEWHERE)
ACTIVITY_AMOUNTS = tuple(name for name in AMOUNTS if name not in ELSEWHERE)
# A brand east and a brand west of Greenwich: the same instant is often another business day.
ZONES = ("Europe/Bucharest", "America/New_York")
USERS = 2
# What clicks look like: their query and the tags that are read from it, and their device.
LOOKS: tuple[tuple[bytes, dict[str, str]], ...] = (
    (b"", {}),
    (b"click=a", {"click": "a"}),
    (b"click=b&sub=1", {"click": "b", "sub": "1"}),
    (b"sub=1", {"sub": "1"}),
)
DEVICES = ("desktop", "mobile", "tablet", "unknown")
FACT_TABLES = (
    "visits",
    "visit_addresses",
    "players",
    "registrations",
    "first_deposits",
    "activities",
    "conversions",
    "fact_changes",
    "events",
    "recordings",
    "daily_rollups",
    "hourly_rollups",
    "player_rollups",
    "rollup_positions",
)

seeds = st.integers(0, 2**32)
brands = st.integers(0, 1)
users = st.integers(0, USERS - 1)
promos = st.integers(0, 3)
# Around midnights, a change of the clock (29 March), weeks and two quarters.
hours = st.sampled_from([-1, -2, -17, -23, -24, -48, -90, -96, -97, -700, -1_400])
currencies = st.sampled_from(["EUR", "EUR", "JPY"])
activity = st.tuples(st.just("activity"), brands, users, st.integers(0, 1), currencies, seeds)
first_deposit = st.tuples(st.just("first deposit"), brands, users, hours, currencies, seeds)
fold_step = st.sampled_from(
    [("place",), ("place",), *(("fold", number) for number in range(len(ROLLUPS)))]
)
actions = st.one_of(
    activity,
    activity,
    first_deposit,
    fold_step,
    st.tuples(st.just("visit"), promos, hours, st.integers(0, 3)),
    st.just(("remember",)),
    st.tuples(st.just("register"), brands, users, promos, hours),
    st.tuples(st.just("move"), brands, users, st.sampled_from(["RO", "FR", "DE"])),
    st.tuples(st.just("convert"), brands, promos, hours, currencies, seeds),
)


@dataclass(slots=True)
class Programme:
    """The real programme and, beside it, the facts that hold."""

    system: Scope
    brands: list[Brand]
    partners: list[Partner]
    # By number: of each brand one promo per partner.
    promos: list[tuple[Promo, Link]]
    visits: list[tuple[int, Link, ModelVisit]]
    now: datetime
    sources: list[int] = field(default_factory=list)
    players: dict[tuple[int, int], ModelPlayer] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    activities: dict[tuple[Any, ...], Fact] = field(default_factory=dict)
    first_deposits: dict[tuple[int, int], Fact] = field(default_factory=dict)
    number: int = 0
    # What was asked and answered at moments of the log's clock.
    asked: list[ReportSpecification] = field(default_factory=list)
    remembered: list[tuple[ReportSpecification, Any]] = field(default_factory=list)

    def scope(self, brand: int) -> Scope:
        return brand_scope(self.brands[brand], ManualClock(self.now))

    def day(self, brand: int, at: datetime) -> date:
        from zoneinfo import ZoneInfo

        return at.astimezone(ZoneInfo(ZONES[brand])).date()

    def holding(self) -> list[Fact]:
        return [*self.facts, *self.activities.values(), *self.first_deposits.values()]

    async def act(self, name: str, *values: Any) -> None:
        does: dict[str, Callable[..., Awaitable[None]]] = {
            "visit": self.visit,
            "register": self.register,
            "move": self.move,
            "activity": self.activity,
            "first deposit": self.first_deposit,
            "convert": self.convert,
            "place": self.place,
            "fold": self.fold,
            "remember": self.remember,
        }
        await does[name](*values)

    async def visit(self, promo: int, hour: int, look: int) -> None:
        at = self.now + timedelta(hours=hour)
        link, click = await self.click(promo, at, look)
        values = {"visits_count": Decimal(1)}
        day = self.day(promo % 2, at)
        self.facts.append(link.fact(day, "ZZ", "XXX", values, at, click))

    async def click(self, promo: int, at: datetime, look: int) -> tuple[Link, ModelVisit]:
        """A visit of the promo, with one of four devices and lots of tags."""
        row, link = self.promos[promo]
        query, tags = LOOKS[look]
        device = DEVICES[look]
        (visit_id,) = await make_visits(row, ManualClock(at), query=query, device=device)
        source = self.sources[0] if promo % 2 else None
        click = ModelVisit(device, tags, source, row.code)
        self.visits.append((visit_id, link, click))
        return link, click

    async def _tag(self, brand: int, promo: int) -> tuple[str, Link, ModelVisit]:
        """A visit of that brand, long ago and never counted in the report's range."""
        number = promo - promo % 2 + brand
        visit_id, link, click = self.visits[number]
        return stag(link.promo, visit_id), link, click

    async def register(self, brand: int, user: int, promo: int, hour: int) -> None:
        at = self.now + timedelta(hours=hour)
        tag, link, click = await self._tag(brand, promo)
        country = ("RO", "HU")[user % 2]
        item = {
            "user_id": f"user {user}",
            "tag": tag,
            "sign_up_at": at.isoformat(),
            "country": country,
            "currency": "EUR",
        }
        (result,) = await register_players(
            self.scope(brand), self.brands[brand].id, [item], box=BOX
        )
        if (brand, user) not in self.players:
            assert result.status == "created"
            row = await Player.get(brand_id=self.brands[brand].id, user_id=f"user {user}")
            day = self.day(brand, at)
            player = ModelPlayer(row.id, link, country, "EUR", click, day)
            self.players[brand, user] = player
            values = {"registrations_count": Decimal(1)}
            self.facts.append(link.fact(day, country, "EUR", values, at, click, player))
        elif self.players[brand, user].link is link:
            # Registering again says the country again.
            self.players[brand, user].country = country

    async def move(self, brand: int, user: int, country: str) -> None:
        """The player's country changes: facts that are recorded from now on carry the new one."""
        item = {"user_id": f"user {user}", "sign_up_at": NOW.isoformat(), "country": country}
        await register_players(self.scope(brand), self.brands[brand].id, [item], box=BOX)
        if player := self.players.get((brand, user)):
            player.country = country

    async def activity(self, brand: int, user: int, ago: int, currency: str, seed: int) -> None:
        """An interval of a whole day, new or revised."""
        dice = random.Random(seed)  # noqa: S311
        day = self.day(brand, self.now) - timedelta(days=ago)
        start, end = day_bounds(day, ZONES[brand])
        counts = {name: dice.choice((0, 0, 1, 17)) for name in ACTIVITY_COUNTS}
        amounts = {name: _amount(dice, currency, name in SIGNED) for name in ACTIVITY_AMOUNTS}
        item = {"user_id": f"user {user}", "currency": currency, **counts, **amounts}
        (result,) = await record_activity(
            self.scope(brand), self.brands[brand].id, start.isoformat(), end.isoformat(), [item]
        )
        player = self.players.get((brand, user))
        if player is None:
            assert result.error == "unknown_player"
            return
        values = {name: Decimal(value) for name, value in (counts | amounts).items()}
        key = (brand, user, start, currency)
        known = self.activities.get(key)
        # The same numbers again change nothing, not even the country.
        if known is None or known.values != values:
            self.activities[key] = player.link.fact(
                day, player.country, currency, values, start, player.click, player
            )

    async def first_deposit(
        self, brand: int, user: int, hour: int, currency: str, seed: int
    ) -> None:
        """The brand's word about the first deposit, in the item of some empty interval."""
        dice = random.Random(seed)  # noqa: S311
        at = self.now + timedelta(hours=hour)
        self.number += 1
        start = self.now - timedelta(days=50) + timedelta(seconds=self.number)
        amount = _amount(dice, currency)
        item = {
            "user_id": f"user {user}",
            "currency": currency,
            "first_deposit_at": at.isoformat(),
            "first_deposit_sum": amount,
        }
        end = start + timedelta(seconds=1)
        await record_activity(
            self.scope(brand), self.brands[brand].id, start.isoformat(), end.isoformat(), [item]
        )
        player = self.players.get((brand, user))
        if player is None:
            return
        word = (at, Decimal(amount), currency)
        known = player.first_deposit
        if known is None or at < known[0] or (at == known[0] and word != known):
            player.first_deposit, player.deposited = word, self.day(brand, at)
            values = {"first_deposits_count": Decimal(1), "first_deposits_sum": Decimal(amount)}
            self.first_deposits[brand, user] = player.link.fact(
                player.deposited, player.country, currency, values, at, player.click, player
            )

    async def convert(self, brand: int, promo: int, hour: int, currency: str, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311
        at = self.now + timedelta(hours=hour)
        tag, link, click = await self._tag(brand, promo)
        kind, amount = dice.choice(("sale", "lead")), _amount(dice, currency)
        self.number += 1
        item = {
            "type": kind,
            "transaction_id": f"{self.number}",
            "tag": tag,
            "occurred_at": at.isoformat(),
            "amount": amount,
            "currency": currency,
        }
        # Twice: the second time nothing happens.
        for status in ("created", "unchanged"):
            (result,) = await record_conversions(self.scope(brand), self.brands[brand].id, [item])
            assert result.status == status
        values = {"sales_count": Decimal(1), "sales_sum": Decimal(amount)}
        if kind == "lead":
            values = {"leads_count": Decimal(1)}
        self.facts.append(link.fact(self.day(brand, at), "ZZ", currency, values, at, click))

    async def place(self) -> None:
        await place_recordings(self.system)

    async def fold(self, number: int) -> None:
        await fold(self.system, ROLLUPS[number])

    async def remember(self) -> None:
        """What reports say when everything that was recorded has its place, and when that was.

        What follows is placed at the same moment of the clock, and is known later all the same.
        """
        assert isinstance(self.system.clock, ManualClock)
        self.system.clock.advance(timedelta(seconds=1))
        while await place_recordings(self.system):
            pass
        for asked in self.asked:
            known = replace(asked, as_known_at=self.system.now())
            answer = answered(await run_report(self.system, asked))
            assert answered(await run_report(self.system, known)) == answer
            self.remembered.append((known, answer))


def _amount(dice: random.Random, currency: str, signed: bool = False) -> str:
    """An amount that adds up badly in floats; often zero."""
    units = dice.choice((0, dice.randrange(10**4), dice.randrange(10**14)))
    sign = dice.choice(("", "-")) if signed else ""
    return f"{sign}{units}" if currency == "JPY" else f"{sign}{units // 100}.{units % 100:02}"


async def make_programme(system: Scope) -> Programme:
    """Two brands, two partners with a promo of each, and a visit of each promo, long ago."""
    clock = ManualClock(NOW - timedelta(days=90))
    made = [await make_brand(clock, time_zone=zone, cookie_days=365) for zone in ZONES]
    partners = [await make_partner(clock, *made) for _ in range(2)]
    links = []
    source = await TrafficSource.create(name="Search", created_at=clock.now())
    for partner in partners:
        for brand in made:
            campaign, promo = await make_promo(partner, brand, clock)
            if brand is made[1]:
                await Promo.filter(id=promo.id).update(traffic_source_id=source.id)
            link = Link(promo.id, campaign.id, campaign.plan_id, brand.id, partner.id)
            links.append((promo, link))
    now = datetime(2026, 4, 2, 20, 30, tzinfo=UTC)
    return Programme(system, made, partners, links, [], now, [source.id])


async def begin_anew(programme: Programme) -> None:
    """Forget every fact; four visits from before the report's range remain."""
    await fetch(f"TRUNCATE {', '.join(FACT_TABLES)} CASCADE")
    await fetch("UPDATE sequence_heads SET position = 0, known_at = NULL")
    long_ago = ManualClock(NOW - timedelta(days=90))
    for promo in range(len(programme.promos)):
        await programme.click(promo, long_ago.now(), promo)


@st.composite
def groupings(draw: st.DrawFn) -> tuple[Grouping | TagGrouping, ...]:
    """A period and up to two other groupings."""
    periods = draw(st.lists(st.sampled_from(sorted(PERIODS)), max_size=1))
    tags = [TagGrouping("click"), TagGrouping("sub")]
    others: st.SearchStrategy[Any] = st.sampled_from(
        [*(item for item in Grouping if item not in PERIODS), *tags]
    )
    return tuple(
        draw(st.permutations([*periods, *draw(st.lists(others, unique=True, max_size=2))]))
    )


async def check(programme: Programme, asked: ReportSpecification) -> None:
    """Every kind of reader gets what the model says, and no more than its own."""
    facts = programme.holding()
    for partner, limits in (
        (None, None),
        (programme.partners[0].id, None),
        (None, frozenset({programme.brands[1].id})),
    ):
        scope = Scope(
            Actor("system"),
            programme.system.clock,
            "test",
            SYSTEM_PERMISSIONS,
            partner_id=partner,
            brand_ids=limits,
        )
        report = await run_report(scope, asked)
        assert answered(report) == expected(facts, asked, partner, limits)


def specifications(
    programme: Programme, grouping: tuple[Grouping | TagGrouping, ...], metrics: tuple[str, ...]
) -> list[ReportSpecification]:
    """Everything by the grouping and by each period; few metrics; few days; and few facts."""
    whole, some = (date(2026, 1, 1), date(2026, 12, 31)), (date(2026, 3, 28), date(2026, 4, 1))
    first = programme.promos[0][1]
    chosen = ReportFilters(promo_ids=(first.promo,), countries=("ZZ", "RO"))
    of_promos = ReportFilters(
        traffic_source_ids=tuple(programme.sources), promo_codes=(programme.promos[1][0].code,)
    )
    tagged = ReportFilters(
        tags_include=(TagFilter("click", "b"), TagFilter("sub")),
        tags_exclude=(TagFilter("click", "a"),),
    )
    return [
        ReportSpecification(*whole, METRICS, grouping),
        ReportSpecification(*whole, metrics, grouping),
        ReportSpecification(*some, METRICS, grouping),
        ReportSpecification(*whole, METRICS, grouping, chosen),
        ReportSpecification(*whole, METRICS, grouping, of_promos),
        ReportSpecification(*whole, METRICS, grouping, tagged),
        *(ReportSpecification(*whole, metrics, (each,)) for each in Grouping),
    ]


@given(
    steps=st.lists(actions, min_size=8, max_size=30),
    grouping=groupings(),
    metrics=st.lists(st.sampled_from(METRICS), unique=True, min_size=1, max_size=3).map(tuple),
)
@hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # Making a failure smaller takes minutes here.
    phases=[Phase.reuse, Phase.generate],
)
async def test_reports_are_right_however_far_the_rollup_has_come(
    database: Settings,
    system: Scope,
    steps: list[tuple[Any, ...]],
    grouping: tuple[Grouping | TagGrouping, ...],
    metrics: tuple[str, ...],
) -> None:
    if id(database) not in _programmes:
        _programmes[id(database)] = await make_programme(system)
    made = _programmes[id(database)]
    programme = Programme(
        system, made.brands, made.partners, made.promos, [], made.now, made.sources
    )
    await begin_anew(programme)
    everything, *others = specifications(programme, grouping, metrics)
    programme.asked = [everything, others[0]]

    for step in (("register", 0, 0, 0, -3), ("register", 1, 0, 2, -3), *steps):
        await programme.act(*step)
    # Partly placed, and partly folded.
    await check(programme, everything)
    for specification in others:
        await check(programme, specification)
    await recall(programme)

    while await place_recordings(system):
        pass
    while await fold_all(system):
        pass
    await check(programme, everything)
    await recall(programme)
    folded = await _rollups()
    for rollup in ROLLUPS:
        await drop(system, rollup)
    await check(programme, everything)
    await recall(programme)
    while await fold_all(system):
        pass
    assert await _rollups() == folded


async def recall(programme: Programme) -> None:
    """What was known at a moment never changes, taken from the rollups or from the facts (X03)."""
    for asked, answer in programme.remembered:
        assert asked.as_known_at is not None
        assert answered(await run_report(programme.system, asked)) == answer
        position = await position_known_at(programme.system, asked.as_known_at)
        compiled = compile_report(programme.system, asked, Sight(position, from_facts=True))
        assert (
            answered(report_of(asked, compiled, await fetch(compiled.sql, *compiled.values)))
            == answer
        )


_programmes: dict[int, Programme] = {}


async def _rollups() -> list[list[tuple[Any, ...]]]:
    """The rows of each rollup that say something, without their ids."""
    names = ", ".join((*COUNTS, *AMOUNTS))
    found = []
    for rollup in ROLLUPS:
        keys = ", ".join(rollup.key)
        rows = await fetch(f"SELECT {names}, {keys} FROM {rollup.table} ORDER BY {keys}")
        count = len((*COUNTS, *AMOUNTS))
        found.append([values for row in rows if any((values := tuple(row.values()))[:count])])
    return found
