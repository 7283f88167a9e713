"""A brand that sends a history, and reading what became of it, in the words of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.activity.record import record_activity
from app.domain.brand_events.record import record_brand_events
from app.domain.brands.metric_sources import ReportSource, set_metric_source
from app.domain.events import place_recordings
from app.domain.players.moves import NewPlayerMove, move_player
from app.domain.players.register import Status, register_players
from app.domain.reports.run import run_report
from app.domain.reports.specification import Grouping, ReportFilters, ReportSpecification
from app.domain.rollups.fold import fold_all
from app.domain.scope import Scope
from app.infra.money import Money
from app.models import (
    Activity,
    BrandEvent,
    Conversion,
    FirstDeposit,
    Player,
    PlayerFlag,
    Promo,
    Registration,
)
from tests.domain.intake.model import Hour, Model, Numbers, Report, Source, Told
from tests.factories import (
    BOX,
    World,
    brand_scope,
    make_partner,
    make_promo,
    make_world,
    staff_scope,
)

HOUR = timedelta(hours=1)
_LONG_AGO = date(2020, 1, 1)
_METRICS = {
    "deposits": ("deposits_count", "deposits_sum"),
    "bets": ("casino_total_bets_sum",),
    "first_deposits": ("first_deposits",),
}


@dataclass(slots=True)
class Sender:
    """A brand's platform, and the model of what it has sent."""

    world: World
    other: Promo
    model: Model

    async def register(self, users: Sequence[str]) -> list[str]:
        """Send players with the tag of the one visit."""
        beginning = self.model.beginning.isoformat()
        items = [self.world.player(user) | {"sign_up_at": beginning} for user in users]
        scope = brand_scope(self.world.brand, self.world.clock)
        return _said(await register_players(scope, self.world.brand.id, items, box=BOX))

    async def report(self, items: Sequence[Report]) -> list[str]:
        """Send items of one hour."""
        start = items[0].place.start
        scope = brand_scope(self.world.brand, self.world.clock)
        bounds = (start.isoformat(), (start + HOUR).isoformat())
        sent = [_activity(item) for item in items]
        return _said(await record_activity(scope, self.world.brand.id, *bounds, sent))

    async def tell(self, events: Sequence[Told]) -> list[str]:
        """Send single events."""
        scope = brand_scope(self.world.brand, self.world.clock)
        sent = [_event(told) | ({"tag": self.world.tag} if told.tagged else {}) for told in events]
        return _said(await record_brand_events(scope, self.world.brand.id, sent))

    async def move(self, user: str, promo_id: int) -> None:
        """An operator moves a player, from today on."""
        player = await Player.get(brand_id=self.world.brand.id, user_id=user)
        new = NewPlayerMove(player.id, promo_id, "The model says so")
        await move_player(staff_scope(self.world.clock), new)

    async def check(self) -> None:
        """The facts that hold are those of the model."""
        names = {row.id: row.user_id for row in await Player.filter(brand_id=self.world.brand.id)}
        registrations = await Registration.filter(brand_id=self.world.brand.id, superseded_by=None)
        signed_up = sorted(
            (names[row.player_id or 0], row.occurred_at, row.country) for row in registrations
        )
        wanted = sorted(
            (user, known.at, known.country) for user, known in self.model.players.items()
        )
        _same("registrations", signed_up, wanted)
        inferred = {
            row.user_id: row.sign_up_inferred
            for row in await Player.filter(brand_id=self.world.brand.id)
        }
        _same("players", inferred, {u: known.inferred for u, known in self.model.players.items()})
        _same("sums", await self._sums(names), self.model.sums())
        _same("conversions", await self._conversions(), self.model.conversions())
        deposits = await FirstDeposit.filter(brand_id=self.world.brand.id, superseded_by=None)
        first = {
            names[each.player_id or 0]: (each.occurred_at, each.first_deposit_sum, each.promo_id)
            for each in deposits
        }
        _same("first deposits", first, self.model.first)
        flags = await PlayerFlag.filter(brand_id=self.world.brand.id, superseded_by=None)
        steps = sorted(
            (names[row.player_id or 0], row.flag, row.occurred_at, row.raised, row.step)
            for row in flags
        )
        _same("flags", steps, self.model.steps())

    async def _sums(self, names: dict[int, str]) -> dict[tuple[int, str, str, date], Numbers]:
        found: dict[tuple[int, str, str, date], Numbers] = {}
        for fact in await Activity.filter(brand_id=self.world.brand.id, superseded_by=None):
            count = int(fact.deposits_count)
            numbers = Numbers(count, fact.deposits_sum, fact.casino_total_bets_sum)
            if any(numbers):
                user = names[fact.player_id or 0]
                key = (fact.promo_id, user, fact.country, fact.business_day)
                before = found.get(key, Numbers(0, Decimal(0), Decimal(0)))
                found[key] = before.plus(numbers)
        return found

    async def _conversions(self) -> list[tuple[str, str, datetime, Decimal, int, str]]:
        ids = {
            row.id: row.event_id for row in await BrandEvent.filter(brand_id=self.world.brand.id)
        }
        facts = await Conversion.filter(brand_id=self.world.brand.id, superseded_by=None)
        return sorted(
            (
                *(fact.kind, ids[fact.event_id or 0], fact.occurred_at, fact.amount),
                *(fact.promo_id, fact.country),
            )
            for fact in facts
        )

    async def check_reports(self, system: Scope) -> None:
        """Folded rollups say what the model says, promo by promo and day by day."""
        await place_recordings(system)
        while await fold_all(system):
            pass
        today = self.world.clock.now().date()
        metrics = ("deposits_count", "deposits_sum", "casino_total_bets_sum")
        more = ("first_deposits_count", "sales_sum", "refunds_sum", "registrations_count")
        wanted = ReportSpecification(
            today - timedelta(days=3),
            today,
            (*metrics, *more),
            (Grouping.PROMO, Grouping.DAY),
            ReportFilters(brand_ids=(self.world.brand.id,)),
        )
        report = await run_report(staff_scope(self.world.clock), wanted)
        said: dict[Any, Any] = {}
        for row in report.rows:
            cells = {name: _plain(value) for name, value in row.cells.items() if _plain(value)}
            if cells:
                said[row.keys[Grouping.PROMO], row.keys[Grouping.DAY]] = cells
        _same("reports", said, self._expected())

    def _expected(self) -> dict[Any, Any]:
        found: dict[Any, dict[str, Decimal]] = {}

        def add(promo: int, day: date, name: str, value: Decimal | int) -> None:
            if value:
                cells = found.setdefault((promo, day), {})
                cells[name] = cells.get(name, Decimal(0)) + value

        for (promo, _, _, day), numbers in self.model.sums().items():
            add(promo, day, "deposits_count", numbers.deposits_count)
            add(promo, day, "deposits_sum", numbers.deposits_sum)
            add(promo, day, "casino_total_bets_sum", numbers.bets_sum)
        for at, _, promo in self.model.first.values():
            add(promo, at.date(), "first_deposits_count", 1)
        for kind, _, at, amount, promo, _ in self.model.conversions():
            add(promo, at.date(), f"{kind}s_sum", amount)
        for known in self.model.players.values():
            add(self.model.promo, known.at.date(), "registrations_count", 1)
        return found


async def make_sender(clock: Any, sources: dict[str, Source]) -> Sender:
    """A new brand whose metrics count these sources, and another partner's promo to move players to."""
    world = await make_world(clock, time_zone="UTC")
    partner = await make_partner(clock, world.brand)
    _, other = await make_promo(partner, world.brand, clock)
    for name, source in sources.items():
        operator = staff_scope(clock)
        chosen = ReportSource(source)
        await set_metric_source(operator, world.brand.id, _METRICS[name], chosen, _LONG_AGO)
    beginning = clock.now() - timedelta(days=1)
    return Sender(world, other, Model(world.promo.id, sources, beginning))


async def at_once(*sending: Any) -> list[Any]:
    """Send from several connections at the same time."""
    return list(await asyncio.gather(*sending))


def _same(name: str, found: object, wanted: object) -> None:
    """Raises AssertionError with both: a long run has no pytest to print them."""
    if found != wanted:
        raise AssertionError(f"{name}: found {found}, the model says {wanted}")


def _said(results: Sequence[Any]) -> list[str]:
    return [r.error if r.status is Status.REJECTED else r.status.value for r in results]


def _plain(value: Any) -> Decimal:
    if isinstance(value, tuple):
        return sum((each.amount for each in value if isinstance(each, Money)), Decimal(0))
    return Decimal(value)


def _activity(item: Report) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "user_id": item.place.user,
        "deposits_count": item.numbers.deposits_count,
        "deposits_sum": str(item.numbers.deposits_sum),
        "casino_total_bets_sum": str(item.numbers.bets_sum),
    }
    if item.revision is not None:
        sent["revision"] = item.revision
    if item.first is not None:
        at, amount = item.first
        sent |= {"first_deposit_at": at.isoformat(), "first_deposit_sum": str(amount)}
    return sent


def _event(told: Told) -> dict[str, Any]:
    sent = {
        "id": told.id,
        "type": told.type,
        "user_id": told.user,
        "occurred_at": told.at.isoformat() if told.at else None,
        "amount": str(told.amount) if told.amount is not None else None,
        "ref": told.ref,
        "revision": told.revision,
        "country": told.country,
        "flag": told.flag,
        "value": told.raised if told.flag else None,
    }
    return {name: value for name, value in sent.items() if value is not None}


def place(user: str, start: datetime) -> Hour:
    """An item's place."""
    return Hour(user, start)
