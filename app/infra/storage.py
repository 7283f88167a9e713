"""Object storage: a directory or an S3 bucket, behind one interface (obstore)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, from_url

from app.infra.database import refuse_in_transaction

if TYPE_CHECKING:
    from app.settings import Settings


class StorageUnavailable(Exception):
    """The storage cannot be reached or refuses; the same call may be repeated."""


class FileMissing(Exception):
    """There is no file under this key."""


class Storage:
    """Where files are kept."""

    def __init__(self, settings: Settings) -> None:
        if settings.storage_url is None:
            directory = settings.data_dir.absolute() / "files"
            self._store: Any = LocalStore(directory, mkdir=True)
        else:
            self._store = from_url(settings.storage_url)

    async def put(self, key: str, data: bytes) -> None:
        """Keep a file. Raises StorageUnavailable."""
        refuse_in_transaction("a file upload")
        try:
            # In one piece: parts of an upload that was interrupted would stay in a bucket, and nobody sees them there.
            await obstore.put_async(self._store, key, data, use_multipart=False)
        except (BaseError, OSError) as error:
            raise StorageUnavailable(str(error)) from error

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The file's bytes, in pieces. Raises FileMissing or StorageUnavailable before the first piece."""
        try:
            found = await obstore.get_async(self._store, key)
        except (NotFoundError, FileNotFoundError):
            raise FileMissing(key) from None
        except (BaseError, OSError) as error:
            raise StorageUnavailable(str(error)) from error
        return self._pieces(found)

    @staticmethod
    async def _pieces(found: Any) -> AsyncIterator[bytes]:
        async for piece in found.stream(min_chunk_size=256 * 1024):
            yield bytes(piece)

    async def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no mistake. Raises StorageUnavailable."""
        refuse_in_transaction("a file removal")
        try:
            await obstore.delete_async(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise StorageUnavailable(str(error)) from error
