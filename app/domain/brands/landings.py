"""Landings: the pages of a brand that promos lead to (O01)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.brands.brand_rows import require_brand
from app.domain.brands.material import lock_row, record_edit, set_state, update_row
from app.domain.brands.sorting import last_place, sort_rows
from app.domain.countries import clean_countries
from app.domain.errors import Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.domain.urls import clean_url
from app.infra.database import Transaction, transaction
from app.infra.encoding import dumps_text, loads
from app.models import Landing

_INSERT = """
INSERT INTO landings (brand_id, title, url, audience, countries, language, sort_order, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8) RETURNING id
"""
# A landing that an operator led elsewhere stays there.
_FOLLOW = """
UPDATE landings SET url = $3
WHERE url = $2 AND id IN (SELECT landing_id FROM promos WHERE brand_id = $1 AND network)
RETURNING id
"""
# A language, and a region or script where it matters: en, pt-BR, zh-Hant.
_LANGUAGE = re.compile(r"([a-zA-Z]{2,3})(?:-([a-zA-Z]{4}))?(?:-([a-zA-Z]{2}))?")


class LandingAudience(StrEnum):
    """Whom a landing is made for."""

    PLAYERS = "players"
    SUB_AFFILIATES = "sub_affiliates"


@dataclass(frozen=True, slots=True)
class NewLanding:
    """What a landing needs. No countries: everywhere."""

    brand_id: int
    title: str
    url: str
    audience: LandingAudience = LandingAudience.PLAYERS
    countries: Sequence[str] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class LandingEdit:
    """What to change of a landing; None stays, an empty language is none."""

    title: str | None = None
    url: str | None = None
    audience: LandingAudience | None = None
    countries: Sequence[str] | None = None
    language: str | None = None


def clean_language(value: str | None) -> str | None:
    """A language tag such as en, pt-BR or zh-Hant; an empty one is none. Raises Invalid."""
    if value is None or not value.strip():
        return None
    match = _LANGUAGE.fullmatch(value.strip())
    if match is None:
        raise Invalid(
            f"language: {value[:20]!r} is no language, such as en or pt-BR", field=("language",)
        )
    parts = (match[1].lower(), match[2] and match[2].title(), match[3] and match[3].upper())
    return "-".join(part for part in parts if part)


@requires(Permission.MANAGE_OFFERS)
async def create_landing(scope: Scope, new: NewLanding) -> Landing:
    """Add a landing to a brand, behind its others. Raises NotFound, Invalid naming the field."""
    title, url = clean_name(new.title, "title", 200), clean_url(new.url, "url")
    countries = clean_countries(new.countries, "countries")
    language = clean_language(new.language)
    await require_brand(scope, new.brand_id)
    async with transaction() as tx:
        rows = await tx.fetch(
            _INSERT,
            new.brand_id,
            title,
            url,
            new.audience.value,
            dumps_text(countries),
            language,
            await last_place(tx, "landings", new.brand_id),
            scope.now(),
        )
        subject = Subject("landing", int(rows[0]["id"]))
        data = {"title": title, "url": url, "audience": new.audience.value}
        await record(scope, tx, "landing.created", subject, brand_id=new.brand_id, data=data)
    return await scope.query(Landing).get(id=subject.id)


@requires(Permission.MANAGE_OFFERS)
async def edit_landing(scope: Scope, landing_id: int, edit: LandingEdit) -> Landing:
    """Change a landing; its promos lead to the new address from the next click on. Raises NotFound, Invalid."""
    found = await _require(scope, landing_id)
    cleaned = _cleaned(edit)
    async with transaction() as tx:
        row = await lock_row(tx, "landings", landing_id)
        row["countries"] = loads(row["countries"])
        changed = {name: value for name, value in cleaned.items() if row[name] != value}
        if changed:
            stored = {
                name: dumps_text(value) if name == "countries" else value
                for name, value in changed.items()
            }
            await update_row(tx, "landings", landing_id, stored)
            before = {name: row[name] for name in changed}
            subject = Subject("landing", landing_id)
            await record_edit(scope, tx, subject, found.brand_id, before, changed)
    return await scope.query(Landing).get(id=landing_id)


@requires(Permission.MANAGE_OFFERS)
async def set_landing_state(scope: Scope, landing_id: int, *, enabled: bool) -> Landing:
    """Offer a landing, or no longer. Promos that lead to a disabled one keep working. Raises NotFound, Conflict."""
    found = await _require(scope, landing_id)
    async with transaction() as tx:
        row = await lock_row(tx, "landings", landing_id)
        await set_state(tx, "landings", row, "active" if enabled else "disabled", "landingId")
        event = "landing.enabled" if enabled else "landing.disabled"
        await record(scope, tx, event, Subject("landing", landing_id), brand_id=found.brand_id)
    return await scope.query(Landing).get(id=landing_id)


@requires(Permission.MANAGE_OFFERS)
async def sort_landings(scope: Scope, brand_id: int, landing_ids: Sequence[int]) -> list[Landing]:
    """Put these landings of a brand first, in this order. Raises NotFound, Invalid."""
    await require_brand(scope, brand_id)
    async with transaction() as tx:
        await sort_rows(tx, "landings", landing_ids, "landingIds", brand_id)
        data = {"order": list(landing_ids)}
        subject = Subject("brand", brand_id)
        await record(scope, tx, "landing.sorted", subject, brand_id=brand_id, data=data)
    found = {row.id: row for row in await scope.query(Landing).filter(id__in=list(landing_ids))}
    return [found[landing_id] for landing_id in landing_ids]


async def follow_main_url(
    scope: Scope, tx: Transaction, brand_id: int, before: str, after: str
) -> None:
    """Let the landing of a brand's network links lead to the brand's new main URL, within its edit (W4)."""
    for row in await tx.fetch(_FOLLOW, brand_id, before, after):
        subject = Subject("landing", int(row["id"]))
        await record_edit(scope, tx, subject, brand_id, {"url": before}, {"url": after})


def _cleaned(edit: LandingEdit) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if edit.title is not None:
        found["title"] = clean_name(edit.title, "title", 200)
    if edit.url is not None:
        found["url"] = clean_url(edit.url, "url")
    if edit.audience is not None:
        found["audience"] = edit.audience.value
    if edit.countries is not None:
        found["countries"] = clean_countries(edit.countries, "countries")
    if edit.language is not None:
        found["language"] = clean_language(edit.language)
    return found


async def _require(scope: Scope, landing_id: int) -> Landing:
    found = await scope.query(Landing).get_or_none(id=landing_id)
    if found is None:
        raise NotFound("landing", field=("landingId",))
    return found
