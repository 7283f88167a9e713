"""Brands' data that operators enter by hand: by the doors of the brand itself, in the operator's name (O21)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.activity.record import ActivityResult, record_activity
from app.domain.brand_events.batch import EventResult
from app.domain.brand_events.record import record_brand_events
from app.domain.brands.brand_rows import require_brand
from app.domain.errors import Invalid
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.players.register import PlayerResult, register_players
from app.domain.scope import Scope
from app.infra.crypto import SecretBox
from app.infra.database import transaction

MOST_ITEMS = 1_000


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """What players did in an interval; times as ISO 8601 texts, as a brand sends them."""

    start: str
    end: str
    items: Sequence[Mapping[str, Any]]
    complete_through: str | None = None


@requires(Permission.MANAGE_BRANDS)
async def send_players(
    scope: Scope, brand_id: int, items: Sequence[Mapping[str, Any]], *, box: SecretBox
) -> list[PlayerResult]:
    """Take in players of a brand; one result per item, in order. Raises NotFound, Invalid for too many."""
    own = await _in_the_name_of(scope, brand_id, items, "players")
    results = await register_players(own, brand_id, items, box=box)
    await _tell(scope, brand_id, "players", [result.status for result in results])
    return results


@requires(Permission.MANAGE_BRANDS)
async def send_activity(
    scope: Scope, brand_id: int, report: ActivityReport
) -> list[ActivityResult]:
    """Take in what players of a brand did in an interval; one result per item, in order.

    Amounts are in each item's currency. Raises NotFound, Invalid for too many or an impossible interval.
    """
    own = await _in_the_name_of(scope, brand_id, report.items, "items")
    results = await record_activity(
        own, brand_id, report.start, report.end, report.items, report.complete_through
    )
    await _tell(scope, brand_id, "activity", [result.status for result in results])
    return results


@requires(Permission.MANAGE_BRANDS)
async def send_events(
    scope: Scope,
    brand_id: int,
    items: Sequence[Mapping[str, Any]],
    complete_through: str | None = None,
) -> list[EventResult]:
    """Take in single events of a brand; one result per item, in order. Raises NotFound, Invalid for too many."""
    own = await _in_the_name_of(scope, brand_id, items, "events")
    results = await record_brand_events(own, brand_id, items, complete_through)
    await _tell(scope, brand_id, "events", [result.status for result in results])
    return results


async def _tell(scope: Scope, brand_id: int, door: str, statuses: Sequence[str]) -> None:
    """Leave in the log that an operator entered data by hand, and how much of it was taken."""
    async with transaction() as tx:
        counts = {str(status): count for status, count in Counter(statuses).items()}
        data = {"door": door, "items": counts}
        subject = Subject("brand", brand_id)
        await record(scope, tx, "intake.entered", subject, brand_id=brand_id, data=data)


async def _in_the_name_of(scope: Scope, brand_id: int, items: Sequence[Any], field: str) -> Scope:
    """The operator's scope on the brand's own clock, which may send what the brand may."""
    brand = await require_brand(scope, brand_id)
    if len(items) > MOST_ITEMS:
        raise Invalid(
            f"{field} has {len(items)} items: send at most {MOST_ITEMS} at once", field=(field,)
        )
    return replace(
        scope.at_offset(brand.clock_offset),
        permissions=scope.permissions | {Permission.SEND_BRAND_DATA},
        machine_clock=scope.machine_clock or scope.clock,
    )
