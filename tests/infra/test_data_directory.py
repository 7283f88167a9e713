"""The data directory: lock, recorded run, secret key and socket directories."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.infra.data_directory import (
    AlreadyRunning,
    CannotStart,
    DataDirectory,
    RecordedChild,
    Run,
    provide_private,
)

_HOLDER = """
import sys, time
from pathlib import Path
from app.infra.data_directory import DataDirectory
directory = DataDirectory(Path(sys.argv[1]))
directory.create()
directory.lock()
print("locked", flush=True)
time.sleep(60)
"""


@contextmanager
def another_process_holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        try:
            yield holder
        finally:
            holder.kill()


def opened(path: Path) -> DataDirectory:
    directory = DataDirectory(path)
    directory.create()
    return directory


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def a_run(pid: int) -> Run:
    children = {"serve": RecordedChild(7, "123")}
    return Run(pid, "http://127.0.0.1:8000", "postgres://db/x", "redis://cache", True, children)


def test_a_second_lock_says_where_and_with_which_pid_the_first_is_running(tmp_path: Path) -> None:
    with another_process_holding(tmp_path) as holder:
        opened(tmp_path).record_run(a_run(holder.pid))
        with pytest.raises(AlreadyRunning) as caught:
            opened(tmp_path).lock()
    assert f"already running at http://127.0.0.1:8000 with pid {holder.pid}" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_second_lock_does_not_show_the_url_of_an_earlier_run(tmp_path: Path) -> None:
    opened(tmp_path).record_run(a_run(pid=1))
    with another_process_holding(tmp_path), pytest.raises(AlreadyRunning) as caught:
        opened(tmp_path).lock()
    assert caught.value.url is None


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    with another_process_holding(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        directory = opened(tmp_path)
        directory.lock()
    assert directory.is_locked()
    directory.unlock()


def test_looking_whether_an_instance_runs_does_not_take_the_lock(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    assert not directory.is_locked()
    directory.lock()
    directory.unlock()
    assert not directory.is_locked()


def test_a_recorded_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.record_run(a_run(pid=42))
    assert directory.recorded_run() == a_run(pid=42)


def test_the_recorded_run_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.record_run(a_run(pid=42))
    assert mode(tmp_path / "run.json") == 0o600


def test_a_run_without_a_live_supervisor_is_not_running(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.record_run(a_run(pid=42))
    assert directory.running() is None


def test_the_run_of_a_live_supervisor_is_running(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    with another_process_holding(tmp_path) as holder:
        directory.record_run(a_run(holder.pid))
        assert directory.running() == a_run(holder.pid)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"children": []}'])
def test_an_unreadable_recorded_run_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert opened(tmp_path).recorded_run() is None


def test_unlocking_forgets_the_recorded_run(tmp_path: Path) -> None:
    directory = opened(tmp_path)
    directory.lock()
    directory.record_run(a_run(os.getpid()))
    directory.unlock()
    assert directory.recorded_run() is None


def test_the_secret_key_has_256_bits_and_stays_the_same(tmp_path: Path) -> None:
    key = opened(tmp_path).secret_key()
    assert len(base64.b64decode(key)) == 32
    assert opened(tmp_path).secret_key() == key


def test_the_secret_key_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    opened(tmp_path).secret_key()
    assert mode(tmp_path / "secret.key") == 0o600


def test_sockets_stand_in_the_data_directory_when_its_path_is_short(tmp_path: Path) -> None:
    short = Path("/tmp") / f"tributary-test-{os.getpid()}"  # noqa: S108
    sockets = opened(short).socket_directory("postgres")
    assert sockets == short / "sockets" / "postgres"
    sockets.parent.rmdir()
    (short / "logs").rmdir()
    short.rmdir()


def test_sockets_have_a_short_private_directory_when_the_path_is_long(tmp_path: Path) -> None:
    sockets = opened(tmp_path / ("long" * 25)).socket_directory("postgres")
    provide_private(sockets, {os.geteuid()})
    assert len(str(sockets / ".s.PGSQL.5432")) < 100
    assert mode(sockets) == 0o700
    sockets.rmdir()


def test_unlocking_removes_the_socket_directories_outside_the_data_directory(
    tmp_path: Path,
) -> None:
    directory = opened(tmp_path / ("long" * 25))
    directory.lock()
    sockets = directory.socket_directory("postgres")
    provide_private(sockets, {os.geteuid()})
    directory.unlock()
    assert not sockets.exists()


def test_two_data_directories_with_long_paths_have_different_sockets(tmp_path: Path) -> None:
    first, second = (
        opened(tmp_path / ("long" * 25) / name).socket_directory("valkey") for name in "ab"
    )
    assert first != second


def test_a_socket_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="belongs to another user"):
        provide_private(tmp_path, {os.geteuid() + 1})


def test_a_link_in_place_of_the_socket_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(CannotStart, match="Fix: "):
        provide_private(tmp_path / "link", {os.geteuid()})


def test_a_data_directory_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="TRIBUTARY_DATA_DIR"):
        DataDirectory(tmp_path / "file" / "below").create()
