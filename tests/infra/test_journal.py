"""The journal: what an append has acknowledged is read again, in order, by whoever holds the file, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.infra.journal import Journal, JournalFull, abandoned

LIMIT = 1_000_000
entries_of = st.lists(st.binary(min_size=1, max_size=60), max_size=12)

# A process that keeps a journal, says its name, and waits to be told to end, or to be killed.
_KEEPER = """
import sys
from pathlib import Path
from app.infra.journal import Journal
journal = Journal.create(Path(sys.argv[1]), 1_000_000)
journal.append([b"one", b"two"])
print(journal.path.name, flush=True)
sys.stdin.read()
journal.close()
"""
# A process that takes over what it can, says what it has read, and deletes it.
_CONTENDER = """
import sys
from pathlib import Path
from app.infra.journal import abandoned
sys.stdin.readline()
for journal in abandoned(Path(sys.argv[1]), 1_000_000):
    print(journal.path.name, *(each.decode() for each in journal.read(0, 10)[0]), flush=True)
    journal.clear()
    journal.delete()
"""
# A process on a disk that takes no more than 100 bytes of a file.
_ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from app.infra.journal import Journal, JournalFull
journal = Journal.create(Path(sys.argv[1]), 1_000_000)
journal.append([b"a" * 40])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    journal.append([b"b" * 40, b"c" * 40])
except JournalFull:
    print(journal.size, journal.path.stat().st_size, journal.has_room)
journal.append([b"d"])
print(*(each.decode() for each in journal.read(0, 10)[0]), journal.has_room)
"""


def run(code: str, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def all_of(journal: Journal, most: int = 1_000) -> list[bytes]:
    return journal.read(0, most)[0]


@contextmanager
def written(entries: list[bytes]) -> Iterator[Path]:
    """The file of a journal with these entries, whose process is gone."""
    with TemporaryDirectory() as name:
        journal = Journal.create(Path(name), LIMIT)
        journal.append(entries)
        path = journal.path
        os.close(journal._descriptor)
        yield path


def taken_over(path: Path) -> list[bytes]:
    """What the next process reads."""
    found: list[bytes] = []
    for journal in abandoned(path.parent, LIMIT):
        found += all_of(journal)
        journal.close()
    return found


@given(st.lists(entries_of, max_size=5), st.integers(1, 5))
@settings(deadline=None)
def test_entries_are_read_in_the_order_in_which_they_were_appended(
    batches: list[list[bytes]], most: int
) -> None:
    with TemporaryDirectory() as name:
        journal = Journal.create(Path(name), LIMIT)
        for batch in batches:
            journal.append(batch)

        found, offset = [], 0
        while (page := journal.read(offset, most))[0]:
            assert len(page[0]) <= most
            found += page[0]
            offset = page[1]
        journal.close()
    assert found == [entry for batch in batches for entry in batch]
    assert offset == journal.size


def test_a_cleared_journal_is_empty_and_takes_more(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, LIMIT)
    journal.append([b"one"])
    journal.clear()
    journal.append([b"two"])

    assert all_of(journal) == [b"two"]
    journal.close()


def test_an_append_beyond_the_bound_leaves_nothing_and_a_smaller_one_still_fits(
    tmp_path: Path,
) -> None:
    journal = Journal.create(tmp_path, 100)
    journal.append([b"a" * 40])

    with pytest.raises(JournalFull):
        journal.append([b"b" * 20, b"c" * 40])
    assert journal.path.stat().st_size == journal.size == 48
    journal.append([b"d" * 20])

    assert all_of(journal) == [b"a" * 40, b"d" * 20]
    journal.close()


def test_there_is_room_again_once_an_append_has_fitted(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, 100)
    room = [journal.has_room]
    with pytest.raises(JournalFull):
        journal.append([b"a" * 100])
    room.append(journal.has_room)
    journal.append([b"b"])
    room.append(journal.has_room)

    assert room == [True, False, True]
    journal.close()


def test_a_journal_at_its_bound_has_no_room_until_it_is_cleared(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, 48)
    journal.append([b"a" * 40])
    room = [journal.has_room]

    journal.clear()

    assert [*room, journal.has_room] == [False, True]
    journal.close()


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    said, _ = run(_ON_A_FULL_DISK, tmp_path).communicate(timeout=60)

    assert said.splitlines() == ["48 48 False", "a" * 40 + " d True"]


@given(entries_of, st.data())
@settings(deadline=None)
def test_a_file_that_was_cut_off_yields_the_entries_before_the_cut(
    entries: list[bytes], data: st.DataObject
) -> None:
    with written(entries) as path:
        size = path.stat().st_size
        end = data.draw(st.integers(0, size))
        os.truncate(path, end)

        found = taken_over(path)
    whole = [sum(8 + len(entry) for entry in entries[: n + 1]) for n in range(len(entries))]
    assert found == entries[: sum(position <= end for position in whole)]


@given(entries_of, st.integers(1, 100), st.data())
@settings(deadline=None)
def test_a_file_that_grew_before_its_bytes_arrived_yields_no_empty_entries(
    entries: list[bytes], zeros: int, data: st.DataObject
) -> None:
    """After a power failure a file may end in zeros."""
    with written(entries) as path:
        size = path.stat().st_size
        os.truncate(path, data.draw(st.integers(0, size)))
        os.truncate(path, size + zeros)

        found = taken_over(path)
    assert found == entries[: len(found)]


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=12), st.data())
@settings(deadline=None)
def test_a_flipped_bit_ends_the_entries_and_makes_no_others(
    entries: list[bytes], data: st.DataObject
) -> None:
    with written(entries) as path:
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) * 8 - 1))
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)

        found = taken_over(path)
    whole = [sum(8 + len(entry) for entry in entries[: n + 1]) for n in range(len(entries))]
    assert found == entries[: sum(position <= place // 8 for position in whole)]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_a_file_of_anything_is_read_without_an_error(content: bytes) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "1-anything.journal"
        path.write_bytes(content)
        taken_over(path)


def test_a_live_journal_is_never_taken_over(tmp_path: Path) -> None:
    mine = Journal.create(tmp_path, LIMIT)
    mine.append([b"mine"])
    keeper = run(_KEEPER, tmp_path)
    assert keeper.stdout is not None
    name = keeper.stdout.readline().strip()

    assert list(abandoned(tmp_path, LIMIT)) == []
    keeper.communicate("", timeout=60)

    # Ended in order with entries in it: they stay for the next.
    (other,) = abandoned(tmp_path, LIMIT)
    assert (other.path.name, all_of(other)) == (name, [b"one", b"two"])
    other.close()
    mine.close()


def test_journals_of_killed_processes_are_taken_over_once_by_many_contenders(
    tmp_path: Path,
) -> None:
    keepers = [run(_KEEPER, tmp_path) for _ in range(3)]
    names = []
    for keeper in keepers:
        assert keeper.stdout is not None
        names.append(keeper.stdout.readline().strip())
        keeper.kill()
        keeper.communicate()
    contenders = [run(_CONTENDER, tmp_path) for _ in range(6)]
    for contender in contenders:
        assert contender.stdin is not None
        contender.stdin.write("\n")
        contender.stdin.flush()
    said = [line for each in contenders for line in each.communicate(timeout=60)[0].splitlines()]

    assert sorted(said) == sorted(f"{name} one two" for name in names)
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_journal_is_taken_over_first(tmp_path: Path) -> None:
    for number, age in ((1, 100), (2, 300), (3, 200)):
        path = tmp_path / f"{number}-x.journal"
        path.touch()
        os.utime(path, (1_000_000 - age, 1_000_000 - age))

    taken = []
    for journal in abandoned(tmp_path, LIMIT):
        taken.append(journal.path.name)
        journal.close()
    assert taken == ["2-x.journal", "3-x.journal", "1-x.journal"]


def test_an_empty_journal_is_removed_when_it_is_closed(tmp_path: Path) -> None:
    Journal.create(tmp_path, LIMIT).close()

    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_set_aside_stays_and_is_taken_over_by_nobody(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, LIMIT)
    journal.append([b"one"])

    left = journal.set_aside()

    assert left.stat().st_size == 11
    assert list(abandoned(tmp_path, LIMIT)) == []


def test_a_directory_that_is_not_there_holds_no_journals(tmp_path: Path) -> None:
    assert list(abandoned(tmp_path / "none", LIMIT)) == []


def test_a_directory_that_cannot_be_written_is_said_so() -> None:
    with pytest.raises(OSError, match="Not a directory"):
        Journal.create(Path("/dev/null/journal"), LIMIT)
