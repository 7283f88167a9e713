"""A67: files in object storage; nothing outside of it can be reached."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from app.infra.database import OutgoingCallInTransaction, transaction
from app.infra.storage import FileMissing, Storage, StorageUnavailable
from app.settings import Settings, load_settings


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """A directory of this test alone, beside a file that is nobody's business."""
    (tmp_path / "secret.txt").write_text("secret")
    return Storage(load_settings(data_dir=tmp_path))


async def _read(storage: Storage, key: str) -> bytes:
    return b"".join([piece async for piece in await storage.read(key)])


async def test_a67_a_file_comes_back_as_it_was(storage: Storage) -> None:
    data = bytes(range(256)) * 4_000
    await storage.put("documents/1/a.pdf", data)
    assert await _read(storage, "documents/1/a.pdf") == data


async def test_a67_a_missing_file_is_told_before_the_first_piece(storage: Storage) -> None:
    with pytest.raises(FileMissing):
        await storage.read("documents/1/none.pdf")


async def test_a67_a_removed_file_is_gone_and_removing_it_again_is_no_mistake(
    storage: Storage,
) -> None:
    await storage.put("documents/1/a.pdf", b"x")
    await storage.delete("documents/1/a.pdf")
    await storage.delete("documents/1/a.pdf")
    with pytest.raises(FileMissing):
        await storage.read("documents/1/a.pdf")


def _files_outside(directory: Path) -> dict[str, str]:
    """The files beside the storage's own directory, and what they hold."""
    stored = directory / "files"
    found = [path for path in directory.rglob("*") if path.is_file() and stored not in path.parents]
    return {path.name: path.read_text() for path in found}


@pytest.mark.parametrize(
    "key",
    [
        "../secret.txt",
        "documents/../../secret.txt",
        "documents/1/../../../secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "./../secret.txt",
        "..",
        "%2e%2e/secret.txt",
        "..\\secret.txt",
        "documents/\x00",
    ],
)
async def test_a67_no_key_leads_out_of_the_directory(
    key: str, storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises((FileMissing, StorageUnavailable, ValueError)):
        await _read(storage, key)
    with contextlib.suppress(StorageUnavailable, ValueError):
        await storage.put(key, b"overwritten")
    assert _files_outside(tmp_path) == {"secret.txt": "secret"}


async def test_d6_no_file_moves_inside_a_transaction(storage: Storage, database: Settings) -> None:
    with pytest.raises(OutgoingCallInTransaction):
        async with transaction():
            await storage.put("documents/1/a.pdf", b"x")
    with pytest.raises(OutgoingCallInTransaction):
        async with transaction():
            await storage.delete("documents/1/a.pdf")
