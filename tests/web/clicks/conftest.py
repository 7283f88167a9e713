"""A database on a cable that can be cut, and the place of the journals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.infra import database
from app.settings import Settings
from tests.infra.cable import Cable, cable_to


@pytest.fixture
async def cable(settings: Settings) -> AsyncIterator[Cable]:
    """The models, connected by a cable that can be cut."""
    async with cable_to(settings.database_url or "") as made:
        await database.connect(settings.model_copy(update={"database_url": made.url}))
        yield made
        made.hold = made.cut_before = made.cut_after = None
        made.release.set()
        await database.disconnect()


@pytest.fixture
def directory(settings: Settings) -> Path:
    """Where the journals are."""
    return settings.journal_directory
