"""Whether a brand works: disabled by an operator, suspended while its balance is used up; and its downtime (O01)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tortoise.expressions import Q

from app.domain.brands.brand_rows import brand_time, lock_brand, require_brand
from app.domain.errors import Conflict
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Transaction, transaction
from app.infra.money import EXACT
from app.models import Brand, BrandSuspension

DOWNTIME_WINDOW = timedelta(days=30)
NO_FUNDS = "the prepaid balance is used up"

_SET_STATE = "UPDATE brands SET state = $2 WHERE id = $1"
_BEGIN = "INSERT INTO brand_suspensions (brand_id, reason, started_at) VALUES ($1, $2, $3)"
# Never before its beginning, whatever a sandbox's clock did meanwhile.
_END = """
UPDATE brand_suspensions SET ended_at = greatest(started_at, $2) WHERE brand_id = $1 AND ended_at IS NULL
"""

# Share of a time: six decimals, as 0.033333 for a day of thirty.
_SHARE = Decimal("0.000001")


@requires(Permission.MANAGE_PROGRAMME)
async def disable_brand(scope: Scope, brand_id: int, reason: str) -> Brand:
    """Take a brand out of the programme: its links lead to the fallback. Raises NotFound, Conflict."""
    cleaned = clean_name(reason, "reason", 500)
    await require_brand(scope, brand_id)
    async with transaction() as tx:
        row = await lock_brand(tx, brand_id)
        if row["state"] == "disabled":
            raise Conflict("the brand is disabled already", field=("brandId",))
        at = brand_time(scope, row["clock_offset"])
        await tx.fetch(_SET_STATE, brand_id, "disabled")
        await tx.fetch(_END, brand_id, at)
        data = {"before": row["state"], "reason": cleaned}
        await record_brand(scope, tx, "brand.disabled", brand_id, at, data)
    return await require_brand(scope, brand_id)


@requires(Permission.MANAGE_PROGRAMME)
async def enable_brand(scope: Scope, brand_id: int) -> Brand:
    """Take a disabled brand back: active, or suspended when it is prepaid without funds. Raises NotFound, Conflict."""
    await require_brand(scope, brand_id)
    async with transaction() as tx:
        row = await lock_brand(tx, brand_id)
        if row["state"] != "disabled":
            raise Conflict(f"the brand is {row['state']}, not disabled", field=("brandId",))
        at = brand_time(scope, row["clock_offset"])
        await tx.fetch(_SET_STATE, brand_id, "active")
        await record_brand(scope, tx, "brand.enabled", brand_id, at, {"before": "disabled"})
        await settle_standing(scope, tx, {**row, "state": "active"})
    return await require_brand(scope, brand_id)


async def settle_standing(scope: Scope, tx: Transaction, row: dict[str, Any]) -> None:
    """Suspend a locked brand that is prepaid and has no funds left, resume one that has some or pays later.

    What an operator disabled stays so.
    """
    starved = row["prepaid"] and row["funding_balance"] <= 0
    at = brand_time(scope, row["clock_offset"])
    balance = {"balance": f"{row['funding_balance']:f}", "currency": row["currency"]}
    if starved and row["state"] == "active":
        await tx.fetch(_SET_STATE, row["id"], "suspended")
        await tx.fetch(_BEGIN, row["id"], NO_FUNDS, at)
        await record_brand(
            scope, tx, "brand.suspended", row["id"], at, {"reason": NO_FUNDS, **balance}
        )
    elif not starved and row["state"] == "suspended":
        await tx.fetch(_SET_STATE, row["id"], "active")
        await tx.fetch(_END, row["id"], at)
        await record_brand(scope, tx, "brand.resumed", row["id"], at, balance)


async def record_brand(
    scope: Scope,
    tx: Transaction,
    event_type: str,
    brand_id: int,
    at: datetime,
    data: dict[str, Any],
) -> None:
    """An event about a brand, on its own clock."""
    await record(
        scope,
        tx,
        event_type,
        Subject("brand", brand_id),
        brand_id=brand_id,
        occurred_at=at,
        data=data,
    )


@requires(Permission.READ_OFFERS)
async def downtimes(scope: Scope, brand_ids: Sequence[int]) -> dict[int, Decimal]:
    """The downtime of each of these brands that exists for the scope, on the brand's own clock."""
    found = {row.id: row for row in await scope.query(Brand).filter(id__in=list(brand_ids))}
    nows = {brand_id: brand_time(scope, row.clock_offset) for brand_id, row in found.items()}
    if not nows:
        return {}
    since = min(nows.values()) - DOWNTIME_WINDOW
    rows = await scope.query(BrandSuspension).filter(
        Q(ended_at=None) | Q(ended_at__gt=since), brand_id__in=list(found)
    )
    times: dict[int, list[tuple[datetime, datetime | None]]] = {brand_id: [] for brand_id in found}
    for row in rows:
        times[row.brand_id].append((row.started_at, row.ended_at))
    return {brand_id: downtime(times[brand_id], now) for brand_id, now in nows.items()}


def downtime(suspensions: Iterable[tuple[datetime, datetime | None]], now: datetime) -> Decimal:
    """The share of the last 30 days in which a brand was suspended, from 0 to 1, with six decimals, half-even.

    `suspensions` are (start, end) that do not overlap; one without an end still goes on. The moment of the start
    counts, the moment of the end does not.
    """
    since = now - DOWNTIME_WINDOW
    down = timedelta(0)
    for started, ended in suspensions:
        down += max(timedelta(0), min(ended or now, now) - max(started, since))
    share = EXACT.divide(Decimal(_microseconds(down)), Decimal(_microseconds(DOWNTIME_WINDOW)))
    return EXACT.quantize(share, _SHARE)


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
