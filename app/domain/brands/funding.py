"""Prepaid brands: deposits and corrections of a balance that decides whether the brand works (O01)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.domain.brands.brand_rows import brand_time, lock_brand, require_brand
from app.domain.brands.standing import record_brand, settle_standing
from app.domain.errors import Conflict, Invalid
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Transaction, transaction
from app.infra.money import EXACT, LARGEST_AMOUNT, MoneyError, parse_amount
from app.models import Brand, BrandFunding

_INSERT = """
INSERT INTO brand_fundings (brand_id, kind, currency, amount, balance, comment, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""
_SET_BALANCE = "UPDATE brands SET funding_balance = $2 WHERE id = $1"
_SET_PREPAID = "UPDATE brands SET prepaid = $2 WHERE id = $1"


class FundingKind(StrEnum):
    """What a line of a prepaid balance is."""

    DEPOSIT = "deposit"
    CHARGE = "charge"
    CORRECTION = "correction"


class FundingOrder(StrEnum):
    """The orders of funding lines."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    FundingOrder.NEWEST: Ordering(("id",), descending=True),
    FundingOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class FundingFilter:
    """Which funding lines; None filters nothing."""

    brand_id: int | None = None
    kind: str | None = None


@requires(Permission.READ_FUNDING)
async def fundings(scope: Scope, chosen: FundingFilter) -> Listing[BrandFunding]:
    """The lines of the balances of the brands within the scope's limits."""
    rows = scope.query(BrandFunding)
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.kind is not None:
        rows = rows.filter(kind=chosen.kind)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_FUNDING)
async def deposit(scope: Scope, brand_id: int, amount: Decimal, comment: str) -> BrandFunding:
    """Add what a brand paid in, in its currency. Above zero the brand resumes.

    A brand that is not prepaid yet may be funded before it becomes so. Raises NotFound, Invalid naming the limit.
    """
    await require_brand(scope, brand_id)
    if amount <= 0:
        raise Invalid(
            f"amount is {amount:f}: a deposit is above 0, use a correction to take away",
            field=("amount",),
        )
    return await _line_of(scope, brand_id, FundingKind.DEPOSIT, amount, comment)


@requires(Permission.MANAGE_FUNDING)
async def correct_funding(
    scope: Scope, brand_id: int, amount: Decimal, comment: str
) -> BrandFunding:
    """Add to a balance, or with a minus take from it, in the brand's currency; it may fall below zero.

    Raises NotFound, Invalid naming the limit.
    """
    await require_brand(scope, brand_id)
    if amount == 0:
        raise Invalid("amount is 0: a correction adds or takes away", field=("amount",))
    return await _line_of(scope, brand_id, FundingKind.CORRECTION, amount, comment)


@requires(Permission.MANAGE_FUNDING)
async def set_prepaid(scope: Scope, brand_id: int, *, prepaid: bool) -> Brand:
    """Let a brand pay in advance, or later. One without funds is suspended at once. Raises NotFound, Conflict."""
    await require_brand(scope, brand_id)
    async with transaction() as tx:
        row = await lock_brand(tx, brand_id)
        if row["prepaid"] is prepaid:
            raise Conflict(
                f"the brand is {'' if prepaid else 'not '}prepaid already", field=("prepaid",)
            )
        await tx.fetch(_SET_PREPAID, brand_id, prepaid)
        at = brand_time(scope, row["clock_offset"])
        await record_brand(scope, tx, "brand.prepaid_set", brand_id, at, {"prepaid": prepaid})
        await settle_standing(scope, tx, {**row, "prepaid": prepaid})
    return await require_brand(scope, brand_id)


async def add_line(
    scope: Scope,
    tx: Transaction,
    row: dict[str, Any],
    kind: FundingKind,
    amount: Decimal,
    comment: str,
) -> int:
    """Append a line to the balance of a locked brand, and let that decide whether the brand works; returns its id.

    `amount` is signed, in the brand's currency. Raises Invalid when the balance would leave what can be stored.
    """
    balance = EXACT.add(row["funding_balance"], amount)
    if abs(balance) > LARGEST_AMOUNT:
        raise Invalid(
            f"amount: the balance would be {balance:f}, at most {LARGEST_AMOUNT:f} is allowed",
            field=("amount",),
        )
    at = brand_time(scope, row["clock_offset"])
    rows = await tx.fetch(
        _INSERT, row["id"], kind.value, row["currency"], amount, balance, comment, at
    )
    funding_id = int(rows[0]["id"])
    await tx.fetch(_SET_BALANCE, row["id"], balance)
    await record(
        scope,
        tx,
        f"brand_funding.{kind.value}",
        Subject("brand_funding", funding_id),
        brand_id=row["id"],
        occurred_at=at,
        data={
            "amount": amount,
            "balance": balance,
            "currency": row["currency"],
            "comment": comment,
        },
    )
    await settle_standing(scope, tx, {**row, "funding_balance": balance})
    return funding_id


async def _line_of(
    scope: Scope, brand_id: int, kind: FundingKind, amount: Decimal, comment: str
) -> BrandFunding:
    cleaned = clean_name(comment, "comment", 500)
    async with transaction() as tx:
        row = await lock_brand(tx, brand_id)
        try:
            parse_amount(f"{amount:f}", row["currency"])
        except MoneyError as error:
            raise Invalid(f"amount: {error}", field=("amount",)) from None
        funding_id = await add_line(scope, tx, row, kind, amount, cleaned)
    return await scope.query(BrandFunding).get(id=funding_id)
