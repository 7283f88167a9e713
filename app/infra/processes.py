"""Processes of this machine: recognising our own ones, ending them, tying a child to its parent.

Recognition reads `/proc`. Where there is none (macOS), nothing is recognised and nothing is ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1

# Loaded here, because nothing may be imported between fork and exec.
libc = ctypes.CDLL(None, use_errno=True)


def check_result(result: int, call: str) -> None:
    """Raise OSError named after the libc `call` when its result says that it failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")


def die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel (Linux) for `death_signal` when `parent` is gone.

    Called between fork and exec, as the last step: changing the user clears the request.
    """
    if sys.platform != "linux":
        return
    check_result(libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0), "prctl")
    if os.getppid() != parent:
        # The parent died before the kernel knew of our wish.
        os._exit(1)


def start_time(pid: int) -> str | None:
    """When the process started, in clock ticks since boot; with the pid it names one process.

    None when it has ended: a zombie that nobody has collected has ended too.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field, the name, is the only one that may hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def command_line(pid: int) -> list[str]:
    """The arguments that the process was started with; empty when it is gone or not visible."""
    try:
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode(errors="replace").split("\0")


def working_in(directory: Path, name: str) -> set[int]:
    """The processes called `name` whose working directory is `directory`."""
    target = directory.resolve()
    found: set[int] = set()
    for entry in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_there = (entry / "cwd").readlink() == target
            if is_there and (entry / "comm").read_text().strip() == name:
                found.add(int(entry.name))
    return {pid for pid in found if start_time(pid) is not None}


def end_all(
    find: Callable[[], Iterable[int]], first_signal: signal.Signals, patience: float
) -> None:
    """End every process that `find` finds: `first_signal`, then SIGKILL after `patience` seconds.

    Each is pinned by a descriptor before `find` is asked a second time, so that a pid which
    another process got in the meantime is left alone.
    """
    if sys.platform != "linux":
        return
    pinned: dict[int, int] = {}
    try:
        for pid in find():
            with contextlib.suppress(ProcessLookupError):
                pinned[pid] = os.pidfd_open(pid)
        confirmed = set(find())
        alive = [descriptor for pid, descriptor in pinned.items() if pid in confirmed]
        for wanted in (first_signal, signal.SIGKILL):
            for descriptor in alive:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, wanted)
            alive = _still_alive(alive, patience)
    finally:
        for descriptor in pinned.values():
            os.close(descriptor)


def _still_alive(descriptors: list[int], patience: float) -> list[int]:
    """Wait until the processes have ended; gives those that have not after `patience` seconds.

    An ended process has closed its files and sockets, whether or not it has been collected.
    """
    deadline = time.monotonic() + patience
    alive = list(descriptors)
    while alive and (left := deadline - time.monotonic()) > 0:
        ended = select.select(alive, [], [], left)[0]
        alive = [descriptor for descriptor in alive if descriptor not in ended]
    return alive


def wait_until(condition: Callable[[], bool], timeout: float, interval: float = 0.02) -> bool:
    """Poll `condition` until it holds; False when `timeout` seconds passed without that."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def can_recognise() -> bool:
    """Whether this system shows what the processes of this module's questions are."""
    return _PROC.is_dir()


def raise_open_file_limit() -> None:
    """Let this process, and its children, open as many files as its hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # An unlimited table is slow to walk for programs that close every descriptor.
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
