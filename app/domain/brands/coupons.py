"""Coupons: codes that are bound to a promo, so that whoever uses one came by that promo (M02)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.brands.material import lock_row, set_state
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import UniqueViolation, transaction
from app.models import Coupon, Promo

LONGEST_CODE = 64

_INSERT = """
INSERT INTO coupons (brand_id, promo_id, code, state, created_at) VALUES ($1, $2, $3, 'active', $4) RETURNING id
"""


class CouponOrder(StrEnum):
    """The orders of coupons."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CODE = "code"


_ORDERINGS = {
    CouponOrder.NEWEST: Ordering(("id",), descending=True),
    CouponOrder.OLDEST: Ordering(("id",)),
    CouponOrder.CODE: Ordering(("code",)),
}


@dataclass(frozen=True, slots=True)
class CouponFilter:
    """Which coupons; None filters nothing."""

    brand_id: int | None = None
    promo_id: int | None = None
    state: str | None = None
    # The whole code, in any case.
    code: str | None = None


@requires(Permission.READ_CAMPAIGNS)
async def coupons(scope: Scope, chosen: CouponFilter) -> Listing[Coupon]:
    """The coupons that exist for this scope: for a partner, those of its promos."""
    rows = scope.query(Coupon)
    columns = {
        "brand_id": chosen.brand_id,
        "promo_id": chosen.promo_id,
        "state": chosen.state,
        "code__iexact": chosen.code,
    }
    rows = rows.filter(**{name: value for name, value in columns.items() if value is not None})
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_BRANDS)
async def create_coupon(scope: Scope, promo_id: int, code: str) -> Coupon:
    """Bind a code to a promo: what the promo's brand reports with it belongs to the promo.

    Raises NotFound, Invalid, Conflict when the brand has an active coupon of that code, whatever its case.
    """
    cleaned = clean_name(code, "code", LONGEST_CODE)
    if any(character.isspace() for character in cleaned):
        raise Invalid("code holds a space: write it as customers type it", field=("code",))
    promo = await scope.query(Promo).get_or_none(id=promo_id)
    if promo is None:
        raise NotFound("promo", field=("promoId",))
    try:
        async with transaction() as tx:
            rows = await tx.fetch(_INSERT, promo.brand_id, promo_id, cleaned, scope.now())
            coupon_id = int(rows[0]["id"])
            await record(
                scope,
                tx,
                "coupon.created",
                Subject("coupon", coupon_id),
                partner_id=promo.partner_id,
                brand_id=promo.brand_id,
                data={"code": cleaned, "promo_id": promo_id},
            )
    except UniqueViolation:
        raise _taken(cleaned, "code") from None
    return await scope.query(Coupon).get(id=coupon_id)


@requires(Permission.MANAGE_BRANDS)
async def set_coupon_state(scope: Scope, coupon_id: int, *, enabled: bool) -> Coupon:
    """Let a code count, or no longer; what it brought stays where it is.

    Raises NotFound, Conflict when it is so already or when another coupon has taken the code meanwhile.
    """
    found = await scope.query(Coupon).get_or_none(id=coupon_id)
    if found is None:
        raise NotFound("coupon", field=("couponId",))
    promo = await scope.query(Promo).get(id=found.promo_id)
    try:
        async with transaction() as tx:
            row = await lock_row(tx, "coupons", coupon_id)
            await set_state(tx, "coupons", row, "active" if enabled else "disabled", "couponId")
            await record(
                scope,
                tx,
                "coupon.enabled" if enabled else "coupon.disabled",
                Subject("coupon", coupon_id),
                partner_id=promo.partner_id,
                brand_id=found.brand_id,
                data={"code": found.code},
            )
    except UniqueViolation:
        raise _taken(found.code, "couponId") from None
    return await scope.query(Coupon).get(id=coupon_id)


def _taken(code: str, field: str) -> Conflict:
    return Conflict(
        f"the brand has an active coupon {code} already, whatever its case: disable it, or choose another code",
        field=(field,),
    )
