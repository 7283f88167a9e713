"""Removing files that no document needs any more from storage (A67)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.documents.leftovers import give_up_uploads, leftovers, mark_removed
from app.infra.storage import StorageUnavailable
from app.infra.telemetry import logger

if TYPE_CHECKING:
    from app.domain.scope import Scope
    from app.infra.storage import Storage

_BATCH = 100


async def remove_files(scope: Scope, storage: Storage) -> int:
    """Remove the files of deleted documents and of uploads that never arrived; returns how many were removed.

    A file that cannot be removed now is tried again the next time, and does not hold up the others. Safe to run
    twice: removing what is gone is no mistake.
    """
    await give_up_uploads(scope)
    removed, after = 0, 0
    while found := await leftovers(scope, after, _BATCH):
        for left in found:
            try:
                await storage.delete(left.storage_key)
            except StorageUnavailable as error:
                logger().warning(
                    "document.file_kept", document_id=left.document_id, error=str(error)
                )
                continue
            await mark_removed(scope, left.document_id)
            removed += 1
        after = found[-1].document_id
    return removed
