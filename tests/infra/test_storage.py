"""A67: files in object storage; nothing outside of it can be reached."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infra.database import OutgoingCallInTransaction, transaction
from app.infra.storage import FileMissing, Storage, StorageUnavailable
from app.settings import Settings, load_settings
from tests.infra.bucket import Bucket, serve_bucket


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


# The same over S3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket on loopback, and its keys in the environment."""
    with serve_bucket() as served:
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        yield served


def _in(bucket: Bucket) -> Storage:
    return Storage(load_settings(storage_url=f"s3://{bucket.name}"))


@pytest.mark.parametrize("key", ["documents/1/a.pdf", "documents/1/a b+c=d&e%20é.pdf"])
async def test_a67_a_file_in_a_bucket_comes_back_as_it_was(key: str, bucket: Bucket) -> None:
    data = bytes(range(256)) * 40_000
    await _in(bucket).put(key, data)
    assert await _read(_in(bucket), key) == data
    assert list(bucket.objects.values()) == [data]
    assert bucket.refused == []


async def test_a67_a_missing_file_of_a_bucket_is_told_before_the_first_piece(
    bucket: Bucket,
) -> None:
    with pytest.raises(FileMissing):
        await _in(bucket).read("documents/1/none.pdf")


async def test_a67_a_file_removed_from_a_bucket_is_gone_and_removing_it_again_is_no_mistake(
    bucket: Bucket,
) -> None:
    storage = _in(bucket)
    await storage.put("documents/1/a.pdf", b"x")
    await storage.put("documents/1/b.pdf", b"y")
    await storage.delete("documents/1/a.pdf")
    await storage.delete("documents/1/a.pdf")
    assert list(bucket.objects) == ["documents/1/b.pdf"]


async def test_a67_a_bucket_that_refuses_our_key_is_no_missing_file(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _in(bucket).put("documents/1/a.pdf", b"x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    for attempt in (
        _in(bucket).put("documents/1/a.pdf", b"overwritten"),
        _in(bucket).read("documents/1/a.pdf"),
        _in(bucket).delete("documents/1/a.pdf"),
    ):
        with pytest.raises(StorageUnavailable) as refused:
            await attempt
        assert "another secret" not in str(refused.value)
    assert bucket.objects == {"documents/1/a.pdf": b"x"}
    assert len(bucket.refused) == 3


async def test_a67_a_file_that_its_bucket_retains_does_not_count_as_removed(
    bucket: Bucket,
) -> None:
    await _in(bucket).put("documents/1/a.pdf", b"x")
    bucket.retained.add("documents/1/a.pdf")
    with pytest.raises(StorageUnavailable):
        await _in(bucket).delete("documents/1/a.pdf")


async def test_a67_a_bucket_that_is_away_is_told_as_such(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{probe.getsockname()[1]}")
    with pytest.raises(StorageUnavailable):
        await _in(bucket).put("documents/1/a.pdf", b"x")
