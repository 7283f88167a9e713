"""Announced changes: the terms of a brand that partners count on change only after a notice (O01)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.domain.brands.brand_rows import brand_time, lock_brand, require_brand
from app.domain.brands.brand_values import (
    clean_approval_days,
    clean_cookie_days,
    clean_lead_amount,
    clean_sale_percent,
)
from app.domain.brands.offers import open_brands
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.clock import business_day, day_bounds
from app.infra.database import Transaction, fetch, transaction
from app.infra.money import decimal_text
from app.models import BrandChange


class ChangedField(StrEnum):
    """The terms of a brand that change only after a notice."""

    COOKIE_DAYS = "cookie_days"
    APPROVAL_DAYS = "approval_days"
    DEFAULT_SALE_PERCENT = "default_sale_percent"
    DEFAULT_LEAD_AMOUNT = "default_lead_amount"


class BrandChangeOrder(StrEnum):
    """The orders of announced changes."""

    NEWEST = "newest"
    OLDEST = "oldest"
    EFFECTIVE = "effective"


_ORDERINGS = {
    BrandChangeOrder.NEWEST: Ordering(("id",), descending=True),
    BrandChangeOrder.OLDEST: Ordering(("id",)),
    BrandChangeOrder.EFFECTIVE: Ordering(("effective_at",)),
}
_INSERT = """
INSERT INTO brand_changes (brand_id, field, before, after, announced_at, effective_at)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
_LOCK_OPEN = """
SELECT id FROM brand_changes
WHERE brand_id = $1 AND field = $2 AND applied_at IS NULL AND cancelled_at IS NULL ORDER BY id FOR UPDATE
"""
_LOCK = "SELECT * FROM brand_changes WHERE id = $1 FOR UPDATE"
_CANCEL = "UPDATE brand_changes SET cancelled_at = $2 WHERE id = $1"
_APPLIED = "UPDATE brand_changes SET before = $2, applied_at = $3 WHERE id = $1"
_AFFILIATED = (
    "SELECT EXISTS (SELECT 1 FROM affiliations WHERE brand_id = $1 AND state = 'accepted') AS yes"
)
# Offsets are microseconds: a sandbox's change is due on its own clock.
_DUE = """
SELECT c.id, c.brand_id FROM brand_changes c JOIN brands b ON b.id = c.brand_id
WHERE c.applied_at IS NULL AND c.cancelled_at IS NULL
  AND c.effective_at <= $1::timestamptz + b.clock_offset * interval '1 microsecond'
ORDER BY c.effective_at, c.id
"""


@dataclass(frozen=True, slots=True)
class BrandChangeFilter:
    """Which announced changes; None filters nothing."""

    brand_id: int | None = None
    field: str | None = None
    # True: those that will still take effect.
    pending: bool | None = None


@requires(Permission.READ_OFFERS)
async def brand_changes(scope: Scope, chosen: BrandChangeFilter) -> Listing[BrandChange]:
    """The announced changes of the brands that exist for this scope: for a partner, of those that it may promote."""
    rows = scope.query(BrandChange)
    if (brands := open_brands(scope)) is not None:
        rows = rows.filter(brand_id__in=brands)
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.field is not None:
        rows = rows.filter(field=chosen.field)
    if chosen.pending is True:
        rows = rows.filter(applied_at=None, cancelled_at=None)
    elif chosen.pending is False:
        rows = rows.exclude(applied_at=None, cancelled_at=None)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_BRANDS)
async def announce_change(
    scope: Scope, brand_id: int, field: ChangedField, value: Decimal | None, *, notice_days: int
) -> BrandChange:
    """Announce the value that a term will have; None: none, for the default rates alone.

    It takes effect at the start of the brand's first business day that begins `notice_days` or more from now. While
    the brand has no accepted affiliation it takes effect at once. An earlier announcement for the same field is
    replaced. Raises NotFound, Invalid naming the limit, Conflict when the term has that value already.
    """
    await require_brand(scope, brand_id)
    async with transaction() as tx:
        row = await lock_brand(tx, brand_id)
        cleaned = _clean(field, value, row["currency"])
        before = _text(row[field.value])
        now = brand_time(scope, row["clock_offset"])
        replaced = [item["id"] for item in await tx.fetch(_LOCK_OPEN, brand_id, field.value)]
        if cleaned == before:
            raise Conflict(
                f"{field.value} is {before or 'not set'} already: cancel what is announced instead",
                field=("value",),
            )
        at_once = not (await tx.fetch(_AFFILIATED, brand_id))[0]["yes"]
        effective = now if at_once else effective_from(now, row["time_zone"], notice_days)
        rows = await tx.fetch(_INSERT, brand_id, field.value, before, cleaned, now, effective)
        change_id = int(rows[0]["id"])
        for earlier in replaced:
            await tx.fetch(_CANCEL, earlier, now)
            await _record(
                scope, tx, "cancelled", earlier, brand_id, now, {"replaced_by": change_id}
            )
        data = {
            "field": field.value,
            "before": before,
            "after": cleaned,
            "effective_at": effective,
        }
        await _record(scope, tx, "announced", change_id, brand_id, now, data)
        if at_once:
            await _take_effect(scope, tx, change_id, row, now)
    return await scope.query(BrandChange).get(id=change_id)


@requires(Permission.MANAGE_BRANDS)
async def cancel_change(scope: Scope, change_id: int) -> BrandChange:
    """Take an announced change back before it takes effect. Raises NotFound, Conflict when it is too late."""
    found = await scope.query(BrandChange).get_or_none(id=change_id)
    if found is None:
        raise NotFound("announced change", field=("changeId",))
    async with transaction() as tx:
        brand = await lock_brand(tx, found.brand_id)
        row = (await tx.fetch(_LOCK, change_id))[0]
        if row["applied_at"] is not None or row["cancelled_at"] is not None:
            state = "in effect" if row["applied_at"] is not None else "cancelled"
            raise Conflict(
                f"the change is {state} already: announce another one", field=("changeId",)
            )
        now = brand_time(scope, brand["clock_offset"])
        await tx.fetch(_CANCEL, change_id, now)
        await _record(
            scope, tx, "cancelled", change_id, found.brand_id, now, {"field": row["field"]}
        )
    return await scope.query(BrandChange).get(id=change_id)


@requires(Permission.OPERATE)
async def apply_due_changes(scope: Scope) -> int:
    """Let every change that is due on its brand's clock take effect, each once; returns how many did."""
    applied = 0
    for due in await fetch(_DUE, scope.now()):
        async with transaction() as tx:
            brand = await lock_brand(tx, due["brand_id"])
            row = (await tx.fetch(_LOCK, due["id"]))[0]
            # Another scheduler, or an operator, was faster.
            if row["applied_at"] is None and row["cancelled_at"] is None:
                now = brand_time(scope, brand["clock_offset"])
                await _take_effect(scope, tx, due["id"], brand, now)
                applied += 1
    return applied


def effective_from(now: datetime, time_zone: str, notice_days: int) -> datetime:
    """The start of the first business day that begins `notice_days` times 24 hours from now, or later; in UTC."""
    earliest = now + timedelta(days=notice_days)
    day = business_day(earliest, time_zone)
    start, following = day_bounds(day, time_zone)
    return start if start >= earliest else following


async def _take_effect(
    scope: Scope, tx: Transaction, change_id: int, brand: dict[str, Any], now: datetime
) -> None:
    row = (await tx.fetch(_LOCK, change_id))[0]
    field = ChangedField(row["field"])
    before = _text(brand[field.value])
    after = None if row["after"] is None else Decimal(row["after"])
    whole = field in {ChangedField.COOKIE_DAYS, ChangedField.APPROVAL_DAYS}
    value = int(after) if whole and after is not None else after
    # The name of the column is one of the four above.
    await tx.fetch(f"UPDATE brands SET {field.value} = $2 WHERE id = $1", brand["id"], value)
    await tx.fetch(_APPLIED, change_id, before, now)
    data = {"field": field.value, "before": before, "after": row["after"]}
    await _record(scope, tx, "applied", change_id, brand["id"], now, data)


async def _record(
    scope: Scope,
    tx: Transaction,
    what: str,
    change_id: int,
    brand_id: int,
    now: datetime,
    data: dict[str, Any],
) -> None:
    await record(
        scope,
        tx,
        f"brand_change.{what}",
        Subject("brand_change", change_id),
        brand_id=brand_id,
        occurred_at=now,
        data=data,
    )


def _clean(field: ChangedField, value: Decimal | None, currency: str) -> str | None:
    if field is ChangedField.DEFAULT_SALE_PERCENT:
        return _text(clean_sale_percent(value, "value"))
    if field is ChangedField.DEFAULT_LEAD_AMOUNT:
        return _text(clean_lead_amount(value, currency, "value"))
    if value is None or value != value.to_integral_value():
        raise Invalid(f"value: {field.value} is a whole number of days", field=("value",))
    clean = clean_cookie_days if field is ChangedField.COOKIE_DAYS else clean_approval_days
    return str(clean(int(value), "value"))


def _text(value: Decimal | int | None) -> str | None:
    return None if value is None else decimal_text(Decimal(value))
