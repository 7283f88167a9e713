"""The `tributary` command.

Each command imports what it needs when it runs: `tributary --help` and the supervisor stay small.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.infra import processes
from app.infra.data_directory import CannotStart, DataDirectory
from app.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.infra.doctor import Finding

Result = TypeVar("Result")

_FAILED = 1
_BAD_SETTINGS = 2
_SCHEMA_DIRECTORY = Path("graphql")

app = typer.Typer(
    help="Tributary: the server behind an affiliate programme.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
schema = typer.Typer(help="The GraphQL schemas in graphql/.", no_args_is_help=True)
app.add_typer(schema, name="schema")

Directory = Annotated[Path, typer.Argument(help="Where the schema files are.")]
Listener = Annotated[
    int | None,
    typer.Option("--listener", hidden=True, help="A listening socket inherited from `up`."),
]


def main() -> None:
    """The entry point: runs a command; what the operator has to mend is text, not a traceback."""
    try:
        app()
    except SettingsError as error:
        _fail(str(error), _BAD_SETTINGS)
    except CannotStart as error:
        _fail(str(error), _FAILED)


@app.command()
def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Seed the demo programme when the database is empty.")
    ] = False,
) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C or SIGTERM."""
    from app.infra.instance import run_instance

    settings = load_settings(**({"demo": True} if demo else {}))
    if "TRIBUTARY_LOG_FORMAT" not in os.environ and sys.stderr.isatty():
        settings = settings.model_copy(update={"log_format": "console"})
    _configure_logging(settings, "supervisor")
    run_instance(settings, _announce)


@app.command()
def serve(listener: Listener = None) -> None:
    """Run the API."""
    import socket

    import uvicorn

    from app.schema.transport.websocket import LARGEST_MESSAGE

    settings = _settings_of_a_process("api")
    configuration = uvicorn.Config(
        "app.main:app",
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        timeout_graceful_shutdown=settings.shutdown_timeout,
        # A larger WebSocket message is refused before it is kept whole.
        ws_max_size=LARGEST_MESSAGE,
        # Client addresses are read through TRIBUTARY_TRUSTED_PROXIES only.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    server = uvicorn.Server(configuration)
    bound = configuration.bind_socket() if listener is None else socket.socket(fileno=listener)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Closing a connection waits for what its client has not read: the kernel ends it when that takes too long.
        # Accepted connections inherit it. In milliseconds.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
    server.run(sockets=[bound])
    if not server.started:
        raise typer.Exit(_FAILED)


@app.command()
def worker() -> None:
    """Run the worker, which does the queued work."""
    settings = _settings_of_a_process("worker")
    from app.tasks.worker import run

    run(settings)


@app.command()
def scheduler() -> None:
    """Run the scheduler, which starts the periodic work."""
    settings = _settings_of_a_process("scheduler")
    from app.tasks.scheduler import run

    run(settings)


@app.command(hidden=True)
def inbox() -> None:
    """Run the mail server of `up`, which keeps every mail for the page at /inbox."""
    settings = _settings_of_a_process("inbox")
    from urllib.parse import urlsplit

    from app.infra.inbox import run

    if settings.inbox_dir is None or settings.smtp_url is None:
        raise SettingsError("TRIBUTARY_INBOX_DIR: the inbox is started by `tributary up`.")
    run(settings.inbox_dir, urlsplit(settings.smtp_url).port or 25)


@app.command("invite-owner")
def invite_owner(email: str, name: str) -> None:
    """Invite the first operator of a new programme: prints the link to set a password, and mails it."""
    settings = _settings_of_a_process("invite-owner")
    from app.domain.errors import DomainError

    try:
        token = asyncio.run(_invite_owner(settings, email, name))
    except DomainError as error:
        _fail(str(error), _FAILED)
    if token is None:
        _fail("The programme has an owner already, who can invite further operators.", _FAILED)
    typer.echo(f"{settings.frontend_address}/account/invitation?token={token}")


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Encrypt what is stored under the first of TRIBUTARY_SECRET_KEYS; safe to repeat while everything runs."""
    settings = _settings_of_a_process("rotate-keys")
    rewritten = _with_progress(lambda progress: asyncio.run(_rotate_keys(settings, progress)))
    typer.echo(f"{rewritten} values are under the first key. The other keys can be removed.")


@app.command()
def migrate() -> None:
    """Bring the database to the newest version; safe to repeat and to run twice at once."""
    settings = _adopt_running_instance()
    _configure_logging(settings, "migrate")
    _migrate(settings)


@app.command("seed-demo")
def seed_demo() -> None:
    """Fill an empty database with the demo programme."""
    settings = _settings_of_a_process("seed-demo")
    if not _seed(settings):
        typer.echo("The demo programme is there already.", err=True)


@app.command()
def simulate(
    brands: Annotated[int, typer.Option(help="An even number; every second one is a shop.")] = 2,
    partners: Annotated[int, typer.Option(help="Each of them promotes every brand.")] = 20,
    promos: Annotated[int, typer.Option(help="Tracking links of a partner for each brand.")] = 3,
    days: Annotated[int, typer.Option(help="The last one is today.")] = 30,
    visits: Annotated[int, typer.Option(help="Of an average day, of all brands together.")] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same programme.")] = 1,
) -> None:
    """Make up a programme of any size, in a database without real brands: for trials and benchmarks."""
    from app.domain.errors import DomainError
    from app.domain.simulation import scale

    settings = _settings_of_a_process("simulate")
    try:
        size = scale.Size(brands, partners, promos, days, visits)
        made = _with_progress(
            lambda progress: asyncio.run(scale.simulate(settings, size, seed, progress))
        )
    except DomainError as error:
        raise CannotStart(f"Nothing was simulated: {error}") from error
    typer.echo(f"{made:,} visits of {partners:,} partners on {brands:,} brands")


@app.command(hidden=True)
def prepare() -> None:
    """What `up` runs before the servers: migrations, and the demo programme in demo mode."""
    settings = _settings_of_a_process("prepare")
    _migrate(settings)
    if settings.demo:
        _seed(settings)


@app.command()
def doctor() -> None:
    """Say what is wrong with this machine or the configuration, and how to mend it."""
    from app.infra.doctor import diagnose

    findings = diagnose(load_settings())
    for finding in findings:
        _print_finding(finding)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(_FAILED)


@schema.command("export")
def schema_export(directory: Directory = _SCHEMA_DIRECTORY) -> None:
    """Write both schemas as SDL."""
    from app.schema import sdl

    sdl.export(directory)


@schema.command("check")
def schema_check(directory: Directory = _SCHEMA_DIRECTORY) -> None:
    """Fail when a committed schema differs from the code."""
    from app.schema import sdl

    if stale := sdl.check(directory):
        _fail(
            f"Out of date: {', '.join(stale)}.\nFix: make schema, and review the change.", _FAILED
        )


def _settings_of_a_process(process: str) -> Settings:
    settings = _adopt_running_instance()
    if not settings.secret_keys:
        raise SettingsError(
            "TRIBUTARY_SECRET_KEYS: is missing, and all processes of a server need the same. "
            "Example: TRIBUTARY_SECRET_KEYS=the output of `openssl rand -base64 32`"
        )
    _configure_logging(settings, process)
    processes.raise_open_file_limit()
    return settings


def _adopt_running_instance() -> Settings:
    """The settings; what they leave to the embedded servers comes from the running instance."""
    settings = load_settings()
    if settings.database_url and settings.redis_url:
        return settings
    directory = DataDirectory(settings.data_dir)
    run = directory.running()
    if run is None:
        missing = "TRIBUTARY_REDIS_URL" if settings.database_url else "TRIBUTARY_DATABASE_URL"
        raise SettingsError(
            f"{missing} is not set, and `tributary up` is not running on {directory.path}.\n"
            f"Fix: start it in another terminal with `make up`, or set {missing}. "
            "Example: TRIBUTARY_DATABASE_URL=postgres://tributary:secret@db.internal/tributary "
            "TRIBUTARY_REDIS_URL=redis://cache.internal:6379/0"
        )
    # Through the environment, so that whoever reads the settings later reads the same.
    os.environ.setdefault("TRIBUTARY_DATABASE_URL", run.database_url)
    os.environ.setdefault("TRIBUTARY_REDIS_URL", run.redis_url)
    if not settings.database_url and not settings.secret_keys:
        os.environ["TRIBUTARY_SECRET_KEYS"] = directory.secret_key()
    return load_settings()


def _configure_logging(settings: Settings, process: str) -> None:
    from app.infra.telemetry import configure_logging

    configure_logging(settings, process)


def _migrate(settings: Settings) -> None:
    from app.infra import migrations
    from app.infra.database import DatabaseError

    try:
        asyncio.run(migrations.migrate(settings, lambda line: typer.echo(line, err=True)))
    except DatabaseError as error:
        raise CannotStart(
            f"The database cannot be migrated: {error}.\n"
            "Fix: check TRIBUTARY_DATABASE_URL; `tributary doctor` looks at the rest."
        ) from error


def _seed(settings: Settings) -> bool:
    from app.domain.errors import DomainError
    from app.domain.simulation import demo
    from app.infra.storage import Storage, StorageUnavailable

    keep = Storage(settings).put
    try:
        return _with_progress(lambda progress: asyncio.run(demo.seed(settings, progress, keep)))
    except StorageUnavailable as error:
        raise CannotStart(
            f"The demo's pictures cannot be kept: {error}.\nFix: check TRIBUTARY_STORAGE_URL, or TRIBUTARY_DATA_DIR."
        ) from error
    except DomainError as error:
        raise CannotStart(
            f"{error}\nFix: start without the demo programme: {sys.executable} -m app.cli up"
        ) from error


async def _invite_owner(settings: Settings, email: str, name: str) -> str | None:
    from app.domain.accounts.team import invite_first_owner
    from app.domain.scope import Scope
    from app.infra import database
    from app.infra.clock import SystemClock
    from app.infra.crypto import SecretBox
    from app.infra.telemetry import new_request_id

    await database.connect(settings)
    try:
        scope = Scope.system(SystemClock(), new_request_id())
        return await invite_first_owner(scope, email, name, box=SecretBox(settings.secret_keys))
    finally:
        await database.disconnect()


async def _rotate_keys(settings: Settings, progress: Callable[[str, int, int], None]) -> int:
    from app.domain.key_rotation import rotate_keys
    from app.domain.scope import Scope
    from app.infra import database
    from app.infra.clock import SystemClock
    from app.infra.crypto import SecretBox
    from app.infra.telemetry import new_request_id

    await database.connect(settings)
    try:
        scope = Scope.system(SystemClock(), new_request_id())
        return await rotate_keys(scope, progress, box=SecretBox(settings.secret_keys))
    finally:
        await database.disconnect()


def _with_progress(work: Callable[[Callable[[str, int, int], None]], Result]) -> Result:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        return work(progress)


def _announce(url: str, logs: Path, *, demo: bool) -> None:
    print(f"  partners     {url}/partner/graphql")
    print(f"  operators    {url}/admin/graphql")
    if demo:
        print(
            "  logins       partner2@demo.test, partner@demo.test (two-factor), operator@demo.test,"
        )
        print("               advertiser@demo.test")
        print("  password     Demo-passw0rd!")
        print("  two-factor   JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP (TOTP secret of partner@demo.test)")
    print(f"  logs         {logs}")
    print(f"ready {url}", flush=True)


def _print_finding(finding: Finding) -> None:
    mark = "ok  " if finding.ok else "BAD "
    print(f"{mark} {finding.name}: {finding.message}")
    if not finding.ok:
        print(f"     Fix: {finding.fix}")


def _fail(text: str, code: int) -> None:
    print(text, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
