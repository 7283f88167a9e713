"""Links to stored files: signed, and expiring after a few minutes (A67)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.domain.errors import NotFound

if TYPE_CHECKING:
    from app.infra.crypto import CursorSigner

LINK_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class FileLink:
    """Which stored file a link opens, and how it is named."""

    storage_key: str
    name: str
    content_type: str


def sign_file_link(signer: CursorSigner, base_url: str, file: FileLink, now: datetime) -> str:
    """A URL that opens the file until LINK_LIFETIME from now."""
    expires = int((now + LINK_LIFETIME).timestamp())
    values = ["file", file.storage_key, file.name, file.content_type, expires]
    return f"{base_url}/files/{signer.sign(json.dumps(values, separators=(',', ':')).encode())}"


def open_file_link(signer: CursorSigner, link: str, now: datetime) -> FileLink:
    """The file of a link. Raises NotFound for a forged and for an expired one alike."""
    payload = signer.verify(link)
    values = json.loads(payload) if payload else None
    if not isinstance(values, list) or values[:1] != ["file"] or now.timestamp() > values[4]:
        raise NotFound("file")
    return FileLink(values[1], values[2], values[3])
