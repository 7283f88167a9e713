"""What operators do with banners: edit, give to partners, switch off and on, put in order (O01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.banners.reads import BannerFilter, banners
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.partners.reads import PartnerFilter, partners
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_language, clean_name
from app.infra.database import Transaction, transaction
from app.infra.encoding import dumps_text, loads
from app.models import Banner, Brand

MOST_TAGS, LONGEST_TAG = 20, 40
MOST_PARTNERS = 500
MOST_SORTED = 1_000

_LOCK = """
SELECT brand_id, title, language, tags, private, state FROM banners WHERE id = $1 FOR UPDATE
"""
_EDIT = "UPDATE banners SET title = $2, language = $3, tags = $4 WHERE id = $1"
_SET_STATE = "UPDATE banners SET state = $2 WHERE id = $1"
_SET_PRIVATE = "UPDATE banners SET private = $2 WHERE id = $1"
_GIVEN = "SELECT partner_id FROM banner_partners WHERE banner_id = $1"
_TAKE = "DELETE FROM banner_partners WHERE banner_id = $1 AND partner_id = ANY($2)"
_GIVE = """
INSERT INTO banner_partners (banner_id, partner_id) SELECT $1, partner_id FROM unnest($2::bigint[]) AS p (partner_id)
"""
# The brand's row is the lock of its order: two operators who sort at once do it one after the other.
_LOCK_BRAND = "SELECT id FROM brands WHERE id = $1 FOR NO KEY UPDATE"
_SORT = """
WITH wanted AS (
    SELECT b.id, row_number() OVER (ORDER BY array_position($2::bigint[], b.id) NULLS LAST, b.sort_order, b.id) AS place
    FROM banners b WHERE b.brand_id = $1
)
UPDATE banners SET sort_order = wanted.place FROM wanted
WHERE banners.id = wanted.id AND banners.sort_order <> wanted.place
"""


@dataclass(frozen=True, slots=True)
class BannerEdit:
    """What to change; None leaves it as it is. `language` empty: none."""

    title: str | None = None
    language: str | None = None
    tags: Sequence[str] | None = None


@requires(Permission.MANAGE_OFFERS)
async def edit_banner(scope: Scope, banner_id: int, edit: BannerEdit) -> Banner:
    """Change a banner's title, language or tags; the picture itself never changes. Raises NotFound, Invalid."""
    title = None if edit.title is None else clean_name(edit.title, "title", 200)
    language = clean_language(edit.language, "language") if edit.language else None
    tags = None if edit.tags is None else clean_tags(edit.tags)
    await _require(scope, banner_id)
    async with transaction() as tx:
        row = await _locked(tx, banner_id)
        before = {name: row[name] for name in ("title", "language", "tags")}
        after = {
            "title": before["title"] if title is None else title,
            "language": before["language"] if edit.language is None else language,
            "tags": before["tags"] if tags is None else tags,
        }
        changed = {
            name: [before[name], after[name]] for name in after if before[name] != after[name]
        }
        if changed:
            values = (after["title"], after["language"], dumps_text(after["tags"]))
            await tx.fetch(_EDIT, banner_id, *values)
            await _record(scope, tx, "banner.edited", banner_id, row, changed)
    return await _require(scope, banner_id)


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Tags in lower case, each once, in order. Raises Invalid."""
    cleaned = sorted({clean_name(tag, "tags", LONGEST_TAG).lower() for tag in tags})
    if len(cleaned) > MOST_TAGS:
        raise Invalid(
            f"a banner has at most {MOST_TAGS} tags: {len(cleaned)} were sent", field=("tags",)
        )
    return cleaned


@requires(Permission.MANAGE_OFFERS)
async def make_private(scope: Scope, banner_id: int, partner_ids: Sequence[int]) -> Banner:
    """Give a banner to these partners and to nobody else. Promos that use it already keep it.

    Raises NotFound for a banner or a partner outside the scope, Invalid for nobody or too many.
    """
    wanted = set(partner_ids)
    if not 1 <= len(wanted) <= MOST_PARTNERS:
        raise Invalid(
            f"name 1 to {MOST_PARTNERS} partners: {len(wanted)} were sent", field=("partnerIds",)
        )
    await _require(scope, banner_id)
    visible = (await partners(scope, PartnerFilter())).rows.filter(id__in=sorted(wanted))
    if await visible.count() != len(wanted):
        raise NotFound("partner", field=("partnerIds",))
    async with transaction() as tx:
        row = await _locked(tx, banner_id)
        given = {grant["partner_id"] for grant in await tx.fetch(_GIVEN, banner_id)}
        await tx.fetch(_TAKE, banner_id, sorted(given - wanted))
        await tx.fetch(_GIVE, banner_id, sorted(wanted - given))
        await tx.fetch(_SET_PRIVATE, banner_id, True)
        if not row["private"] or given != wanted:
            data = {"given": sorted(wanted - given), "taken": sorted(given - wanted)}
            await _record(scope, tx, "banner.made_private", banner_id, row, data)
    return await _require(scope, banner_id)


@requires(Permission.MANAGE_OFFERS)
async def make_public(scope: Scope, banner_id: int) -> Banner:
    """Open a private banner to all partners of the brand. Raises NotFound, or Conflict when it is public."""
    await _require(scope, banner_id)
    async with transaction() as tx:
        row = await _locked(tx, banner_id)
        if not row["private"]:
            raise Conflict("the banner is public already", field=("bannerId",))
        given = [grant["partner_id"] for grant in await tx.fetch(_GIVEN, banner_id)]
        await tx.fetch(_TAKE, banner_id, given)
        await tx.fetch(_SET_PRIVATE, banner_id, False)
        await _record(scope, tx, "banner.made_public", banner_id, row, {"taken": sorted(given)})
    return await _require(scope, banner_id)


@requires(Permission.MANAGE_OFFERS)
async def set_banner_enabled(scope: Scope, banner_id: int, *, enabled: bool) -> Banner:
    """Switch a banner off, so that no new promo can use it, or on again. Pages that show it stay whole.

    Raises NotFound, or Conflict when it is so already.
    """
    state = "active" if enabled else "disabled"
    await _require(scope, banner_id)
    async with transaction() as tx:
        row = await _locked(tx, banner_id)
        if row["state"] == state:
            raise Conflict(f"the banner is {state} already", field=("bannerId",))
        await tx.fetch(_SET_STATE, banner_id, state)
        event = "banner.enabled" if enabled else "banner.disabled"
        await _record(scope, tx, event, banner_id, row, {})
    return await _require(scope, banner_id)


@requires(Permission.MANAGE_OFFERS)
async def sort_banners(scope: Scope, brand_id: int, banner_ids: Sequence[int]) -> None:
    """Put these banners of a brand first, in this order; the others follow in the order that they have.

    Raises NotFound for a brand or a banner outside the scope, Invalid for none, too many, or one twice.
    """
    if not 1 <= len(banner_ids) <= MOST_SORTED or len(set(banner_ids)) != len(banner_ids):
        raise Invalid(
            f"name 1 to {MOST_SORTED} banners, each once: {len(banner_ids)} were sent",
            field=("bannerIds",),
        )
    if not await scope.query(Brand).filter(id=brand_id).exists():
        raise NotFound("brand", field=("brandId",))
    own = (await banners(scope, BannerFilter(brand_id=brand_id))).rows
    if await own.filter(id__in=list(banner_ids)).count() != len(banner_ids):
        raise NotFound("banner", field=("bannerIds",))
    async with transaction() as tx:
        await tx.fetch(_LOCK_BRAND, brand_id)
        await tx.fetch(_SORT, brand_id, list(banner_ids))
        data = {"first": list(banner_ids)}
        subject = Subject("brand", brand_id)
        await record(scope, tx, "brand.banners_sorted", subject, brand_id=brand_id, data=data)


async def _require(scope: Scope, banner_id: int) -> Banner:
    found = await (await banners(scope, BannerFilter())).rows.get_or_none(id=banner_id)
    if found is None:
        raise NotFound("banner", field=("bannerId",))
    return found


async def _locked(tx: Transaction, banner_id: int) -> dict[str, Any]:
    row = (await tx.fetch(_LOCK, banner_id))[0]
    tags = row["tags"]
    return {**row, "tags": loads(tags) if isinstance(tags, str) else tags}


async def _record(
    scope: Scope, tx: Transaction, event: str, banner_id: int, row: dict[str, Any], data: Any
) -> None:
    subject = Subject("banner", banner_id)
    await record(scope, tx, event, subject, brand_id=row["brand_id"], data=data)
