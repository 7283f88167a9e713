"""Promotions: a brand's dated offers and public coupons, for partners to tell of (O01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.brands.brand_rows import require_brand
from app.domain.brands.material import lock_row, record_edit, set_state, update_row
from app.domain.brands.offers import open_brands
from app.domain.brands.sorting import last_place, sort_rows
from app.domain.errors import Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.domain.urls import clean_url
from app.infra.database import transaction
from app.models import Promotion

LONGEST_DESCRIPTION = 4_000
LONGEST_COUPON = 64

_INSERT = """
INSERT INTO promotions (brand_id, title, description, url, coupon, starts_at, ends_at, sort_order, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'active', $9) RETURNING id
"""


class PromotionOrder(StrEnum):
    """The orders of promotions; the rank is the operators' own order."""

    RANK = "rank"
    TITLE = "title"
    STARTS = "starts"
    ENDS = "ends"
    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    PromotionOrder.RANK: Ordering(("sort_order",)),
    PromotionOrder.TITLE: Ordering(("title",)),
    PromotionOrder.STARTS: Ordering(("starts_at",)),
    PromotionOrder.ENDS: Ordering(("ends_at",)),
    PromotionOrder.NEWEST: Ordering(("id",), descending=True),
    PromotionOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class NewPromotion:
    """What a promotion needs; it runs from `starts_at` until just before `ends_at`."""

    brand_id: int
    title: str
    description: str
    url: str
    starts_at: datetime
    ends_at: datetime
    coupon: str | None = None


@dataclass(frozen=True, slots=True)
class PromotionEdit:
    """What to change of a promotion; None stays, an empty coupon is none."""

    title: str | None = None
    description: str | None = None
    url: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    coupon: str | None = None


@dataclass(frozen=True, slots=True)
class PromotionFilter:
    """Which promotions; None filters nothing."""

    brand_id: int | None = None
    state: str | None = None
    # Running at this moment.
    running_at: datetime | None = None
    title_contains: str | None = None


@requires(Permission.READ_OFFERS)
async def promotions(scope: Scope, chosen: PromotionFilter) -> Listing[Promotion]:
    """The promotions of the brands that exist for this scope: for a partner, the active ones that have not ended."""
    rows = scope.query(Promotion)
    if (brands := open_brands(scope)) is not None:
        rows = rows.filter(brand_id__in=brands, state="active", ends_at__gt=scope.now())
    if chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    if chosen.running_at is not None:
        rows = rows.filter(starts_at__lte=chosen.running_at, ends_at__gt=chosen.running_at)
    if chosen.title_contains is not None:
        rows = rows.filter(title__icontains=chosen.title_contains)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_OFFERS)
async def create_promotion(scope: Scope, new: NewPromotion) -> Promotion:
    """Add a promotion to a brand, behind its others. Raises NotFound, Invalid naming the field."""
    title, url = clean_name(new.title, "title", 200), clean_url(new.url, "url")
    description = clean_description(new.description)
    coupon = clean_coupon(new.coupon)
    _check_dates(new.starts_at, new.ends_at)
    await require_brand(scope, new.brand_id)
    async with transaction() as tx:
        rows = await tx.fetch(
            _INSERT,
            new.brand_id,
            title,
            description,
            url,
            coupon,
            new.starts_at,
            new.ends_at,
            await last_place(tx, "promotions", new.brand_id),
            scope.now(),
        )
        subject = Subject("promotion", int(rows[0]["id"]))
        data = {"title": title, "starts_at": new.starts_at, "ends_at": new.ends_at}
        await record(scope, tx, "promotion.created", subject, brand_id=new.brand_id, data=data)
    return await scope.query(Promotion).get(id=subject.id)


@requires(Permission.MANAGE_OFFERS)
async def edit_promotion(scope: Scope, promotion_id: int, edit: PromotionEdit) -> Promotion:
    """Change a promotion. Raises NotFound, Invalid naming the field."""
    found = await _require(scope, promotion_id)
    cleaned = _cleaned(edit)
    async with transaction() as tx:
        row = await lock_row(tx, "promotions", promotion_id)
        changed = {name: value for name, value in cleaned.items() if row[name] != value}
        wanted = {**row, **changed}
        _check_dates(wanted["starts_at"], wanted["ends_at"])
        if changed:
            await update_row(tx, "promotions", promotion_id, changed)
            before = {name: row[name] for name in changed}
            subject = Subject("promotion", promotion_id)
            await record_edit(scope, tx, subject, found.brand_id, before, changed)
    return await scope.query(Promotion).get(id=promotion_id)


@requires(Permission.MANAGE_OFFERS)
async def set_promotion_state(scope: Scope, promotion_id: int, *, enabled: bool) -> Promotion:
    """Show a promotion to partners, or hide it. Raises NotFound, Conflict."""
    found = await _require(scope, promotion_id)
    async with transaction() as tx:
        row = await lock_row(tx, "promotions", promotion_id)
        await set_state(tx, "promotions", row, "active" if enabled else "disabled", "promotionId")
        event = "promotion.enabled" if enabled else "promotion.disabled"
        subject = Subject("promotion", promotion_id)
        await record(scope, tx, event, subject, brand_id=found.brand_id)
    return await scope.query(Promotion).get(id=promotion_id)


@requires(Permission.MANAGE_OFFERS)
async def sort_promotions(
    scope: Scope, brand_id: int, promotion_ids: Sequence[int]
) -> list[Promotion]:
    """Put these promotions of a brand first, in this order. Raises NotFound, Invalid."""
    await require_brand(scope, brand_id)
    async with transaction() as tx:
        await sort_rows(tx, "promotions", promotion_ids, "promotionIds", brand_id)
        data = {"order": list(promotion_ids)}
        subject = Subject("brand", brand_id)
        await record(scope, tx, "promotion.sorted", subject, brand_id=brand_id, data=data)
    rows = await scope.query(Promotion).filter(id__in=list(promotion_ids))
    found = {row.id: row for row in rows}
    return [found[promotion_id] for promotion_id in promotion_ids]


def clean_description(value: str) -> str:
    """A text of 1 to 4,000 characters, with line ends. Raises Invalid."""
    text = value.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= LONGEST_DESCRIPTION:
        raise Invalid(
            f"description has {len(text)} characters, 1 to {LONGEST_DESCRIPTION:,} are allowed",
            field=("description",),
        )
    for line in text.split("\n"):
        if line.strip():
            clean_name(line.replace("\t", " "), "description", LONGEST_DESCRIPTION)
    return text


def clean_coupon(value: str | None) -> str | None:
    """A coupon as visitors type it; an empty one is none. Raises Invalid."""
    if value is None or not value.strip():
        return None
    return clean_name(value, "coupon", LONGEST_COUPON)


def _check_dates(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise Invalid("endsAt: a promotion ends after it starts", field=("endsAt",))


def _cleaned(edit: PromotionEdit) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if edit.title is not None:
        found["title"] = clean_name(edit.title, "title", 200)
    if edit.description is not None:
        found["description"] = clean_description(edit.description)
    if edit.url is not None:
        found["url"] = clean_url(edit.url, "url")
    if edit.starts_at is not None:
        found["starts_at"] = edit.starts_at
    if edit.ends_at is not None:
        found["ends_at"] = edit.ends_at
    if edit.coupon is not None:
        found["coupon"] = clean_coupon(edit.coupon)
    return found


async def _require(scope: Scope, promotion_id: int) -> Promotion:
    found = await scope.query(Promotion).get_or_none(id=promotion_id)
    if found is None:
        raise NotFound("promotion", field=("promotionId",))
    return found
