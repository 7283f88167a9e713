"""Child processes: started in order, watched, restarted when they die, stopped in reverse order.

Children live in sessions of their own, so that the terminal's Ctrl-C reaches only the supervisor,
and the kernel signals them when the supervisor itself is killed.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from app.infra import processes
from app.infra.data_directory import CannotStart, RecordedChild

_POLL = 0.05
_TAIL_LINES = 15
_LOG_LIMIT = 64 * 2**20
_LOG_CHECK = 60.0


class ChildFailed(CannotStart):
    """A child ended, or did not get ready, while the instance was starting."""

    def __init__(self, name: str, what: str, log: str) -> None:
        self.name = name
        shown = f"\nThe end of its log:\n{log}" if log else ""
        super().__init__(f"{name} {what}.{shown}")


class StopRequested(Exception):
    """SIGTERM or Ctrl-C arrived while children were being started."""


def _nothing() -> None:
    return None


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to run one child. Times are in seconds."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    # Where output and errors are appended; None sends both to the supervisor's own error output.
    log: Path | None = None
    ready: Callable[[], bool] = _always
    start_timeout: float = 30
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 15
    # Runs in the supervisor before each start, to clean up after an earlier process.
    before_start: Callable[[], None] = _nothing
    # Runs in the forked child before the program: another account, for example.
    enter: Callable[[], None] | None = None
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause before a restart doubles from `first` to `longest` while starts keep failing.

    A child that stayed up for `stable_after` starts over. In seconds.
    """

    first: float = 0.2
    longest: float = 30
    stable_after: float = 30

    def pause(self, failures: int) -> float:
        """The pause after this many failures in a row, from 1."""
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 30)))


@dataclass(slots=True)
class _Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    is_ready: bool = False
    failures: int = 0
    restart_at: float | None = None


def _ignore(_children: Mapping[str, RecordedChild]) -> None:
    return None


@dataclass(slots=True)
class Supervisor:
    """Runs children. `on_change` gets the live ones whenever that set changes."""

    on_change: Callable[[Mapping[str, RecordedChild]], None] = _ignore
    backoff: Backoff = field(default_factory=Backoff)
    _children: list[_Child] = field(default_factory=list)
    _stop_requested: bool = False
    _wakeup: socket.socket | None = None
    _next_log_check: float = 0

    def start(self, *specs: ChildSpec) -> None:
        """Start children in this order, then wait until each is ready.

        Raises ChildFailed when one of them ends or is not ready in its time, StopRequested when a
        signal arrives first.
        """
        started = [_Child(spec) for spec in specs]
        for child in started:
            self._children.append(child)
            self._spawn(child)
        for child in started:
            self._await_ready(child, started)

    def run_once(self, spec: ChildSpec) -> None:
        """Run a child to its end. Raises ChildFailed unless it exits with 0, or StopRequested."""
        child = _Child(spec)
        self._children.append(child)
        process = self._spawn(child)
        child.is_ready = True
        try:
            while process.poll() is None:
                self._tend(except_for=[child])
                self._pause(_POLL)
            if process.returncode != 0:
                raise ChildFailed(spec.name, _ending(process.returncode), _tail(spec.log))
        finally:
            _stop(child)
            self._children.remove(child)
            self._report()

    def run(self) -> None:
        """Watch the children, restarting those that die, until a signal asks to stop."""
        with suppress(StopRequested):
            while True:
                self._tend()
                self._pause(self._time_until_next_step())

    def stop(self) -> None:
        """Stop all children, the last started first; SIGKILL to one that outlasts its time."""
        while self._children:
            child = self._children[-1]
            _stop(child)
            self._children.pop()
        self._report()

    def pids(self) -> dict[str, int]:
        """The live children."""
        return {name: child.pid for name, child in self._recorded().items()}

    @contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Inside, SIGTERM, SIGINT and SIGHUP ask this supervisor to stop; for the main thread."""
        receiving, sending = socket.socketpair()
        receiving.setblocking(False)
        sending.setblocking(False)
        self._wakeup = receiving
        wakeup_before = signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
        before = {
            number: signal.signal(number, handler)
            for number, handler in self._handlers().items()
            # `nohup` says that a closed terminal does not matter.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup_before)
            self._wakeup = None
            receiving.close()
            sending.close()

    def _handlers(self) -> dict[signal.Signals, Callable[[int, object], None]]:
        def request_stop(_number: int, _frame: object) -> None:
            self._stop_requested = True

        def wake_up(_number: int, _frame: object) -> None:
            return None

        return {
            signal.SIGTERM: request_stop,
            signal.SIGINT: request_stop,
            signal.SIGHUP: request_stop,
            signal.SIGCHLD: wake_up,
        }

    def _spawn(self, child: _Child) -> subprocess.Popen[bytes]:
        spec = child.spec
        child.restart_at = None
        child.started = time.monotonic()
        child.is_ready = False
        spec.before_start()
        child.process = _launch(spec)
        self._report()
        return child.process

    def _await_ready(self, child: _Child, starting: Sequence[_Child]) -> None:
        spec = child.spec
        deadline = time.monotonic() + spec.start_timeout
        while not spec.ready():
            for other in starting:
                # One that dies now would most likely do so forever: say so instead of trying.
                if other.process is not None and (code := other.process.poll()) is not None:
                    raise ChildFailed(other.spec.name, _ending(code), _tail(other.spec.log))
            if time.monotonic() > deadline:
                what = f"was not ready within {spec.start_timeout:g} seconds"
                raise ChildFailed(spec.name, what, _tail(spec.log))
            self._tend(except_for=starting)
            self._pause(_POLL)
        child.is_ready = True

    def _tend(self, except_for: Sequence[_Child] = ()) -> None:
        for child in self._children:
            if any(child is other for other in except_for):
                continue
            if child.process is not None and child.process.poll() is not None:
                self._schedule_restart(child, _ending(child.process.returncode))
            elif child.restart_at is not None and time.monotonic() >= child.restart_at:
                self._restart(child)
            elif child.process is not None and not child.is_ready and child.spec.ready():
                child.is_ready = True
                took = round(time.monotonic() - child.started, 3)
                _log().info("child_ready", child=child.spec.name, seconds=took)
        self._keep_logs_small()

    def _schedule_restart(self, child: _Child, what: str) -> None:
        now = time.monotonic()
        stable = child.is_ready and now - child.started >= self.backoff.stable_after
        child.failures = 1 if stable else child.failures + 1
        pause = self.backoff.pause(child.failures)
        child.restart_at = now + pause
        pid = child.process.pid if child.process else None
        child.process = None
        _log().error(
            "child_died",
            child=child.spec.name,
            pid=pid,
            how=what,
            restart_in_seconds=pause,
            failures=child.failures,
            log_tail=_tail(child.spec.log),
        )
        self._report()

    def _restart(self, child: _Child) -> None:
        try:
            process = self._spawn(child)
        except (CannotStart, OSError, subprocess.SubprocessError) as error:
            self._schedule_restart(child, f"could not be started: {error}")
        else:
            _log().info("child_restarted", child=child.spec.name, pid=process.pid)

    def _time_until_next_step(self) -> float:
        if any(child.process is not None and not child.is_ready for child in self._children):
            return _POLL
        due = [child.restart_at for child in self._children if child.restart_at is not None]
        # SIGCHLD ends the wait; the second is for a signal that came just before it.
        return min([1.0, *(max(0.0, at - time.monotonic()) for at in due)])

    def _pause(self, seconds: float) -> None:
        if self._wakeup is None:
            time.sleep(seconds)
        elif select.select([self._wakeup], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                self._wakeup.recv(4096)
        if self._stop_requested:
            raise StopRequested

    def _recorded(self) -> dict[str, RecordedChild]:
        return {
            child.spec.name: RecordedChild(
                child.process.pid, processes.start_time(child.process.pid)
            )
            for child in self._children
            if child.process is not None and child.process.returncode is None
        }

    def _report(self) -> None:
        self.on_change(self._recorded())

    def _keep_logs_small(self) -> None:
        if time.monotonic() < self._next_log_check:
            return
        self._next_log_check = time.monotonic() + _LOG_CHECK
        for child in self._children:
            log = child.spec.log
            if log is not None and log.exists() and log.stat().st_size > _LOG_LIMIT:
                # The child keeps its descriptor, which appends: so copy, then truncate.
                shutil.copyfile(log, log.with_suffix(log.suffix + ".1"))
                os.truncate(log, 0)


def _launch(spec: ChildSpec) -> subprocess.Popen[bytes]:
    supervisor = os.getpid()

    def before_program() -> None:
        if spec.enter is not None:
            spec.enter()
        processes.die_with_parent(supervisor, spec.stop_signal)

    output = None
    if spec.log is not None:
        output = os.open(spec.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            spec.argv,
            env=dict(spec.env),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            # Never the supervisor's own standard output: scripts read that.
            stdout=2 if output is None else output,
            stderr=output,
            pass_fds=spec.pass_fds,
            start_new_session=True,
            # Between fork and exec nothing is imported and no lock is taken.
            preexec_fn=before_program,  # noqa: PLW1509
        )
    finally:
        if output is not None:
            os.close(output)


def _stop(child: _Child) -> None:
    process = child.process
    if process is None or process.poll() is not None:
        return
    process.send_signal(child.spec.stop_signal)
    try:
        process.wait(child.spec.stop_timeout)
    except subprocess.TimeoutExpired:
        _log().error("child_killed", child=child.spec.name, after_seconds=child.spec.stop_timeout)
        # The child leads a process group of its own: what it started goes with it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _tail(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


def _log() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
