"""Sending events of a brand in tests, and reading what holds of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from app.domain.brand_events.record import EventResult, record_brand_events
from app.domain.brands.metric_sources import ReportSource, set_metric_source
from app.domain.players.register import Status, register_players
from app.domain.reports.metrics import BASE_METRICS
from app.domain.reports.run import run_report
from app.domain.reports.specification import ReportSpecification
from app.infra.clock import ManualClock
from app.infra.money import Money
from app.models import Activity, Conversion, FirstDeposit
from tests.factories import BOX, World, brand_scope, make_world, staff_scope

LONG_AGO = date(2020, 1, 1)


async def make_event_world(clock: ManualClock, *users: str, **columns: Any) -> World:
    """A programme whose brand counts events, with these players."""
    made = await make_world(clock, **columns)
    await set_metric_source(staff_scope(clock), made.brand.id, (), ReportSource.EVENTS, LONG_AGO)
    players = [made.player(user) for user in users]
    await register_players(brand_scope(made.brand, clock), made.brand.id, players, box=BOX)
    return made


def event(world: World, name: str, type_: str, **fields: Any) -> dict[str, Any]:
    """An event of the player p1, now."""
    made: dict[str, Any] = {"id": name, "type": type_, "occurred_at": world.clock.now().isoformat()}
    if type_ not in {"sale", "lead", "refund", "void", "amend"}:
        made["user_id"] = "p1"
    return made | fields


def sale(world: World, name: str = "s1", **fields: Any) -> dict[str, Any]:
    """A sale of the world's visit."""
    return event(world, name, "sale", tag=world.tag, amount="50.00") | fields


def ago(world: World, **by: float) -> str:
    """A time before now, as it is sent."""
    return (world.clock.now() - timedelta(**by)).isoformat()


async def send(world: World, *items: Any, through: Any = None) -> list[EventResult]:
    """Send the items in one batch."""
    scope = brand_scope(world.brand, world.clock)
    return await record_brand_events(scope, world.brand.id, list(items), through)


def said(*results: EventResult) -> list[str | None]:
    """What each item was answered: its status, or the code of its refusal."""
    return [r.error if r.status is Status.REJECTED else r.status.value for r in results]


async def holding_activity(*names: str) -> list[Any]:
    """The numbers of the facts that hold."""
    facts = await Activity.filter(superseded_by=None).order_by("occurred_at", "id")
    return [tuple(getattr(fact, name) for name in names) for fact in facts]


async def holding_first() -> list[Any]:
    """The first deposits that hold."""
    facts = await FirstDeposit.filter(superseded_by=None).order_by("player_id")
    return [(fact.occurred_at, fact.first_deposit_sum) for fact in facts]


async def holding_sales() -> list[Any]:
    """The conversions that hold."""
    facts = await Conversion.filter(superseded_by=None).order_by("kind", "transaction_id", "id")
    return [(fact.kind, fact.transaction_id, fact.amount) for fact in facts]


async def totals(world: World) -> dict[str, Any]:
    """Every base metric over all time, as a report says."""
    specification = ReportSpecification(
        LONG_AGO, world.clock.now().date() + timedelta(days=2), tuple(BASE_METRICS), ()
    )
    report = await run_report(staff_scope(world.clock), specification)
    plain: dict[str, Any] = {
        name: {
            each.currency: each.amount for each in value if isinstance(each, Money) and each.amount
        }
        if isinstance(value, tuple)
        else value
        for name, value in report.totals.cells.items()
    }
    return {name: value for name, value in plain.items() if value}
