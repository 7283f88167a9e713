"""One instance: its port, its keys, and what an unclean stop left running."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.infra import processes
from app.infra.data_directory import CannotStart, DataDirectory, RecordedChild, Run
from app.infra.instance import answers, end_recorded_children, listening_socket, run_instance
from app.settings import Settings, SettingsError


@contextmanager
def process_looking_like(command: str, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process started as our own children are, which only sleeps."""
    package = place / "app"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text("import time; time.sleep(60)")
    with subprocess.Popen([sys.executable, "-m", "app.cli", command], cwd=place) as process:
        try:
            # Right after exec the kernel does not show the arguments yet.
            assert processes.wait_until(lambda: len(processes.command_line(process.pid)) > 1, 5)
            yield process
        finally:
            process.kill()


def recorded(path: Path, name: str, child: RecordedChild) -> DataDirectory:
    directory = DataDirectory(path / "data")
    directory.create()
    directory.record_run(Run(1, "", "", "", children={name: child}))
    return directory


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    return processes.start_time(process.pid) is None


def test_a_recorded_child_of_an_unclean_stop_is_ended(tmp_path: Path) -> None:
    with process_looking_like("worker", tmp_path) as left:
        child = RecordedChild(left.pid, processes.start_time(left.pid))
        end_recorded_children(recorded(tmp_path, "worker", child))
        assert has_ended(left)


def test_a_process_that_reused_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    with process_looking_like("worker", tmp_path) as stranger:
        end_recorded_children(recorded(tmp_path, "worker", RecordedChild(stranger.pid, "1")))
        assert not has_ended(stranger)


def test_another_program_with_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        child = RecordedChild(stranger.pid, processes.start_time(stranger.pid))
        end_recorded_children(recorded(tmp_path, "worker", child))
        assert not has_ended(stranger)
        stranger.kill()


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} .*\n.*PORT={port + 1} make up"):
            listening_socket("127.0.0.1", port)


def test_a_taken_port_is_found_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(data_dir=tmp_path / "data", port=taken.getsockname()[1])
        with pytest.raises(CannotStart, match="cannot be used"):
            run_instance(settings, lambda url, logs, *, demo: None)
    assert not (tmp_path / "data" / "postgres").exists()
    assert not DataDirectory(tmp_path / "data").is_locked()


def test_an_external_database_without_secret_keys_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", database_url="postgres://db.internal/x")
    with pytest.raises(SettingsError, match="TRIBUTARY_SECRET_KEYS"):
        run_instance(settings, lambda url, logs, *, demo: None)


def test_a_port_that_nobody_listens_on_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert not answers("127.0.0.1", port)
