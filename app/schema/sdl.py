"""The committed SDL of both schemas: writing it, and telling when it is stale (G25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.schema import admin, partner

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMAS = {"admin.graphql": admin.schema, "partner.graphql": partner.schema}


def _rendered() -> dict[str, str]:
    return {name: schema.as_str() + "\n" for name, schema in _SCHEMAS.items()}


def export(directory: Path) -> None:
    """Write the SDL of both schemas."""
    for name, text in _rendered().items():
        (directory / name).write_text(text, encoding="utf-8")


def check(directory: Path) -> list[str]:
    """The names of the files that are missing or differ from the schemas."""
    return [
        name
        for name, text in _rendered().items()
        if not (directory / name).is_file()
        or (directory / name).read_text(encoding="utf-8") != text
    ]
