"""Removing files of banners whose upload never arrived (O01)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.banners.uploads import forget_upload, give_up_uploads, leftovers
from app.infra.storage import StorageUnavailable
from app.infra.telemetry import logger

if TYPE_CHECKING:
    from app.domain.scope import Scope
    from app.infra.storage import Storage

_BATCH = 100


async def remove_abandoned_files(scope: Scope, storage: Storage) -> int:
    """Remove what is left of uploads that never arrived; returns how many were removed. Safe to run twice."""
    await give_up_uploads(scope)
    removed, after = 0, 0
    while found := await leftovers(scope, after, _BATCH):
        for left in found:
            try:
                await storage.delete(left.storage_key)
            except StorageUnavailable as error:
                logger().warning("banner.file_kept", banner_id=left.banner_id, error=str(error))
                continue
            await forget_upload(scope, left.banner_id)
            removed += 1
        after = found[-1].banner_id
    return removed
