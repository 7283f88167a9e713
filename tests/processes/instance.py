"""A real `tributary up`: its own process, port and data directory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server
from typing import Any

from app.infra import processes
from app.infra.data_directory import DataDirectory, Run
from app.infra.instance import answers
from app.settings import Settings, load_settings

PROJECT = Path(__file__).parent.parent.parent
CHILDREN = ("postgres", "valkey", "worker", "scheduler", "serve")

# Generous: a slow machine that is busy with other tests.
_START_SECONDS = 200
_STOP_SECONDS = 60
_RECOVERY_SECONDS = 90


class _Speech:
    """What one `up` says on its standard output, up to the line `ready`."""

    def __init__(self) -> None:
        self.ready: str | None = None
        # Set when it has said `ready`, or will say nothing more.
        self.ended = threading.Event()

    def hear(self, process: subprocess.Popen[str]) -> None:
        """Read to the end, so that the process never waits for a reader."""
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.startswith("ready "):
                    self.ready = line
                    self.ended.set()
        self.ended.set()


class Instance:
    """One instance; `start()` may be called again after it has ended, on the same data."""

    def __init__(self, directory: Path, *, demo: bool, **environment: str) -> None:
        self.data_dir = directory / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # What the supervisor says; the logs of its children are in the data directory.
        self.log = directory / "supervisor.log"
        self._arguments = ["up", "--demo"] if demo else ["up"]
        self._environment = clean_environment() | environment
        self._environment |= {"PORT": str(self.port), "TRIBUTARY_DATA_DIR": str(self.data_dir)}
        self._process: subprocess.Popen[str] | None = None
        self._speech = _Speech()

    def start(self) -> None:
        """Start it and wait for the line `ready`."""
        self.launch()
        self.wait_until_started()

    def launch(self) -> None:
        """Start it. Called from the main thread: the kernel stops it when the calling thread ends."""
        parent = os.getpid()
        self._speech = _Speech()
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *self._arguments],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A test run that is killed leaves nothing running.
                preexec_fn=lambda: processes.die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509
            )
        threading.Thread(target=self._speech.hear, args=(self._process,), daemon=True).start()

    def wait_until_started(self) -> None:
        """Wait for the line `ready`."""
        self._speech.ended.wait(_START_SECONDS)
        if self._speech.ready != f"ready {self.url}\n":
            if self.is_running():
                self.kill()
            raise AssertionError(f"the instance did not start:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> int:
        """Stop it as Ctrl-C does and return its exit code."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """`kill -9` of the supervisor and all its children at once."""
        process = self._running()
        # Stopped first, so that nothing is restarted between two signals.
        process.send_signal(signal.SIGSTOP)
        backends = processes.working_in(self.data_dir / "postgres", "postgres")
        for pid in {*self._live_children().values(), *backends, process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(_STOP_SECONDS)

    def pid_of(self, child: str) -> int:
        """The pid of the supervisor's child of that name, as `run.json` says."""
        return self._live_children()[child]

    def kill_child(self, child: str) -> None:
        """`kill -9` of one child; returns when another one has taken its place."""
        before = self.pid_of(child)
        os.kill(before, signal.SIGKILL)
        replaced = processes.wait_until(
            lambda: self._live_children().get(child, before) != before, _RECOVERY_SECONDS
        )
        assert replaced, f"{child} was not started again:\n{self.log.read_text()[-4000:]}"

    def wait_until_ready(self) -> None:
        """Wait until every part answers."""
        ready = processes.wait_until(
            lambda: answers("127.0.0.1", self.port), _RECOVERY_SECONDS, interval=0.1
        )
        assert ready, f"the instance did not recover:\n{self.log.read_text()[-4000:]}"

    def is_running(self) -> bool:
        """Whether the supervisor is alive."""
        return self._process is not None and self._process.poll() is None

    def settings(self) -> Settings:
        """Settings with which this process reaches the instance's database."""
        run = self._run()
        return load_settings(
            database_url=run.database_url,
            redis_url=run.redis_url,
            secret_keys=DataDirectory(self.data_dir).secret_key(),
        )

    def log_of(self, child: str, event: str) -> list[dict[str, Any]]:
        """The lines that a child has logged about an event."""
        return events_in(self.data_dir / "logs" / f"{child}.log", event)

    def supervisor_log(self, event: str) -> list[dict[str, Any]]:
        """The lines that the supervisor has logged about an event."""
        return events_in(self.log, event)

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def _run(self) -> Run:
        run = DataDirectory(self.data_dir).recorded_run()
        assert run is not None
        return run

    def _live_children(self) -> dict[str, int]:
        run = DataDirectory(self.data_dir).recorded_run()
        return {name: child.pid for name, child in run.children.items()} if run else {}


def events_in(log: Path, event: str) -> list[dict[str, Any]]:
    """The structured lines of a log about an event."""
    found = []
    # What follows the last newline is still being written.
    for line in log.read_text().split("\n")[:-1]:
        if line.startswith("{"):
            values = json.loads(line)
            if values.get("event") == event:
                found.append(values)
    return found


@contextmanager
def running_instance(*, demo: bool = False, **environment: str) -> Iterator[Instance]:
    """An instance that runs until the end of the block; its data is removed."""
    directory = Path(tempfile.mkdtemp(prefix="tributary-up-", dir=_fast_directory()))
    # The embedded PostgreSQL of root runs as somebody else, who has to pass.
    directory.chmod(0o711)
    instance = Instance(directory, demo=demo, **environment)
    try:
        instance.start()
        yield instance
    finally:
        if instance.is_running():
            instance.stop()
        shutil.rmtree(directory, ignore_errors=True)


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of Tributary."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TRIBUTARY_") and name != "PORT"
    }


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _fast_directory() -> str | None:
    """Memory where there is enough: a cluster writes hundreds of files, ten times faster there."""
    memory = Path("/dev/shm")  # noqa: S108
    enough = 2 * 1024**3
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > enough else None
