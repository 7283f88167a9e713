"""The traffic of the demo, day by day: visits, registrations, activity, sales."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.activity.record import record_activity
from app.domain.conversions.record import record_conversions
from app.domain.players.register import register_players
from app.domain.scope import Scope
from app.domain.simulation.clicks import link_of
from app.domain.simulation.programme import Cast
from app.domain.visits.click import Click, NewVisit, new_visit
from app.domain.visits.links import Link
from app.domain.visits.record import write_visits
from app.infra.clock import ManualClock, day_bounds
from app.infra.clock import business_day as day_of
from app.infra.crypto import SecretBox
from app.infra.database import transaction
from app.infra.telemetry import new_request_id
from app.infra.visit_ids import VisitIds
from app.models import Brand, Promo

# With the device that each is of.
_AGENTS = (
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
        "desktop",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Mobile/15E148",
        "mobile",
    ),
    (
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
        "mobile",
    ),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1 Safari/605.1", "desktop"),
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", "bot"),
)
# By the category of the brand.
_COUNTRIES = {"casino": ("MT", "FI", "DE", "CA", "NZ"), "shop": ("RO", "RO", "RO", "MD", "HU")}
# Visits of one transaction.
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Volume:
    """How much happens: visits of an average day by brand, and the shares that go on."""

    casino_visits: int = 340
    shop_visits: int = 150
    registrations: float = 0.062
    sales: float = 0.035


@dataclass(slots=True)
class _Customer:
    """A player of the demo: how often and how heavily it plays."""

    user_id: str
    sign_up: datetime
    eagerness: float
    stake: Decimal
    deposited: bool = False


class Traffic:
    """Plays the demo's days in order. All chance comes from the dice."""

    def __init__(
        self, cast: Cast, ids: VisitIds, dice: random.Random, volume: Volume, box: SecretBox
    ) -> None:
        self._box = box
        self._cast = cast
        self._ids = ids
        self._dice = dice
        self._volume = volume
        self._links: dict[int, Link] = {}
        self._customers: list[_Customer] = []
        self._sales = 0

    @property
    def players(self) -> dict[str, datetime]:
        """When each player of the casino signed up, by user id."""
        return {customer.user_id: customer.sign_up for customer in self._customers}

    async def play_day(
        self, clock: ManualClock, start: datetime, end: datetime
    ) -> dict[str, list[NewVisit]]:
        """One day from `start` to `end` in UTC; yesterday's activity is reported as well.

        Returns the visits that count, by the code of their brand.
        """
        plan = (
            (self._cast.casino, self._volume.casino_visits),
            (self._cast.shop, self._volume.shop_visits),
        )
        visits: dict[str, list[NewVisit]] = {}
        for brand, average in plan:
            visits[brand.code] = await self._visits(clock, brand, start, end, average)
        clock.at = end
        await self._registrations(clock, visits[self._cast.casino.code])
        await self._sell(clock, visits[self._cast.shop.code])
        await self._activity(clock, start)
        return visits

    async def _visits(
        self, clock: ManualClock, brand: Brand, start: datetime, end: datetime, average: int
    ) -> list[NewVisit]:
        dice = self._dice
        # Weekends are busier, and the programme grows a little.
        weight = 1.25 if start.weekday() >= 5 else 0.95
        count = round(average * weight * dice.uniform(0.85, 1.15))
        moments = sorted(start + timedelta(seconds=dice.uniform(0, 86_399)) for _ in range(count))
        made = []
        for moment in moments:
            link = await self._link(dice.choice(self._cast.promos[brand.code]))
            agent, device = dice.choices(_AGENTS, (40, 25, 20, 12, 3))[0]
            click = Click(
                query=self._query(),
                ip=self._address(),
                user_agent=agent,
                referrer=None,
                country=dice.choice(_COUNTRIES[brand.category]),
                device=device,
                visitor_id=dice.randrange(1, 2**62),
            )
            if moment >= end:
                continue
            clock.at = moment
            scope = Scope.visitor(clock, "demo")
            visit = new_visit(scope, link, click, self._ids.next(moment), self._box.fingerprint_key)
            made.append((visit, click.ip))
        for start_of_chunk in range(0, len(made), _CHUNK):
            async with transaction() as tx:
                await write_visits(tx, made[start_of_chunk : start_of_chunk + _CHUNK])
        return [visit for visit, _ in made if visit.uncounted_reason is None]

    async def _link(self, promo_id: int) -> Link:
        if promo_id not in self._links:
            scope = Scope.system(ManualClock(self._cast.casino.created_at), "demo")
            promo = await scope.query(Promo).get(id=promo_id)
            link = await link_of(promo)
            self._links[promo_id] = link
        return self._links[promo_id]

    def _query(self) -> bytes:
        """A third of the links carry tags of a tracker."""
        dice = self._dice
        number = dice.randrange(10**9)
        choice = dice.random()
        if choice < 0.15:
            return f"clickID=c{number}&webID={dice.randrange(1, 40)}".encode()
        if choice < 0.3:
            return f"visit_id=t{number}".encode()
        return b""

    def _address(self) -> str:
        # 192.0.2.0/24 and its like are too few: 100.64.0.0/10 belongs to no visitor either.
        dice = self._dice
        return f"100.{dice.randrange(64, 128)}.{dice.randrange(256)}.{dice.randrange(1, 255)}"

    async def _registrations(self, clock: ManualClock, visits: list[NewVisit]) -> None:
        dice = self._dice
        items: list[dict[str, Any]] = []
        for visit in visits:
            if dice.random() >= self._volume.registrations:
                continue
            user_id = f"P{10_000 + len(self._customers)}"
            sign_up = min(visit.occurred_at + timedelta(minutes=dice.uniform(1, 40)), clock.at)
            self._customers.append(
                _Customer(
                    user_id, sign_up, dice.betavariate(1.2, 4), Decimal(dice.randrange(5, 120))
                )
            )
            items.append(
                {
                    "user_id": user_id,
                    "tag": f"{visit.promo_id}_{visit.id}",
                    "sign_up_at": sign_up.isoformat(),
                    "country": visit.country,
                    "currency": "EUR" if dice.random() < 0.85 else "CAD",
                }
            )
        await register_players(
            self._brand_scope(clock, self._cast.casino), self._cast.casino.id, items, box=self._box
        )

    async def _sell(self, clock: ManualClock, visits: list[NewVisit]) -> None:
        dice = self._dice
        items = []
        for visit in visits:
            if dice.random() >= self._volume.sales:
                continue
            self._sales += 1
            at = min(visit.occurred_at + timedelta(minutes=dice.uniform(2, 90)), clock.at)
            items.append(
                {
                    "type": "sale",
                    "transaction_id": f"WW-{100_000 + self._sales}",
                    "tag": f"{visit.promo_id}_{visit.id}",
                    "occurred_at": at.isoformat(),
                    "amount": f"{dice.lognormvariate(5.1, 0.6):.2f}",
                    "currency": "RON",
                    "description": dice.choice(
                        ("Linen shirt", "Wool scarf", "Ceramic set", "Lamp")
                    ),
                }
            )
        await record_conversions(
            self._brand_scope(clock, self._cast.shop), self._cast.shop.id, items
        )

    async def _activity(self, clock: ManualClock, start: datetime) -> None:
        """What players did on the business day before, once it is over everywhere."""
        casino = self._cast.casino
        day = day_of(start - timedelta(hours=12), casino.time_zone)
        first, last = day_bounds(day, casino.time_zone)
        active = defaultdict(list)
        for customer in self._customers:
            if customer.sign_up < last and self._dice.random() < self._chance(customer, last):
                active["items"].append(self._played(customer, first, last))
        if active["items"]:
            await record_activity(
                self._brand_scope(clock, casino),
                casino.id,
                first.isoformat(),
                last.isoformat(),
                active["items"],
            )

    def _chance(self, customer: _Customer, last: datetime) -> float:
        """The longer ago a player signed up, the more rarely it comes back."""
        age = (last - customer.sign_up).days
        return customer.eagerness * (0.97**age) * (1.0 if customer.deposited else 1.6)

    def _played(self, customer: _Customer, first: datetime, last: datetime) -> dict[str, Any]:
        dice = self._dice
        deposits = dice.choices((0, 1, 2, 3), (35, 45, 15, 5))[0]
        amounts = [
            (customer.stake * Decimal(dice.randrange(50, 200)) / 100) for _ in range(deposits)
        ]
        bets_count = dice.randrange(5, 300)
        bets = customer.stake * Decimal(dice.randrange(80, 600)) / 100
        wins = bets * Decimal(dice.randrange(60, 128)) / 100
        item: dict[str, Any] = {
            "user_id": customer.user_id,
            "currency": "EUR",
            "deposits_count": deposits,
            "deposits_sum": f"{sum(amounts, Decimal(0)):.2f}",
            "casino_bets_count": bets_count,
            "casino_total_bets_sum": f"{bets:.2f}",
            "casino_total_wins_sum": f"{wins:.2f}",
        }
        if dice.random() < 0.2:
            item["bonus_issues_sum"] = f"{customer.stake / 5:.2f}"
        if deposits and dice.random() < 0.15:
            item |= {"cashouts_count": 1, "cashouts_sum": f"{customer.stake:.2f}"}
        if deposits and not customer.deposited:
            customer.deposited = True
            at = max(customer.sign_up, first + timedelta(hours=dice.uniform(1, 20)))
            item |= {
                "first_deposit_at": min(at, last).isoformat(),
                "first_deposit_sum": f"{amounts[0]:.2f}",
            }
        return item

    def _brand_scope(self, clock: ManualClock, brand: Brand) -> Scope:
        return Scope.brand(brand.id, clock, new_request_id(), offset=timedelta(0), ip=None)
