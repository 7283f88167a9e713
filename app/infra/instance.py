"""One instance on one machine: embedded servers, preparation, API, worker and scheduler."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Protocol

import structlog

import app
from app.infra import processes
from app.infra.data_directory import CannotStart, DataDirectory, RecordedChild, Run
from app.infra.embedded.postgres import open_postgres
from app.infra.embedded.valkey import open_valkey
from app.infra.supervisor import ChildSpec, StopRequested, Supervisor
from app.settings import LOOPBACK_HOSTS, Settings, SettingsError

# The directory that holds the package, so that `python -m app.cli` finds it from anywhere.
_PROJECT = Path(app.__file__).resolve().parent.parent
_COMMANDS = ("prepare", "inbox", "worker", "scheduler", "serve")
_BACKLOG = 2048


class Announce(Protocol):
    """Tells the operator that everything answers, and where."""

    def __call__(self, url: str, logs: Path, *, demo: bool) -> None: ...


def run_instance(settings: Settings, announce: Announce) -> None:
    """Start everything, announce it, and keep it running until SIGTERM, SIGINT or SIGHUP.

    Raises CannotStart (AlreadyRunning, ChildFailed …) or SettingsError with a text for the
    operator; whatever was started by then is stopped.
    """
    if settings.database_url and not settings.secret_keys:
        raise SettingsError(
            "TRIBUTARY_SECRET_KEYS: must be set with TRIBUTARY_DATABASE_URL, because a generated "
            "key would be lost with this machine. "
            "Example: TRIBUTARY_SECRET_KEYS=the output of `openssl rand -base64 32`"
        )
    directory = DataDirectory(settings.data_dir)
    directory.create()
    directory.lock()
    try:
        end_recorded_children(directory)
        with listening_socket(settings.host, settings.port) as listener:
            _Instance(settings, directory, listener, announce).run()
    finally:
        directory.unlock()


def end_recorded_children(directory: DataDirectory) -> None:
    """End API, worker and scheduler processes that an unclean stop left running."""
    run = directory.recorded_run()
    if run is None:
        return
    recorded = {name: run.children[name] for name in _COMMANDS if name in run.children}

    def alive() -> set[int]:
        return {child.pid for name, child in recorded.items() if _is_still(name, child)}

    processes.end_all(alive, signal.SIGTERM, 10)


def _is_still(name: str, child: RecordedChild) -> bool:
    # The start time tells a reused pid from ours; the command line, one from before a reboot.
    if child.started is None or processes.start_time(child.pid) != child.started:
        return False
    return processes.command_line(child.pid)[1:4] == ["-m", "app.cli", name]


def _free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening_socket(host: str, port: int) -> socket.socket:
    """Listen on the port. Raises CannotStart naming it when somebody else has it.

    The supervisor keeps the socket, and the API inherits it: while the API restarts, connections
    wait instead of being refused.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotStart(
            f"Port {port} on {host} cannot be used: {error.strerror}.\n"
            f"Fix: stop the program that has it (`ss -ltnp 'sport = :{port}'` names it), "
            f"or choose another port: PORT={port + 1 if port < 65535 else 8000} make up"
        ) from error
    return listener


def answers(host: str, port: int, path: str = "/health/ready") -> bool:
    """Whether GET `path` gives 200 within two seconds."""
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def reachable_host(host: str) -> str:
    """Where to reach a server that listens on `host`: loopback for "all addresses"."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


@dataclass(slots=True)
class _Instance:
    settings: Settings
    directory: DataDirectory
    listener: socket.socket
    announce: Announce

    def run(self) -> None:
        host, port = reachable_host(self.settings.host), self.settings.port
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        recorded = Run(os.getpid(), url, "", "")

        def record(children: Mapping[str, RecordedChild]) -> None:
            nonlocal recorded
            recorded = replace(recorded, children=dict(children))
            self.directory.record_run(recorded)

        supervisor = Supervisor(on_change=record)
        with supervisor.handling_signals():
            try:
                database_url, redis_url = self._start_servers(supervisor)
                recorded = replace(recorded, database_url=database_url, redis_url=redis_url)
                environment = self._environment(database_url, redis_url)
                supervisor.run_once(self._command("prepare", environment, log=None))
                supervisor.start(*self._processes(environment, host, port))
                recorded = replace(recorded, ready=True)
                self.directory.record_run(recorded)
                self.announce(url, self.directory.logs, demo=self.settings.demo)
                supervisor.run()
            except StopRequested:
                pass
            finally:
                # From here on new connections are refused, not left waiting.
                self.listener.close()
                structlog.get_logger().info("stopping")
                supervisor.stop()

    def _start_servers(self, supervisor: Supervisor) -> tuple[str, str]:
        database_url, redis_url = self.settings.database_url, self.settings.redis_url
        children = []
        if database_url is None:
            postgres = open_postgres(self.directory)
            database_url = postgres.url()
            children.append(postgres.child())
        if redis_url is None:
            valkey = open_valkey(self.directory)
            redis_url = valkey.url
            children.append(valkey.child())
        supervisor.start(*children)
        return database_url, redis_url

    def _environment(self, database_url: str, redis_url: str) -> dict[str, str]:
        settings = self.settings
        keys = settings.secret_keys or (self.directory.secret_key(),)
        environment = os.environ | {
            "TRIBUTARY_DATABASE_URL": database_url,
            "TRIBUTARY_REDIS_URL": redis_url,
            "TRIBUTARY_SECRET_KEYS": ",".join(keys),
            "TRIBUTARY_DATA_DIR": str(self.directory.path),
            "TRIBUTARY_HOST": settings.host,
            "TRIBUTARY_PORT": str(settings.port),
            "TRIBUTARY_DEMO": str(settings.demo).lower(),
        }
        if settings.smtp_url is None and settings.host in LOOPBACK_HOSTS:
            # A mail server of our own, so that every mail can be seen at /inbox.
            environment["TRIBUTARY_SMTP_URL"] = f"smtp://127.0.0.1:{_free_port()}"
            environment["TRIBUTARY_INBOX_DIR"] = str(self.directory.path / "inbox")
        if settings.demo:
            # Demo schemas are for looking around (G13).
            environment.setdefault("TRIBUTARY_EXPLORE", "everyone")
            # The tour's own listener, which receives postbacks, is on this machine.
            environment.setdefault("TRIBUTARY_ALLOW_PRIVATE_TARGETS", "true")
        return environment

    def _processes(self, environment: dict[str, str], host: str, port: int) -> list[ChildSpec]:
        grace = self.settings.shutdown_timeout + 5
        api = replace(
            self._command("serve", environment, "--listener", str(self.listener.fileno())),
            ready=lambda: answers(host, port),
            start_timeout=90,
            stop_timeout=grace,
            pass_fds=(self.listener.fileno(),),
        )
        # Stopped in reverse order: first nothing new is accepted, then the accepted is finished.
        background = (self._command(name, environment) for name in ("worker", "scheduler"))
        inbox = []
        if "TRIBUTARY_INBOX_DIR" in environment and self.settings.inbox_dir is None:
            inbox = [self._command("inbox", environment)]
        return [*inbox, *(replace(spec, stop_timeout=grace) for spec in background), api]

    def _command(
        self, name: str, environment: dict[str, str], *arguments: str, log: str | None = "file"
    ) -> ChildSpec:
        return ChildSpec(
            name=name,
            argv=(sys.executable, "-m", "app.cli", name, *arguments),
            env=environment,
            cwd=_PROJECT,
            log=self.directory.logs / f"{name}.log" if log else None,
        )
