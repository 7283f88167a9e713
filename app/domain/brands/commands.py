"""Creating, editing and sorting brands (O01)."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.domain.brands.brand_rows import brand_time, lock_brand, require_brand
from app.domain.brands.brand_values import (
    clean_approval_days,
    clean_category,
    clean_cookie_days,
    clean_currency,
    clean_domains,
    clean_lead_amount,
    clean_sale_percent,
    clean_stag_parameter,
    clean_time_zone,
)
from app.domain.brands.ignored_addresses import clean_addresses
from app.domain.brands.landings import follow_main_url
from app.domain.brands.redirect_arguments import clean_arguments
from app.domain.brands.sorting import last_place, sort_rows
from app.domain.brands.standing import record_brand
from app.domain.countries import clean_countries
from app.domain.errors import Conflict, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.domain.urls import clean_url
from app.infra.database import IntegrityViolation, Transaction, UniqueViolation, transaction
from app.infra.encoding import dumps_text
from app.models import Brand

_INSERT = """
INSERT INTO brands (code, slug, name, category, state, main_url, sort_order, countries, domains, redirect_arguments,
                    ignored_ips, time_zone, currency, cookie_days, stag_parameter, server_last_click, coupon_first,
                    approval_days, default_sale_percent, default_lead_amount, prepaid, funding_balance, sandbox,
                    clock_offset, created_at)
VALUES ($1, $2, $3, $4, 'active', $5, $6, $7, $8, '[]', '[]', $9, $10, $11, $12, FALSE, FALSE, $13, $14, $15, FALSE, 0,
        FALSE, 0, $16)
RETURNING id
"""
_SLUGS = "SELECT slug FROM brands WHERE slug = $1 OR slug LIKE $1 || '-%'"
# What has happened in a currency cannot happen in another one afterwards.
_COUNTED = """
SELECT EXISTS (SELECT 1 FROM brand_fundings WHERE brand_id = $1)
    OR EXISTS (SELECT 1 FROM daily_rollups WHERE brand_id = $1)
    OR EXISTS (SELECT 1 FROM visits WHERE brand_id = $1)
    OR EXISTS (SELECT 1 FROM players WHERE brand_id = $1) AS counted
"""
_CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_LENGTH = 9


@dataclass(frozen=True, slots=True)
class NewBrand:
    """What a brand needs. `default_lead_amount` is in the brand's currency, `default_sale_percent` of the sale."""

    name: str
    category: str
    main_url: str
    currency: str
    time_zone: str
    countries: Sequence[str] = ()
    domains: Sequence[str] = ()
    stag_parameter: str = "stag"
    cookie_days: int = 30
    approval_days: int = 30
    default_sale_percent: Decimal | None = None
    default_lead_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BrandEdit:
    """What to change of a brand; None stays. Terms that partners count on are announced instead (`changes`)."""

    name: str | None = None
    category: str | None = None
    main_url: str | None = None
    currency: str | None = None
    time_zone: str | None = None
    countries: Sequence[str] | None = None
    domains: Sequence[str] | None = None
    stag_parameter: str | None = None
    redirect_arguments: Sequence[tuple[str, str]] | None = None
    ignored_ips: Sequence[str] | None = None
    server_last_click: bool | None = None
    coupon_first: bool | None = None


@requires(Permission.MANAGE_PROGRAMME)
async def create_brand(
    scope: Scope, new: NewBrand, new_code: Callable[[], str] | None = None
) -> Brand:
    """Add an active brand to the programme, behind the others. Raises Invalid naming the field and its limit."""
    name = clean_name(new.name, "name", 200)
    currency = clean_currency(new.currency)
    percent = clean_sale_percent(new.default_sale_percent)
    lead = clean_lead_amount(new.default_lead_amount, currency)
    values = (
        clean_category(new.category),
        clean_url(new.main_url, "mainUrl"),
        dumps_text(clean_countries(new.countries, "countries")),
        dumps_text(clean_domains(new.domains)),
        clean_time_zone(new.time_zone),
        currency,
        clean_cookie_days(new.cookie_days),
        clean_stag_parameter(new.stag_parameter),
        clean_approval_days(new.approval_days),
        percent,
        lead,
    )
    try:
        async with transaction() as tx:
            slug = await _free_slug(tx, name)
            place = await last_place(tx, "brands")
            code = (new_code or _random_code)()
            rows = await tx.fetch(
                _INSERT, code, slug, name, *values[:2], place, *values[2:], scope.now()
            )
            brand_id = int(rows[0]["id"])
            await record_brand(
                scope,
                tx,
                "brand.created",
                brand_id,
                scope.now(),
                {"name": name, "category": values[0], "currency": currency},
            )
    except UniqueViolation:
        raise Conflict(
            "another brand took this name at the same moment: try again", field=("name",)
        ) from None
    return await require_brand(scope, brand_id)


@requires(Permission.MANAGE_BRANDS)
async def edit_brand(scope: Scope, brand_id: int, edit: BrandEdit) -> Brand:
    """Change a brand's settings; they hold from the next click on.

    Raises NotFound, Invalid naming the field, Conflict for the time zone or currency of a brand that has facts.
    """
    await require_brand(scope, brand_id)
    try:
        async with transaction() as tx:
            row = await lock_brand(tx, brand_id)
            changed = {
                column: value
                for column, value in _cleaned(edit, row).items()
                if row[column] != value
            }
            await _refuse_moved_currency(tx, brand_id, changed)
            if changed:
                await _update(tx, brand_id, changed)
                if "main_url" in changed:
                    before, after = row["main_url"], changed["main_url"]
                    await follow_main_url(scope, tx, brand_id, before, after)
                await record_brand(
                    scope,
                    tx,
                    "brand.edited",
                    brand_id,
                    brand_time(scope, row["clock_offset"]),
                    {
                        "before": {column: row[column] for column in changed},
                        "after": changed,
                    },
                )
    except IntegrityViolation as error:
        if "time zone" not in str(error):
            raise
        raise Conflict(
            "the time zone is that of the business days that were counted already and cannot change: "
            "create another brand for another zone",
            field=("timeZone",),
        ) from None
    return await require_brand(scope, brand_id)


@requires(Permission.MANAGE_PROGRAMME)
async def sort_brands(scope: Scope, brand_ids: Sequence[int]) -> list[Brand]:
    """Put these brands first, in this order; the others keep theirs behind them. Raises NotFound, Invalid."""
    if await scope.query(Brand).filter(id__in=list(brand_ids)).count() != len(set(brand_ids)):
        raise NotFound("brand", field=("brandIds",))
    async with transaction() as tx:
        await sort_rows(tx, "brands", brand_ids, "brandIds")
        subject = Subject("brand", brand_ids[0])
        await record(scope, tx, "brand.sorted", subject, data={"order": list(brand_ids)})
    found = {row.id: row for row in await scope.query(Brand).filter(id__in=list(brand_ids))}
    return [found[brand_id] for brand_id in brand_ids]


_CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "name": lambda value: clean_name(value, "name", 200),
    "category": clean_category,
    "main_url": lambda value: clean_url(value, "mainUrl"),
    "currency": clean_currency,
    "time_zone": clean_time_zone,
    "countries": lambda value: clean_countries(value, "countries"),
    "domains": clean_domains,
    "ignored_ips": clean_addresses,
    "server_last_click": bool,
    "coupon_first": bool,
    "stag_parameter": clean_stag_parameter,
}


def _cleaned(edit: BrandEdit, row: dict[str, Any]) -> dict[str, Any]:
    """The columns that an edit sets; raises Invalid. The stag's new name counts for the redirect arguments at once."""
    found: dict[str, Any] = {
        column: clean(value)
        for column, clean in _CLEANERS.items()
        if (value := getattr(edit, column)) is not None
    }
    if edit.redirect_arguments is not None or edit.stag_parameter is not None:
        given = edit.redirect_arguments
        arguments = row["redirect_arguments"] if given is None else given
        stag = found.get("stag_parameter", row["stag_parameter"])
        pairs = [(name, template) for name, template in arguments]
        found["redirect_arguments"] = clean_arguments(pairs, stag)
    return found


async def _refuse_moved_currency(tx: Transaction, brand_id: int, changed: dict[str, Any]) -> None:
    if "currency" in changed and (await tx.fetch(_COUNTED, brand_id))[0]["counted"]:
        raise Conflict(
            "the currency is that of amounts that were counted already and cannot change: "
            "create another brand for another currency",
            field=("currency",),
        )


_JSON = frozenset({"countries", "domains", "ignored_ips", "redirect_arguments"})


async def _update(tx: Transaction, brand_id: int, changed: dict[str, Any]) -> None:
    # The names of columns come from `_cleaned` alone.
    columns = ", ".join(f"{column} = ${place}" for place, column in enumerate(changed, start=2))
    values = [dumps_text(value) if column in _JSON else value for column, value in changed.items()]
    await tx.fetch(f"UPDATE brands SET {columns} WHERE id = $1", brand_id, *values)


async def _free_slug(tx: Transaction, name: str) -> str:
    """The name as a path segment, with a number behind it when another brand has it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-") or "brand"
    taken = {row["slug"] for row in await tx.fetch(_SLUGS, slug)}
    candidates = (slug, *(f"{slug}-{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _random_code() -> str:
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
