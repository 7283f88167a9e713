"""The data directory: what one running instance keeps on disk, and the lock that keeps it single.

```
lock            held (flock) by the running supervisor; the kernel frees it when that process ends
run.json        the running instance: pid, urls and child processes
secret.key      the generated key of an instance without TRIBUTARY_SECRET_KEYS
logs/           one file per child process
postgres/       the embedded PostgreSQL cluster
valkey/         the embedded Valkey's append-only file
sockets/        their Unix sockets
```
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

# A Unix socket's path has at most 107 bytes (103 on macOS); "/.s.PGSQL.5432" is part of it.
_LONGEST_SOCKET_DIRECTORY = 88
# Looking whether an instance runs takes the lock for an instant, so one failed try proves nothing.
_LOCK_PATIENCE = 0.5


class CannotStart(Exception):
    """The instance cannot start or run; the text says why and what to do about it."""


class AlreadyRunning(CannotStart):
    """Another supervisor holds this data directory."""

    def __init__(self, directory: Path, pid: int | None, url: str | None) -> None:
        self.pid = pid
        self.url = url
        where = f" at {url}" if url else " and still starting"
        who = f" with pid {pid}" if pid else ""
        stop = f"stop it with `kill {pid}`" if pid else "stop it"
        super().__init__(
            f"Tributary is already running{where}{who}, on the data directory {directory}.\n"
            f"Use it, {stop}, or start a second one with another TRIBUTARY_DATA_DIR and PORT."
        )


@dataclass(frozen=True, slots=True)
class RecordedChild:
    """A child process: the pid, and the start time that tells a reused pid from ours."""

    pid: int
    started: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """The running instance, as other commands see it. `ready` once every part answers."""

    pid: int
    url: str
    database_url: str
    redis_url: str
    ready: bool = False
    children: Mapping[str, RecordedChild] = field(default_factory=dict)


class DataDirectory:
    """One instance's directory. Creating the object touches nothing; `create()` does."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.logs = self.path / "logs"
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self._lock = self.path / "lock"
        self._run = self.path / "run.json"
        self._secret = self.path / "secret.key"
        self._held: int | None = None
        self._distant_sockets: set[Path] = set()

    def create(self) -> None:
        """Make the directory; raises CannotStart when that is not allowed."""
        # Root's PostgreSQL runs as somebody else, who has to pass, and sees no names, in here.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            if not self.path.is_dir():
                self.path.mkdir(mode=mode, parents=True)
                self.path.chmod(mode)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CannotStart(
                f"The data directory {self.path} cannot be created: {error.strerror}.\n"
                "Fix: set TRIBUTARY_DATA_DIR to a directory that this user may write."
            ) from error

    def lock(self) -> None:
        """Take the lock until this process ends. Raises AlreadyRunning when somebody has it."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                os.close(descriptor)
                run = self.recorded_run()
                pid = int(holder) if holder.isdigit() else None
                url = run.url if run and run.pid == pid and run.ready else None
                raise AlreadyRunning(self.path, pid, url)
            time.sleep(0.02)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._held = descriptor

    def unlock(self) -> None:
        """Give the lock back and forget the recorded run."""
        if self._held is not None:
            self._run.unlink(missing_ok=True)
            os.ftruncate(self._held, 0)
            for sockets in self._distant_sockets:
                with contextlib.suppress(OSError):
                    sockets.rmdir()
            os.close(self._held)
            self._held = None

    def is_locked(self) -> bool:
        """Whether a supervisor is running on this directory."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def record_run(self, run: Run) -> None:
        """Write `run.json`; readers see the old one or the new one, never half of it."""
        _write_private(self._run, json.dumps(asdict(run), indent=2) + "\n")

    def recorded_run(self) -> Run | None:
        """What the last supervisor recorded, whether or not it is still alive."""
        try:
            values = json.loads(self._run.read_text())
            children = {
                name: RecordedChild(**child) for name, child in values.pop("children").items()
            }
            return Run(**values, children=children)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Missing, or not from us: then there is nothing to adopt and nothing to clean up.
            return None

    def running(self) -> Run | None:
        """The running instance, or None when the directory has no live supervisor."""
        return self.recorded_run() if self.is_locked() else None

    def secret_key(self) -> str:
        """The instance's own key, 256 random bits in base64; generated on first use (mode 0600)."""
        if not self._secret.exists():
            _write_private(self._secret, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        return self._secret.read_text().strip()

    def socket_directory(self, server: str) -> Path:
        """The path of the directory for the server's socket; `provide_private` makes it.

        It stands in the data directory, or under the system's temporary directory when the path
        would be too long for a Unix socket.
        """
        directory = self.path / "sockets" / server
        if len(os.fsencode(directory)) > _LONGEST_SOCKET_DIRECTORY:
            digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
            directory = Path(tempfile.gettempdir()) / f"tributary-{digest}-{server}"
            self._distant_sockets.add(directory)
        else:
            directory.parent.mkdir(mode=0o711, exist_ok=True)
        return directory


def provide_private(directory: Path, owners: set[int]) -> None:
    """Make the directory if missing, and check that only `owners` (user ids) can use it.

    A directory with a foreseeable name in /tmp may have been put there by another user, and
    cleaners of /tmp remove an empty one. Raises CannotStart.
    """
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    status = directory.lstat()
    if not directory.is_dir() or directory.is_symlink() or status.st_uid not in owners:
        raise CannotStart(
            f"{directory} belongs to another user (uid {status.st_uid}).\n"
            "Fix: remove it, or set TRIBUTARY_DATA_DIR to a shorter path."
        )
    if status.st_mode & 0o077:
        directory.chmod(0o700)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
