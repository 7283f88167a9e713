"""Uploads of documents, and downloads by signed links that expire (A67)."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

import puremagic
from starlette.responses import Response, StreamingResponse

from app.domain.accounts.sessions import authenticate
from app.domain.accounts.users import Audience
from app.domain.documents.commands import (
    CONTENT_TYPES,
    LARGEST,
    StoredFile,
    begin_upload,
    finish_upload,
)
from app.domain.documents.links import open_file_link
from app.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.domain.permissions import Permission
from app.infra.encoding import dumps
from app.infra.storage import FileMissing
from app.web.body import BodyTooLarge, read_body
from app.web.middleware import error_answer
from app.web.services import client_ip, request_id, services_of

if TYPE_CHECKING:
    from starlette.requests import Request


async def upload(request: Request) -> Response:
    """`POST /partner/documents?name=passport.pdf` with the file as body: 201 and the pending document.

    The type is read from the bytes; what the client says of it does not count.
    """
    services = services_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    user = await authenticate(
        Audience.PARTNER, token.strip(), services.clock, request_id(request), client_ip(request)
    )
    if Permission.MANAGE_DOCUMENTS not in user.scope.permissions:
        raise Forbidden("this needs the permission manage_documents")
    try:
        data = await read_body(request, LARGEST)
    except BodyTooLarge:
        message = f"a document has at most {LARGEST} bytes"
        return error_answer(413, "TOO_LARGE", message, request_id(request))
    content_type = sniff(data)
    key = f"documents/{user.scope.partner_id}/{secrets.token_hex(16)}{CONTENT_TYPES[content_type]}"
    name = request.query_params.get("name", "")
    file = StoredFile(name, content_type, len(data), hashlib.sha256(data).hexdigest(), key)
    # Noted first: what is stored and never finished is found again, and removed.
    document_id = await begin_upload(user.scope, file)
    await services.storage.put(key, data)
    document = await finish_upload(user.scope, document_id)
    answer = {"id": document.id, "name": document.name, "state": document.state}
    return Response(dumps(answer), 201, media_type="application/json")


def sniff(data: bytes) -> str:
    """The content type of the bytes; raises Invalid when it is none of the accepted ones."""
    try:
        found = {match.mime_type for match in puremagic.magic_string(data[:4096])}
    except (puremagic.PureError, ValueError):
        found = set()
    for content_type, start in _STARTS.items():
        if content_type in found and start.match(data):
            return content_type
    raise Invalid("a document is PDF, PNG, JPEG or WebP", field=("file",))


# A polyglot may hold a PDF further down: the file must begin as what it is. RIFF is also sound and film.
_STARTS = {
    "application/pdf": re.compile(rb"%PDF-[12]\.\d"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR", re.DOTALL),
    "image/jpeg": re.compile(rb"\xff\xd8\xff[\xc0-\xfe]"),
    "image/webp": re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL),
}


async def download(request: Request) -> Response:
    """`GET /files/document?link=…`: the file, as an attachment. A forged and an expired link look the same: 404."""
    services = services_of(request)
    link = request.query_params.get("link", "")
    file = open_file_link(services.signer, link, services.clock.now())
    try:
        pieces = await services.storage.read(file.storage_key)
    except FileMissing:
        raise NotFound("file") from None
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(pieces, media_type=file.content_type, headers=headers)
