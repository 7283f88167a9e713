"""How long a newcomer waits: from a fresh clone to `ready`, and from the second start to `ready`.

The clone is of the last commit, into an empty directory. Its package caches are empty: what a start needs is fetched
from the package registry, whose speed is part of the cold figure. The port is a free one.

`reference_seconds` tells how fast this machine is: the time to create a PostgreSQL cluster, to start it, and to import
the application once, one after the other, with the clone's own programs. `ratio` is the second start in that unit: it
can be compared between machines, seconds cannot.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent
_COLD_PATIENCE = 1_800.0
_PATIENCE = 300.0

_REFERENCE = """
import subprocess, sys, time
from pathlib import Path
from app.infra.data_directory import DataDirectory
from app.infra.embedded.postgres import open_postgres
from app.infra.supervisor import Supervisor

started = time.perf_counter()
directory = DataDirectory(Path(sys.argv[1]))
directory.create()
directory.lock()
supervisor = Supervisor()
supervisor.start(open_postgres(directory).child())
subprocess.run([sys.executable, "-c", "import app.main"], check=True)
print(time.perf_counter() - started)
supervisor.stop()
"""


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Measure both starts; `cold_seconds` and `second_seconds` end with the line `ready`."""
    place = Path(tempfile.mkdtemp(prefix="tributary-startup-"))
    try:
        return _measure(place, say)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _measure(place: Path, say: Callable[[str], None]) -> dict[str, float | int | str]:
    clone, environment = place / "tributary", _fresh_environment(place)
    git = shutil.which("git") or "git"
    subprocess.run([git, "clone", "--quiet", str(_PROJECT), str(clone)], check=True)
    say(f"cold start: make up in a fresh clone, on {os.cpu_count()} processors …")
    began = time.time()
    with _up(clone, environment, _COLD_PATIENCE) as cold:
        installed = (clone / ".venv" / ".runtime-installed").stat().st_mtime - began
        say(f"  ready after {cold:.1f} s (aim: 120), {installed:.1f} s of them for the packages")
    say("second start …")
    with _up(clone, environment, _PATIENCE) as second:
        say(f"  ready after {second:.1f} s (aim: 8)")
    say("reference: a PostgreSQL cluster made and started, and the application imported …")
    reference = _reference(clone, environment, place / "reference")
    say(f"  {reference:.1f} s; the second start takes {second / reference:.2f} times that")
    return {
        "cold_seconds": round(cold, 2),
        "second_seconds": round(second, 2),
        "reference_seconds": round(reference, 2),
        "ratio": round(second / reference, 3),
    }


def _fresh_environment(place: Path) -> dict[str, str]:
    """What a newcomer's shell has: no settings of ours, no virtual environment, nothing cached."""
    ours = ("TRIBUTARY_", "PYTHON", "UV_CACHE", "PIP_CACHE")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and name not in {"PORT", "VIRTUAL_ENV"}
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # The interpreter that runs this, without its environment: it may be the only one here.
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    return environment | {
        "PORT": str(port),
        "PYTHON": str(python),
        "UV_CACHE_DIR": str(place / "uv-cache"),
        "PIP_NO_CACHE_DIR": "1",
        "XDG_CACHE_HOME": str(place / "cache"),
    }


@contextmanager
def _up(clone: Path, environment: dict[str, str], patience: float) -> Iterator[float]:
    """`make up`, running until the end of the block; the seconds until `ready`."""
    log = clone.parent / "make-up.log"
    make = shutil.which("make") or "make"
    started = time.perf_counter()
    with log.open("w") as errors:
        process = subprocess.Popen(
            [make, "up"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # Ctrl-C reaches this programme only, which then stops what it has started.
            start_new_session=True,
        )
    try:
        if not _says_ready(process, patience):
            raise RuntimeError(f"`make up` did not get ready:\n{log.read_text()[-4000:]}")
        yield time.perf_counter() - started
    finally:
        # The group holds make and the supervisor, which ends its children in order.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(_PATIENCE)


def _says_ready(process: subprocess.Popen[str], patience: float) -> bool:
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.startswith("ready "):
                    ready.set()

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + patience
    while not ready.wait(0.05):
        if process.poll() is not None or time.monotonic() > deadline:
            return False
    return True


def _reference(clone: Path, environment: dict[str, str], directory: Path) -> float:
    done = subprocess.run(
        [clone / ".venv" / "bin" / "python", "-c", _REFERENCE, directory],
        cwd=clone,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    return float(done.stdout)
