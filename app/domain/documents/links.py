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
    """A URL that opens the file until LINK_LIFETIME from now. What is signed is not in the path, which is logged."""
    expires = int((now + LINK_LIFETIME).timestamp())
    # Two items, the first says what for: a cursor has the same form and another first item.
    values = ["file", [file.storage_key, file.name, file.content_type, expires]]
    link = signer.sign(json.dumps(values, separators=(",", ":")).encode())
    return f"{base_url}/files/document?link={link}"


def open_file_link(signer: CursorSigner, link: str, now: datetime) -> FileLink:
    """The file of a link. Raises NotFound for a forged and for an expired one alike."""
    payload = signer.verify(link)
    values = json.loads(payload) if payload else None
    if not isinstance(values, list) or values[:1] != ["file"]:
        raise NotFound("file")
    storage_key, name, content_type, expires = values[1]
    if now.timestamp() >= expires:
        raise NotFound("file")
    return FileLink(storage_key, name, content_type)
