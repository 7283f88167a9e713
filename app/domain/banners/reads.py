"""Reading banners: the gallery of a partner (A06), and every banner for operators (O01)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import F, Q, Subquery
from tortoise.queryset import QuerySet

from app.domain.banners.uploads import CONTENT_TYPES, ENDINGS
from app.domain.brands.offers import brands
from app.domain.errors import Invalid, NotFound
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_language
from app.infra.database import fetch
from app.models import Banner, BannerPartner

_STATES = ("active", "disabled")
_RESOLUTION = re.compile(r"([1-9][0-9]{0,4}) ?[xX×] ?([1-9][0-9]{0,4})", re.ASCII)
_FIND = """
SELECT storage_key, format, size, sha256 FROM banners WHERE code = $1 AND state = ANY($2)
"""


class BannerOrder(StrEnum):
    """The orders of banners; the rank is the operators' own order."""

    RANK = "rank"
    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    WIDTH = "width"


class GrantOrder(StrEnum):
    """The orders of what was given to partners."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    BannerOrder.RANK: Ordering(("sort_order",)),
    BannerOrder.NEWEST: Ordering(("id",), descending=True),
    BannerOrder.OLDEST: Ordering(("id",)),
    BannerOrder.TITLE: Ordering(("title",)),
    BannerOrder.WIDTH: Ordering(("width",)),
}
_GRANT_ORDERINGS = {
    GrantOrder.NEWEST: Ordering(("id",), descending=True),
    GrantOrder.OLDEST: Ordering(("id",)),
}


class Orientation(StrEnum):
    """How a picture lies, by its size as it is shown."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


_ORIENTATIONS = {
    Orientation.LANDSCAPE: Q(width__gt=F("height")),
    Orientation.PORTRAIT: Q(width__lt=F("height")),
    Orientation.SQUARE: Q(width=F("height")),
}


def orientation_of(width: int, height: int) -> Orientation:
    """How a picture of this size lies."""
    if width == height:
        return Orientation.SQUARE
    return Orientation.LANDSCAPE if width > height else Orientation.PORTRAIT


@dataclass(frozen=True, slots=True)
class BannerFilter:
    """Which banners; None filters nothing. Sizes in pixels, both ends included."""

    brand_id: int | None = None
    title_contains: str | None = None
    language: str | None = None
    format: str | None = None
    private: bool | None = None
    # WIDTHxHEIGHT, such as 300x250.
    resolution: str | None = None
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    tag: str | None = None
    orientation: Orientation | None = None
    animated: bool | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """Which grants; None filters nothing."""

    banner_id: int | None = None
    partner_id: int | None = None


async def _visible(scope: Scope) -> QuerySet[Banner]:
    """The banners that exist for this scope.

    For a partner: the active ones of brands with an accepted affiliation, private ones only when given to it.
    """
    rows = scope.query(Banner).filter(state__in=_STATES)
    if scope.partner_id is None:
        return rows
    open_brands = Subquery((await brands(scope)).rows.values("id"))
    given = Subquery(scope.query(BannerPartner).values("banner_id"))
    return rows.filter(Q(private=False) | Q(id__in=given), state="active", brand_id__in=open_brands)


@requires(Permission.READ_OFFERS)
async def banners(scope: Scope, chosen: BannerFilter) -> Listing[Banner]:
    """The banners that exist for this scope. Raises Invalid for a resolution or a language that is none."""
    rows = await _visible(scope)
    exact = {
        "brand_id": chosen.brand_id,
        "title__icontains": chosen.title_contains,
        "format": chosen.format,
        "private": chosen.private,
        "width__gte": chosen.min_width,
        "width__lte": chosen.max_width,
        "height__gte": chosen.min_height,
        "height__lte": chosen.max_height,
        "tags__contains": None if chosen.tag is None else [chosen.tag.strip().lower()],
        "animated": chosen.animated,
        "state": chosen.state,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    if chosen.language is not None:
        language = clean_language(chosen.language, "language")
        # Of a language without a region, those for all of its regions as well.
        rows = rows.filter(Q(language=language) | Q(language__startswith=f"{language}-"))
    if chosen.resolution is not None:
        rows = rows.filter(**_resolution(chosen.resolution))
    if chosen.orientation is not None:
        rows = rows.filter(_ORIENTATIONS[chosen.orientation])
    return Listing(rows, _ORDERINGS)


def _resolution(text: str) -> dict[str, int]:
    match = _RESOLUTION.fullmatch(text.strip())
    if match is None:
        raise Invalid(
            "resolution is WIDTHxHEIGHT in pixels, such as 300x250", field=("resolution",)
        )
    return {"width": int(match[1]), "height": int(match[2])}


@requires(Permission.READ_OFFERS)
async def require_banner(scope: Scope, brand_id: int, banner_id: int) -> Banner:
    """The active banner of this brand that a promo of this scope may use (A06). Raises NotFound naming `bannerId`."""
    rows = (await _visible(scope)).filter(id=banner_id, brand_id=brand_id, state="active")
    found = await rows.first()
    if found is None:
        raise NotFound("banner", field=("bannerId",))
    return found


@requires(Permission.MANAGE_OFFERS)
async def grants(scope: Scope, chosen: GrantFilter) -> Listing[BannerPartner]:
    """Which private banners were given to which partners."""
    visible = Subquery((await _visible(scope)).values("id"))
    rows = scope.query(BannerPartner).filter(banner_id__in=visible)
    if chosen.banner_id is not None:
        rows = rows.filter(banner_id=chosen.banner_id)
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _GRANT_ORDERINGS)


@dataclass(frozen=True, slots=True)
class BannerFile:
    """The file of a banner: where it is kept, and what it is by our own record."""

    storage_key: str
    content_type: str
    size: int
    sha256: str


async def banner_file(_scope: Scope, name: str) -> BannerFile:
    """The file that a banner's public address names, `{code}.{ending}`. Raises NotFound.

    Public: it knows neither partners nor states. A banner that is disabled can no longer be chosen; the pages that
    show it already stay whole.
    """
    code, _, ending = name.partition(".")
    rows = await fetch(_FIND, code, list(_STATES)) if code.isascii() and code.isalnum() else []
    if not rows or ENDINGS[rows[0]["format"]] != ending:
        raise NotFound("banner")
    row = rows[0]
    return BannerFile(row["storage_key"], CONTENT_TYPES[row["format"]], row["size"], row["sha256"])
