"""Files that no document needs any more: of deleted documents, and of uploads that never arrived (A67)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.domain.permissions import Permission, requires
from app.domain.scope import Scope
from app.infra.database import fetch

# How long an upload may take; longer than any client or proxy waits.
LONGEST_UPLOAD = timedelta(hours=1)

# By the clock of the partner whose upload it is (decision 12).
_GIVE_UP = """
UPDATE documents d SET state = 'deleted' FROM partners p
WHERE p.id = d.partner_id AND d.state = 'uploading'
  AND d.created_at <= $1::timestamptz + p.clock_offset * interval '1 microsecond'
"""
_LEFT = """
SELECT id, storage_key FROM documents
WHERE state = 'deleted' AND bytes_deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2
"""
_REMOVED = "UPDATE documents SET bytes_deleted_at = $2 WHERE id = $1 AND bytes_deleted_at IS NULL"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A document without need for its file, and where that is."""

    document_id: int
    storage_key: str


@requires(Permission.OPERATE)
async def give_up_uploads(scope: Scope) -> None:
    """Count uploads as deleted that have not arrived after LONGEST_UPLOAD: the process that took them has died."""
    await fetch(_GIVE_UP, scope.now() - LONGEST_UPLOAD)


@requires(Permission.OPERATE)
async def leftovers(_scope: Scope, after: int, limit: int) -> list[Leftover]:
    """The next leftovers after a document's id, in the order of ids."""
    rows = await fetch(_LEFT, after, limit)
    return [Leftover(row["id"], row["storage_key"]) for row in rows]


@requires(Permission.OPERATE)
async def mark_removed(scope: Scope, document_id: int) -> None:
    """The file of a deleted document is no longer in storage."""
    await fetch(_REMOVED, document_id, scope.now())
