"""A journal on the local disk: what could not reach the database yet, kept until it can (decision 11).

Each process appends to a file of its own, which it holds locked, and an append returns when the disk has it. A file
whose process has died is free: any process may take it over, replay it and delete it. Entries are replayed in their
order; one whose outcome is unknown comes again, so whoever applies them must recognise what is there already.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_SUFFIX = ".journal"
_DAMAGED = ".damaged"
# Length and checksum of what follows.
_HEAD = struct.Struct("<II")
# A longer entry is no entry but damage.
_LONGEST = 1024 * 1024


class JournalFull(Exception):
    """The journal has reached its bound, or the disk takes no more. Nothing was written."""


class Journal:
    """One journal file, locked by this process. Not safe for several threads at once."""

    def __init__(self, path: Path, descriptor: int, limit: int) -> None:
        self.path = path
        self.limit = limit
        self._descriptor = descriptor
        self._end = os.fstat(descriptor).st_size
        # The last append was: by its bound, or by the disk.
        self._refused = False

    @classmethod
    def create(cls, directory: Path, limit: int) -> Journal:
        """A new, empty journal of at most `limit` bytes. Raises OSError when the directory cannot be written."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made under a name that nobody takes over, so that it is never seen unlocked.
        path = directory / f"{os.getpid()}-{secrets.token_hex(6)}{_SUFFIX}"
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(path)
        _sync_directory(directory)
        return cls(path, descriptor, limit)

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return self._end

    @property
    def has_room(self) -> bool:
        """Whether it can take more, as far as the last append has shown."""
        return self._end < self.limit and not self._refused

    def append(self, entries: Sequence[bytes]) -> None:
        """Write entries and wait until the disk has them. Raises JournalFull: then none of them is there."""
        data = b"".join(_HEAD.pack(len(entry), zlib.crc32(entry)) + entry for entry in entries)
        self._refused = True
        if self._end + len(data) > self.limit:
            raise JournalFull(f"{self.path.name} holds {self._end} of {self.limit} bytes")
        try:
            _write_all(self._descriptor, data, self._end)
            os.fdatasync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise JournalFull(str(error)) from error
        self._end += len(data)
        self._refused = False

    def read(self, offset: int, most: int) -> tuple[list[bytes], int]:
        """Up to `most` entries from an offset on, and the offset after them. Nothing more: an empty list."""
        entries: list[bytes] = []
        while len(entries) < most and offset < self._end:
            head = os.pread(self._descriptor, _HEAD.size, offset)
            if len(head) < _HEAD.size:
                break
            length, checksum = _HEAD.unpack(head)
            entry = os.pread(self._descriptor, min(length, _LONGEST), offset + _HEAD.size)
            # No entry is empty: zeros are a file that grew before its bytes reached the disk.
            if not length or len(entry) < length or zlib.crc32(entry) != checksum:
                # The end of a write that was cut off: nobody was told that it is kept.
                break
            entries.append(entry)
            offset += _HEAD.size + length
        return entries, offset

    def clear(self) -> None:
        """Forget all entries: they are where they belong."""
        os.ftruncate(self._descriptor, 0)
        self._end = 0
        self._refused = False

    def set_aside(self) -> Path:
        """Keep the file under a name that nobody takes over, for a person to look at; returns that name."""
        damaged = self.path.with_suffix(_DAMAGED)
        self.path.rename(damaged)
        os.close(self._descriptor)
        return damaged

    def close(self) -> None:
        """Let go of the file. An empty one is removed; entries stay for whoever takes it over."""
        if self._end == 0:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def delete(self) -> None:
        """Remove the file; for one that was taken over and replayed."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def abandoned(directory: Path, limit: int) -> Iterator[Journal]:
    """Take over, one after the other, the journals whose process has died; the oldest first."""
    with suppress(FileNotFoundError):
        found = sorted(directory.glob(f"*{_SUFFIX}"), key=_age)
        for path in found:
            if (descriptor := _take_over(path)) is not None:
                yield Journal(path, descriptor, limit)


def _age(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def _take_over(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody else may have replayed and removed it between the two calls.
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
