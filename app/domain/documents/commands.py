"""Registering uploaded files, reviewing and deleting them. The bytes themselves are kept by the doors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import transaction
from app.models import Document

LARGEST = 10 * 1024 * 1024
CONTENT_TYPES = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
}
# The first is added to a name that has none of them: a file is never saved as what its bytes are not.
_ENDINGS = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/webp": (".webp",),
}
# They turn the direction of what follows: with them a name can show an ending that it does not have.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_INSERT = """
INSERT INTO documents (partner_id, uploaded_by_id, name, content_type, size, sha256, storage_key, state, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'uploading', $8) RETURNING id
"""
_ARRIVED = """
UPDATE documents SET state = 'pending' WHERE id = $1 AND state = 'uploading'
RETURNING content_type, size, sha256
"""
_LOCK = "SELECT state FROM documents WHERE id = $1 FOR UPDATE"
_REVIEW = "UPDATE documents SET state = $2, reason = $3, reviewed_at = $4 WHERE id = $1"


# Of these there is no file: it has not arrived yet, or goes.
_HIDDEN = ("uploading", "deleted")


class DocumentOrder(StrEnum):
    """The orders of documents."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    DocumentOrder.NEWEST: Ordering(("id",), descending=True),
    DocumentOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was received and checked, and where it is to be stored."""

    name: str
    content_type: str
    size: int
    sha256: str
    storage_key: str


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents; None filters nothing."""

    state: str | None = None
    partner_id: int | None = None


@requires(Permission.READ_ACCOUNT)
async def documents(scope: Scope, chosen: DocumentFilter) -> Listing[Document]:
    """The documents that exist for this scope: they have arrived, and were not deleted."""
    rows = scope.query(Document).exclude(state__in=_HIDDEN)
    if chosen.state is not None:
        rows = rows.filter(state=chosen.state)
    if chosen.partner_id is not None:
        rows = rows.filter(partner_id=chosen.partner_id)
    return Listing(rows, _ORDERINGS)


@requires(Permission.REVIEW_DOCUMENTS)
async def documents_for_review(scope: Scope, chosen: DocumentFilter) -> Listing[Document]:
    """The documents of partners: passports are nobody's business but the reviewers' (O20)."""
    return await documents(scope, chosen)


@requires(Permission.MANAGE_DOCUMENTS)
async def begin_upload(scope: Scope, file: StoredFile) -> int:
    """Note a file before it is stored, so that none is stored that nobody knows of; returns the document's id.

    Raises Invalid for a bad name, type or size.
    """
    if scope.partner_id is None:
        raise Invalid("documents are uploaded by partners")
    if file.content_type not in CONTENT_TYPES or not 0 < file.size <= LARGEST:
        raise Invalid(
            f"a document is PDF, PNG, JPEG or WebP of at most {LARGEST} bytes", field=("file",)
        )
    name = _file_name(file.name, _ENDINGS[file.content_type])
    async with transaction() as tx:
        rows = await tx.fetch(
            _INSERT,
            scope.partner_id,
            scope.actor.id,
            name,
            file.content_type,
            file.size,
            file.sha256,
            file.storage_key,
            scope.now(),
        )
    return int(rows[0]["id"])


@requires(Permission.MANAGE_DOCUMENTS)
async def finish_upload(scope: Scope, document_id: int) -> Document:
    """The file is stored: it is a pending document from now on. Raises NotFound, or Conflict when it took too long."""
    if not await scope.query(Document).filter(id=document_id).exists():
        raise NotFound("document", field=("documentId",))
    async with transaction() as tx:
        rows = await tx.fetch(_ARRIVED, document_id)
        if not rows:
            raise Conflict("the upload took too long: send the file again", field=("file",))
        data = {name: rows[0][name] for name in ("content_type", "size", "sha256")}
        subject = Subject("document", document_id)
        await record(
            scope, tx, "document.uploaded", subject, partner_id=scope.partner_id, data=data
        )
    return await scope.query(Document).get(id=document_id)


def _file_name(name: str, endings: tuple[str, ...]) -> str:
    """The name without folders, with an ending of its type. Raises Invalid."""
    cleaned = clean_name(name.replace("\\", "/").rpartition("/")[2], "name", 200)
    if _TURNING & set(cleaned):
        raise Invalid(
            "name holds characters that turn its direction: leave them out", field=("name",)
        )
    return cleaned if cleaned.lower().endswith(endings) else f"{cleaned[:195]}{endings[0]}"


@requires(Permission.REVIEW_DOCUMENTS)
async def review_document(
    scope: Scope, document_id: int, *, approve: bool, reason: str | None
) -> Document:
    """Approve a pending document, or decline it with a reason. Raises NotFound, Conflict, Invalid."""
    if not approve and not (reason or "").strip():
        raise Invalid("declining needs a reason", field=("reason",))
    cleaned = clean_name(reason, "reason", 500) if reason else None
    state = "approved" if approve else "declined"
    return await _move(scope, document_id, {"pending"}, state, cleaned)


@requires(Permission.MANAGE_DOCUMENTS)
async def delete_document(scope: Scope, document_id: int) -> None:
    """Delete a document of the partner's own; an approved one stays. Raises NotFound, Conflict.

    Its file is removed from storage by the scheduler.
    """
    await _move(scope, document_id, {"pending", "declined"}, "deleted", None)


async def _move(
    scope: Scope, document_id: int, from_states: set[str], state: str, reason: str | None
) -> Document:
    found = await scope.query(Document).exclude(state__in=_HIDDEN).get_or_none(id=document_id)
    if found is None:
        raise NotFound("document", field=("documentId",))
    async with transaction() as tx:
        before = (await tx.fetch(_LOCK, document_id))[0]["state"]
        if before not in from_states:
            raise Conflict(f"the document is {before}", field=("documentId",))
        await tx.fetch(_REVIEW, document_id, state, reason, scope.now())
        await record(
            scope,
            tx,
            f"document.{state}",
            Subject("document", document_id),
            partner_id=found.partner_id,
            data={"reason": reason},
        )
    return await scope.query(Document).get(id=document_id)
