"""Uploads of banners by operators (O01), and their pictures for everybody, cacheable for ever (A06)."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from app.domain import global_ids
from app.domain.accounts.sessions import authenticate
from app.domain.accounts.users import Audience
from app.domain.banners.markup import banner_url
from app.domain.banners.reads import BannerFile, banner_file
from app.domain.banners.uploads import (
    CONTENT_TYPES,
    LARGEST,
    NewBanner,
    abandon_upload,
    begin_upload,
    finish_upload,
)
from app.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.domain.permissions import Permission
from app.domain.scope import Scope
from app.infra.encoding import dumps
from app.infra.pictures import Picture, PictureFormat, PictureRefused, read_picture
from app.infra.storage import FileMissing, StorageUnavailable
from app.web.body import BodyTooLarge, read_body
from app.web.middleware import error_answer
from app.web.services import client_ip, request_id, services_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

# The picture behind a name never changes: a new one gets a new name.
_FOR_EVER = "public, max-age=31536000, immutable"
_RANGE = re.compile(r"bytes=([0-9]{1,9})-([0-9]{0,9})", re.ASCII)
# Decoding takes a core: one picture at a time in each process, the others wait.
_decoding = asyncio.Semaphore(1)


async def upload(request: Request) -> Response:
    """`POST /admin/banners?brand=…&title=…&language=…` with the picture as body: 201 and the banner.

    What it is, its size and whether it moves are read from its bytes. A Content-Type or an ending of `name` that says
    otherwise is refused, for then it is not the file that was meant.
    """
    services = services_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    user = await authenticate(
        Audience.STAFF, token.strip(), services.clock, request_id(request), client_ip(request)
    )
    if Permission.MANAGE_OFFERS not in user.scope.permissions:
        raise Forbidden("this needs the permission manage_offers")
    try:
        data = await read_body(request, LARGEST)
    except BodyTooLarge:
        message = f"a banner has at most {LARGEST} bytes: compress it or make it smaller"
        return error_answer(413, "TOO_LARGE", message, request_id(request))
    brand_id = _brand(request.query_params.get("brand", ""))
    picture = await _read(data)
    _check_claims(request, picture.format)
    begun = await begin_upload(user.scope, _new(request, brand_id, picture))
    try:
        await services.storage.put(begun.storage_key, picture.data)
    except StorageUnavailable:
        await abandon_upload(user.scope, begun.banner_id)
        raise
    banner = await finish_upload(user.scope, begun.banner_id)
    answer = {
        "id": global_ids.encode("Banner", banner.id),
        "imageUrl": banner_url(services.settings.base_url, banner.code, banner.format),
        "format": banner.format,
        "width": banner.width,
        "height": banner.height,
        "animated": banner.animated,
        "size": banner.size,
    }
    return Response(dumps(answer), 201, media_type="application/json")


def _brand(value: str) -> int:
    parts = global_ids.split(value)
    if parts is None or parts[0] != "Brand":
        raise NotFound("brand", field=("brand",))
    return parts[1]


async def _read(data: bytes) -> Picture:
    try:
        async with _decoding:
            return await asyncio.to_thread(read_picture, data)
    except PictureRefused as refusal:
        raise Invalid(str(refusal), field=("file",)) from None


def _new(request: Request, brand_id: int, picture: Picture) -> NewBanner:
    return NewBanner(
        brand_id,
        request.query_params.get("title", ""),
        request.query_params.get("language") or None,
        picture.format.value,
        picture.width,
        picture.height,
        picture.animated,
        len(picture.data),
        hashlib.sha256(picture.data).hexdigest(),
    )


_ENDING_FORMATS = {
    "png": PictureFormat.PNG,
    "apng": PictureFormat.PNG,
    "jpg": PictureFormat.JPEG,
    "jpeg": PictureFormat.JPEG,
    "gif": PictureFormat.GIF,
    "webp": PictureFormat.WEBP,
}
# A client that does not know the type says this, or nothing.
_NO_CLAIM = {"", "application/octet-stream"}


def _check_claims(request: Request, found: PictureFormat) -> None:
    """Refuse a file that is not what its Content-Type or its name says."""
    claimed = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    allowed = {CONTENT_TYPES[found.value], *({"image/apng"} if found is PictureFormat.PNG else ())}
    if claimed not in _NO_CLAIM | allowed:
        raise Invalid(
            f"the Content-Type says {claimed[:60]!r}, the file is {found.value}: send the right file, "
            f"or {CONTENT_TYPES[found.value]}",
            field=("file",),
        )
    name = request.query_params.get("name", "")
    _, dot, ending = name.rpartition(".")
    if dot and _ENDING_FORMATS.get(ending.lower()) is not found:
        raise Invalid(
            f"the name ends in {ending[:10]!r}, the file is {found.value}: send the right file, or rename it",
            field=("name",),
        )


async def download(request: Request) -> Response:
    """`GET /banners/{code}.{ending}`: the picture. HEAD, If-None-Match and one byte range are answered as well."""
    services = services_of(request)
    scope = Scope.visitor(services.clock, request_id(request))
    file = await banner_file(scope, request.path_params["name"])
    headers = {
        "ETag": f'"{file.sha256}"',
        "Cache-Control": _FOR_EVER,
        "Accept-Ranges": "bytes",
        # Whatever a browser makes of the bytes, nothing in them runs; any page may show them.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    wanted = _wanted(request, file)
    if wanted is not None and wanted[0] >= file.size:
        return Response(None, 416, {"Content-Range": f"bytes */{file.size}"})
    start, end = wanted or (0, file.size)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    headers["Content-Length"] = str(end - start)
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, file.content_type)
    try:
        pieces = await services.storage.read(file.storage_key)
    except FileMissing:
        raise NotFound("banner") from None
    return StreamingResponse(_cut(pieces, start, end), status, headers, file.content_type)


def _wanted(request: Request, file: BannerFile) -> tuple[int, int] | None:
    """The bytes that a range asks for, the end excluded; None for the whole, which any other request gets."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or request.headers.get("if-range", f'"{file.sha256}"') != f'"{file.sha256}"':
        return None
    start, last = int(match[1]), int(match[2]) if match[2] else file.size - 1
    return None if match[2] and last < start else (start, min(last + 1, file.size))


async def _cut(pieces: AsyncIterator[bytes], start: int, end: int) -> AsyncIterator[bytes]:
    """The bytes from `start` to before `end`."""
    at = 0
    async for piece in pieces:
        if at < end and at + len(piece) > start:
            yield piece[max(0, start - at) : end - at]
        at += len(piece)
