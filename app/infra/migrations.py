"""Migrations: applying them under a lock, finding the pending ones, and the operation for partitioned tables."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AddField, CreateModel
from tortoise.migrations.writer import MigrationWriter, format_migration_name
from tortoise.transactions import in_transaction

from app.infra import database
from app.infra.database import credentials, require_url, server_settings, tortoise_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tortoise.backends.base.client import BaseDBAsyncClient
    from tortoise.migrations.graph import MigrationKey
    from tortoise.migrations.schema_editor.base import BaseSchemaEditor
    from tortoise.migrations.schema_generator.state import State

    from app.settings import Settings

# Any constant will do, as long as nothing else in this database uses it.
_MIGRATION_LOCK = 0x7472_6962_0001
# In seconds. A single wait is shorter than PostgreSQL's own deadlock_timeout (1 s): where a migration and live traffic
# lock tables in different orders, the migration steps back, and the traffic never pays.
LONGEST_LOCK_WAIT = 5
_SINGLE_LOCK_WAIT = 0.5
_PAUSE = 0.2


class CreatePartitionedModel(CreateModel):
    """A model whose table is made by a RunSQL beside it, because Tortoise cannot write PARTITION BY."""

    reduces_to_sql = False

    async def database_forward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        return None

    async def database_backward(
        self,
        app_label: str,
        old_state: State,
        new_state: State,
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        return None


class AddColumn(AddField):
    """What a model gets; its column comes with the others of its table in one RunSQL at the end.

    Between two statements Tortoise makes all models anew: a table altered early would be locked for all of that.
    """

    async def database_forward(self, *_: Any, **__: Any) -> None:
        return None

    async def database_backward(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(slots=True)
class _Models:
    """The models that some migrations make: what the next ones go on with."""

    state: State | None = None
    made_by: set[MigrationKey] = field(default_factory=set)


class _Executor(MigrationExecutor):
    """Goes on with the models that are there, where Tortoise makes those of all earlier migrations anew each time."""

    def __init__(
        self, connection: BaseDBAsyncClient, config: dict[str, Any], models: _Models
    ) -> None:
        super().__init__(connection, config)
        self._models = models

    async def _project_state(
        self, applied: set[MigrationKey], *, upto: MigrationKey | None = None
    ) -> State:
        kept = self._models
        if upto is None and kept.state is not None and kept.made_by == applied:
            kept.made_by = applied
            return kept.state
        state = await super()._project_state(applied, upto=upto)
        if upto is None:
            # What is applied from now on changes these models, and is added to this very set.
            kept.state, kept.made_by = state, applied
        return state


def _session(settings: Settings) -> dict[str, str]:
    # A migration may run long, but it never queues long behind a lock: live traffic would queue behind it.
    # Between two statements Tortoise makes all models anew, which takes its time on a busy machine.
    unlimited = {
        "statement_timeout": "0",
        "transaction_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
    }
    patience = f"{round(min(settings.lock_timeout, _SINGLE_LOCK_WAIT) * 1000)}ms"
    return server_settings(settings) | unlimited | {"lock_timeout": patience}


async def migrate(
    settings: Settings, report: Callable[[str], None], target: str | None = None
) -> None:
    """Bring the database to a migration, by default the newest. Several calls at once wait for each other.

    `report` gets one line for each migration applied. Raises DatabaseUnavailable, or TransactionAborted when a lock
    was not to be had within LONGEST_LOCK_WAIT seconds; what was applied stays, and the same call goes on from there.
    """
    try:
        lock = await asyncpg.connect(**credentials(require_url(settings)))
    except (OSError, asyncpg.PostgresError) as error:
        raise database.DatabaseUnavailable(str(error)) from error
    try:
        await _wait_for_turn(lock)
        config: dict[str, Any] = tortoise_config(settings, session=_session(settings))
        await Tortoise.init(config=config, init_connections=False)
        # No target: this only makes the list of applied migrations, where it is missing.
        await _executor(config).migrate([])
        models = _Models()
        for group in await _groups(config, target):
            with _no_garbage_collection():
                await _apply_patiently(config, group, models)
            for migration in group:
                report(f"applied {migration.name}")
    except Exception as error:
        raise database.translate(error) from error
    finally:
        await Tortoise.close_connections()
        await lock.close()


async def _wait_for_turn(lock: Any) -> None:
    """Take the lock of whoever migrates, for as long as the connection is open.

    Asked again and again instead of waited for: a statement that waits is one that CREATE INDEX CONCURRENTLY, in the
    process that has the lock, would wait for in turn.
    """
    while True:
        if await lock.fetchval("SELECT pg_try_advisory_lock($1)", _MIGRATION_LOCK):
            return
        await asyncio.sleep(_PAUSE)


async def _groups(config: dict[str, Any], target: str | None) -> list[list[Migration]]:
    """What to apply, in order, by transaction: one each on a live database, all in one on an empty one."""
    plan = await _plan(config)
    names = [migration.name for migration in plan]
    if target is not None:
        plan = plan[: names.index(target) + 1] if target in names else []
    fresh = bool(plan) and not plan[0].dependencies
    groups: list[list[Migration]] = []
    for migration in plan:
        if fresh and groups and migration.atomic and groups[-1][-1].atomic:
            groups[-1].append(migration)
        else:
            groups.append([migration])
    return groups


async def _apply_patiently(config: dict[str, Any], group: list[Migration], models: _Models) -> None:
    """Apply migrations, again and again while traffic holds what they lock. Raises TransactionAborted in the end."""
    deadline = time.monotonic() + LONGEST_LOCK_WAIT
    while True:
        try:
            return await _apply(config, group, models)
        except Exception as error:
            # They are those of a migration that was rolled back.
            models.state = None
            refused = isinstance(database.translate(error), database.TransactionAborted)
            # One that is not atomic may have done a part.
            if not refused or not group[0].atomic or time.monotonic() > deadline:
                raise
        await asyncio.sleep(_PAUSE)


async def _apply(config: dict[str, Any], group: list[Migration], models: _Models) -> None:
    """Apply migrations and remember them, both or neither: Tortoise alone does one after the other."""
    async with contextlib.AsyncExitStack() as stack:
        if group[0].atomic:
            await stack.enter_async_context(in_transaction("default"))
        executor = _executor(config, models)
        await executor.migrate([MigrationTarget(group[-1].app_label, group[-1].name)])


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Tortoise makes all models anew for each operation; looking for garbage among them takes twice the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


async def _plan(config: dict[str, Any]) -> list[Migration]:
    return [step.migration for step in await _executor(config).plan() if not step.backward]


def _executor(config: dict[str, Any], models: _Models | None = None) -> MigrationExecutor:
    """Made anew each time: it works on the connection, or the transaction, that is open at this moment."""
    return _Executor(get_connection("default"), config["apps"], models or _Models())


async def pending_migrations(settings: Settings) -> list[str]:
    """The names of the migrations that the database of the open connection still lacks."""
    return [migration.name for migration in await _plan(tortoise_config(settings))]


async def detect_changes(settings: Settings) -> list[MigrationWriter]:
    """What the models say and the migrations do not: empty unless a migration is missing."""
    config: dict[str, Any] = tortoise_config(settings)
    await Tortoise.init(config=config, init_connections=False)
    apps = Tortoise.apps
    if apps is None:
        raise RuntimeError("Tortoise did not load the models")
    try:
        return await MigrationAutodetector(apps, config["apps"]).changes()
    finally:
        await Tortoise.close_connections()


async def write_migration(settings: Settings, name: str) -> list[Path]:
    """Write the migration that the models ask for; its SQL is then reviewed by hand."""
    written = []
    for writer in await detect_changes(settings):
        writer.name = format_migration_name(int(writer.name.split("_", 1)[0]), name)
        written.append(Path(writer.write()))
    return written
