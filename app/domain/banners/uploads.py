"""Registering uploaded pictures. A banner is noted before its file is stored: no file is kept that nobody knows of.

The file itself is checked and kept by the door; what is told of it here was read from its bytes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.domain.campaigns.codes import ALPHABET
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_language, clean_name
from app.infra.database import fetch, transaction
from app.models import Banner, Brand

LARGEST = 5 * 1024 * 1024
# How long an upload may take; longer than any client or proxy waits.
LONGEST_UPLOAD = timedelta(hours=1)
# Private banners are found by nobody who guesses: 31^16 codes.
CODE_LENGTH = 16
CONTENT_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
ENDINGS = {"png": "png", "jpeg": "jpg", "gif": "gif", "webp": "webp"}

_INSERT = """
INSERT INTO banners (code, brand_id, title, language, tags, format, width, height, animated, size, sha256, storage_key,
    private, sort_order, state, created_at)
VALUES ($1, $2, $3, $4, '[]', $5, $6, $7, $8, $9, $10, $11, FALSE,
    (SELECT coalesce(max(sort_order), 0) + 1 FROM banners WHERE brand_id = $2), 'uploading', $12)
RETURNING id
"""
_ARRIVED = """
UPDATE banners SET state = 'active' WHERE id = $1 AND state = 'uploading'
RETURNING brand_id, code, title, language, format, width, height, size, sha256
"""
# By the clock of the brand whose banner it is (decision 12).
_GIVE_UP = """
UPDATE banners b SET state = 'abandoned' FROM brands r
WHERE r.id = b.brand_id AND b.state = 'uploading'
  AND b.created_at <= $1::timestamptz + r.clock_offset * interval '1 microsecond'
"""
_ABANDON = "UPDATE banners SET state = 'abandoned' WHERE id = $1 AND state = 'uploading'"
_ABANDONED = """
SELECT id, storage_key FROM banners WHERE state = 'abandoned' AND id > $1 ORDER BY id LIMIT $2
"""
_FORGET = "DELETE FROM banners WHERE id = $1 AND state = 'abandoned'"


@dataclass(frozen=True, slots=True)
class NewBanner:
    """A checked picture and what the operator says of it. Sizes in pixels as shown, and in bytes."""

    brand_id: int
    title: str
    language: str | None
    format: str
    width: int
    height: int
    animated: bool
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BegunUpload:
    """A banner that is noted, and where its file belongs."""

    banner_id: int
    storage_key: str


@requires(Permission.MANAGE_OFFERS)
async def begin_upload(
    scope: Scope, new: NewBanner, new_code: Callable[[], str] | None = None
) -> BegunUpload:
    """Note a banner whose file is going to be stored; nobody sees it yet (O01).

    Raises NotFound for a brand outside the scope, Invalid for a bad title, language or size.
    """
    if not await scope.query(Brand).filter(id=new.brand_id).exists():
        raise NotFound("brand", field=("brand",))
    title = clean_name(new.title, "title", 200)
    language = clean_language(new.language, "language") if new.language else None
    if new.format not in ENDINGS or not 0 < new.size <= LARGEST:
        raise Invalid(
            f"a banner is a PNG, JPEG, GIF or WebP picture of at most {LARGEST} bytes",
            field=("file",),
        )
    code = (new_code or _random_code)()
    key = f"banners/{new.brand_id}/{code}.{ENDINGS[new.format]}"
    async with transaction() as tx:
        rows = await tx.fetch(
            _INSERT,
            code,
            new.brand_id,
            title,
            language,
            new.format,
            new.width,
            new.height,
            new.animated,
            new.size,
            new.sha256,
            key,
            scope.now(),
        )
    return BegunUpload(int(rows[0]["id"]), key)


def _random_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


@requires(Permission.MANAGE_OFFERS)
async def finish_upload(scope: Scope, banner_id: int) -> Banner:
    """The file is stored: the banner is there from now on. Raises NotFound, or Conflict when it took too long."""
    if not await scope.query(Banner).filter(id=banner_id).exists():
        raise NotFound("banner", field=("bannerId",))
    async with transaction() as tx:
        rows = await tx.fetch(_ARRIVED, banner_id)
        if not rows:
            raise Conflict("the upload took too long: send the file again", field=("file",))
        brand_id = rows[0].pop("brand_id")
        subject = Subject("banner", banner_id)
        await record(scope, tx, "banner.uploaded", subject, brand_id=brand_id, data=rows[0])
    return await scope.query(Banner).get(id=banner_id)


@requires(Permission.MANAGE_OFFERS)
async def abandon_upload(scope: Scope, banner_id: int) -> None:
    """Give up an upload whose file could not be stored; the scheduler removes what is left of it."""
    if await scope.query(Banner).filter(id=banner_id).exists():
        await fetch(_ABANDON, banner_id)


@dataclass(frozen=True, slots=True)
class Leftover:
    """An upload that was given up, and where its file may be."""

    banner_id: int
    storage_key: str


@requires(Permission.OPERATE)
async def give_up_uploads(scope: Scope) -> None:
    """Give up what has not arrived after LONGEST_UPLOAD: the process that took it has died."""
    await fetch(_GIVE_UP, scope.now() - LONGEST_UPLOAD)


@requires(Permission.OPERATE)
async def leftovers(_scope: Scope, after: int, limit: int) -> list[Leftover]:
    """The next leftovers after a banner's id, in the order of ids."""
    rows = await fetch(_ABANDONED, after, limit)
    return [Leftover(row["id"], row["storage_key"]) for row in rows]


@requires(Permission.OPERATE)
async def forget_upload(_scope: Scope, banner_id: int) -> None:
    """The file of an upload that was given up is gone; so goes its row."""
    await fetch(_FORGET, banner_id)
