"""PostgreSQL: connections, the one way to open a transaction, and typed errors.

`transaction()` is opened by domain commands only. It adds the recording that facts and events carry (decision 2 of
the design), translates driver errors, and refuses outgoing calls while it is open.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.client import TransactionContextPooled
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException
from tortoise.transactions import in_transaction

from app.settings import SettingsError

if TYPE_CHECKING:
    from app.settings import Settings

APP = "tributary"
Row = dict[str, Any]


class DatabaseError(Exception):
    """Anything that the database refused; the subclasses say what can be done about it."""


class DatabaseUnavailable(DatabaseError):
    """The database cannot be reached now. Nothing was committed; the same call may be repeated."""


class CommitOutcomeUnknown(DatabaseUnavailable):
    """The connection was lost while committing: the work may or may not be there. Read before repeating."""


class TransactionAborted(DatabaseError):
    """Deadlock, serialisation failure or a timeout: nothing was committed, the call may be repeated."""


class RowRefused(DatabaseError):
    """A row contradicts what is there. A command that foresees it catches it; else it is our own mistake."""


class UniqueViolation(RowRefused):
    """Another row has the same key; `constraint` names it."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"unique constraint {constraint}")
        self.constraint = constraint


class IntegrityViolation(RowRefused):
    """A check, a foreign key or a trigger refused the row."""


class ValueRefused(RowRefused):
    """A value does not fit its column: too long, of another type, or no text that PostgreSQL keeps."""


class OutgoingCallInTransaction(RuntimeError):
    """Our own mistake: mail, HTTP, Redis and queues are used after commit, never inside a transaction."""


_open: ContextVar[Transaction | None] = ContextVar("open_transaction", default=None)


class Transaction:
    """An open transaction. Its recording is made on first use, so that reads and plain edits leave none."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._recording: int | None = None
        self._events = 0
        self.closed = False

    async def recording(self) -> int:
        """The id of the one recording that all facts and events of this transaction carry."""
        if self._recording is None:
            rows = await self.fetch("INSERT INTO recordings DEFAULT VALUES RETURNING id")
            self._recording = int(rows[0]["id"])
        return self._recording

    def next_event_number(self) -> int:
        """The place of the next event within this recording, from 1."""
        self._events += 1
        return self._events

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of the rows."""
        await self.client._connection.executemany(sql, rows)

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """Run a statement and return its rows, also of `INSERT … RETURNING`."""
        rows: list[Row] = await self.client.execute_query_dict(sql, list(values))
        return rows

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Load rows with COPY, inside this transaction."""
        await self.client._connection.copy_records_to_table(table, columns=columns, records=rows)


@asynccontextmanager
async def transaction() -> AsyncIterator[Transaction]:
    """Open a transaction on its own connection: commit at the end, roll back on any error.

    Raises the typed errors of this module. Transactions do not nest: pass the Transaction on instead.
    """
    if (outer := _open.get()) is not None and not outer.closed:
        raise RuntimeError("a transaction is open already: pass it to the function that needs it")
    try:
        context = in_transaction("default")
        client = await _enter(context)
    except Exception as error:
        raise translate(error) from error
    opened = Transaction(client)
    token = _open.set(opened)
    committing = False
    try:
        yield opened
        committing = True
        await context.__aexit__(None, None, None)
    except BaseException as error:
        if not committing:
            await _roll_back(context, error)
        if isinstance(error, Exception):
            raise translate(error, committing=committing) from error
        raise
    finally:
        opened.closed = True
        _open.reset(token)


async def _enter(context: Any) -> Any:
    """Enter Tortoise's transaction; when BEGIN itself fails, give the connection back, which Tortoise does not."""
    try:
        return await context.__aenter__()
    except BaseException:
        if isinstance(context, TransactionContextPooled) and hasattr(context, "token"):
            await _roll_back(context, Exception("BEGIN failed"))
        raise


async def _roll_back(context: Any, error: BaseException) -> None:
    try:
        await context.__aexit__(type(error), error, error.__traceback__)
    except (*_LOST, asyncpg.PostgresError, BaseORMException):
        # The connection is gone and PostgreSQL has rolled back by itself: the first error is the one to tell.
        return


def refuse_in_transaction(what: str) -> None:
    """Called by every outgoing adapter. Raises OutgoingCallInTransaction while a transaction is open."""
    current = _open.get()
    if current is not None and not current.closed:
        raise OutgoingCallInTransaction(f"{what} inside an open transaction")


async def fetch(sql: str, *values: Any) -> list[Row]:
    """Run a statement outside a transaction (or in the one that is open) and return its rows."""
    try:
        rows: list[Row] = await get_connection("default").execute_query_dict(sql, list(values))
    except Exception as error:
        raise translate(error) from error
    return rows


_RETRYABLE = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InterfaceError,
    # The server's farewell has arrived and was not read yet when the next statement was sent.
    asyncpg.InternalClientError,
    OSError,
)


def translate(error: Exception, *, committing: bool = False) -> Exception:
    """The typed error for a driver's or Tortoise's error; anything else comes back as it is."""
    cause = _driver_error(error)
    if isinstance(cause, asyncpg.UniqueViolationError):
        return UniqueViolation(cause.constraint_name or "unknown")
    if isinstance(cause, asyncpg.IntegrityConstraintViolationError | asyncpg.RaiseError):
        return IntegrityViolation(str(cause))
    if isinstance(cause, asyncpg.DataError) or (
        # What the driver itself refuses to send.
        isinstance(cause, asyncpg.InterfaceError) and isinstance(cause, ValueError)
    ):
        return ValueRefused(str(cause))
    if isinstance(cause, _RETRYABLE):
        return TransactionAborted(str(cause))
    if isinstance(cause, _LOST):
        reason = str(cause) or type(cause).__name__
        return CommitOutcomeUnknown(reason) if committing else DatabaseUnavailable(reason)
    return error


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, BaseORMException):
        inner = error.__cause__ or (error.args[0] if error.args else None)
        if isinstance(inner, BaseException):
            return inner
    return error


def credentials(url: str) -> dict[str, Any]:
    """What asyncpg needs to connect to a `postgres://` URL, Unix socket (`?host=/dir`) and sslmode included."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise SettingsError(
            "TRIBUTARY_DATABASE_URL: the URL names no database. "
            "Example: TRIBUTARY_DATABASE_URL=postgres://tributary:secret@db.internal:5432/tributary"
        )
    found: dict[str, Any] = {
        "host": query.get("host") or unquote(parts.hostname or "localhost"),
        "port": int(query.get("port") or parts.port or 5432),
        "user": unquote(parts.username or query.get("user") or "tributary"),
        "password": unquote(parts.password) if parts.password else None,
        "database": database,
    }
    mode = query.get("sslmode")
    if mode in {"require", "prefer"}:
        found["ssl"] = mode
    elif mode in {"verify-ca", "verify-full"}:
        found["ssl"] = ssl.create_default_context(cafile=query.get("sslrootcert"))
    return found


def server_settings(settings: Settings) -> dict[str, str]:
    """Session settings: UTC, and the timeouts by which PostgreSQL ends what is stuck."""
    return {
        "application_name": "tributary",
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": _milliseconds(settings.statement_timeout),
        "lock_timeout": _milliseconds(settings.lock_timeout),
        "idle_in_transaction_session_timeout": _milliseconds(settings.idle_in_transaction_timeout),
        "transaction_timeout": _milliseconds(settings.transaction_timeout),
    }


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def require_url(settings: Settings) -> str:
    """The database URL; raises SettingsError when there is none."""
    if settings.database_url is None:
        raise SettingsError(
            "TRIBUTARY_DATABASE_URL: no database is configured for this process. Start everything with "
            "`tributary up`, or set it. "
            "Example: TRIBUTARY_DATABASE_URL=postgres://tributary:secret@db.internal:5432/tributary"
        )
    return settings.database_url


def tortoise_config(settings: Settings, *, session: dict[str, str] | None = None) -> dict[str, Any]:
    """Tortoise's configuration for these settings."""
    return {
        "connections": {
            "default": {
                "engine": "tortoise.backends.asyncpg",
                "credentials": {
                    **credentials(require_url(settings)),
                    "minsize": settings.database_pool_min,
                    "maxsize": settings.database_pool_max,
                    "server_settings": session or server_settings(settings),
                    "reset": _keep_session,
                },
            }
        },
        "apps": {
            APP: {
                "models": ["app.models"],
                "default_connection": "default",
                "migrations": "migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def _keep_session(_connection: Any) -> None:
    """What a pooled connection is freed of between two uses: nothing, because nothing here outlives a transaction.

    asyncpg itself rolls back what is open; its own way of resetting the rest costs a round trip each time.
    """


async def connect(settings: Settings) -> None:
    """Make the models usable in this process. Connections are opened when first needed."""
    await Tortoise.init(config=tortoise_config(settings), _enable_global_fallback=True)


async def disconnect() -> None:
    """Close every connection of this process."""
    await Tortoise.close_connections()


async def server_version() -> int:
    """PostgreSQL's version number, such as 180004; raises DatabaseUnavailable."""
    rows = await fetch("SELECT current_setting('server_version_num')::int AS version")
    return int(rows[0]["version"])


async def ping() -> None:
    """One round trip; raises DatabaseUnavailable."""
    await fetch("SELECT 1")
