"""Migrations: applying them under a lock, finding the pending ones, and the operation for partitioned tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from tortoise import Tortoise
from tortoise.migrations.api import migrate as apply_migrations
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.operations import CreateModel
from tortoise.migrations.writer import MigrationWriter, format_migration_name

from app.infra import database
from app.infra.database import credentials, require_url, server_settings, tortoise_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from tortoise.migrations.schema_editor.base import BaseSchemaEditor
    from tortoise.migrations.schema_generator.state import State

    from app.settings import Settings

# Any constant will do, as long as nothing else in this database uses it.
_MIGRATION_LOCK = 0x7472_6962_0001


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


def _session(settings: Settings) -> dict[str, str]:
    # A migration may run long, but it never queues long behind a lock: live traffic would queue behind it.
    unlimited = {"statement_timeout": "0", "transaction_timeout": "0"}
    return server_settings(settings) | unlimited | {"lock_timeout": "5s"}


async def migrate(settings: Settings, report: Callable[[str], None]) -> None:
    """Bring the database to the newest migration. Several calls at once wait for each other.

    `report` gets one line for each migration applied. Raises DatabaseUnavailable.
    """
    try:
        lock = await asyncpg.connect(**credentials(require_url(settings)))
    except (OSError, asyncpg.PostgresError) as error:
        raise database.DatabaseUnavailable(str(error)) from error
    try:
        await lock.execute("SELECT pg_advisory_lock($1)", _MIGRATION_LOCK)

        def progress(event: str, _app: str, name: str) -> None:
            if event == "apply_done":
                report(f"applied {name}")

        await apply_migrations(
            config=tortoise_config(settings, session=_session(settings)), progress=progress
        )
    finally:
        await Tortoise.close_connections()
        await lock.close()


async def pending_migrations(settings: Settings) -> list[str]:
    """The names of the migrations that the database of the open connection still lacks."""
    config: dict[str, Any] = tortoise_config(settings)
    executor = MigrationExecutor(Tortoise.get_connection("default"), config["apps"])
    plan = await executor.plan()
    return [step.migration.name for step in plan if not step.backward]


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
