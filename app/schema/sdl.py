"""The committed SDL of both schemas: writing it, and telling when it is stale or breaks clients (G25).

`graphql/released` holds the schemas of the last release. A change that breaks their clients is listed, with a reason,
in `graphql/breaking-changes.txt`, or the check fails; a release empties the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.schema import admin, partner
from graphql import BreakingChange, GraphQLSchema, build_schema, find_schema_changes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMAS = {"admin.graphql": admin.schema, "partner.graphql": partner.schema}
_RELEASED = "released"
_ALLOWED = "breaking-changes.txt"
_HEAD = """\
# Changes since the last release that break clients, one per line as `make lint` tells them, each below a line with
# the reason and the date, such as
#   # 2026-03-01: replaced by Campaign.plan, nobody had used it
#   partner.graphql: FIELD_REMOVED Campaign.deal was removed.
"""


def _rendered() -> dict[str, str]:
    return {name: schema.as_str() + "\n" for name, schema in _SCHEMAS.items()}


def export(directory: Path) -> None:
    """Write the SDL of both schemas."""
    for name, text in _rendered().items():
        (directory / name).write_text(text, encoding="utf-8")


def check(directory: Path) -> list[str]:
    """What is wrong: the names of files that are missing or stale, and changes that break clients unlisted."""
    stale = [
        name
        for name, text in _rendered().items()
        if not (directory / name).is_file()
        or (directory / name).read_text(encoding="utf-8") != text
    ]
    return stale + breaking_changes(directory)


def breaking_changes(directory: Path) -> list[str]:
    """The changes since the last release that break clients and are not listed; and the listed ones that are none."""
    found = [
        f"{name}: {line}"
        for name, text in _rendered().items()
        if (released := directory / _RELEASED / name).is_file()
        for line in changes_that_break(
            build_schema(released.read_text(encoding="utf-8")), build_schema(text)
        )
    ]
    allowed = list(_listed(directory / _ALLOWED))
    return [
        *(
            f"{line} (breaks clients, is not in {_ALLOWED})"
            for line in found
            if line not in allowed
        ),
        *(f"{line} (is in {_ALLOWED}, but is no change)" for line in allowed if line not in found),
    ]


def changes_that_break(old: GraphQLSchema, new: GraphQLSchema) -> list[str]:
    """What clients of the old schema cannot rely on in the new one."""
    return sorted(
        f"{change.type.name} {change.description}"
        for change in find_schema_changes(old, new)
        if isinstance(change, BreakingChange)
    )


def release(directory: Path) -> None:
    """Make the present schemas the released ones; the list of breaking changes begins anew."""
    (directory / _RELEASED).mkdir(exist_ok=True)
    export(directory / _RELEASED)
    (directory / _ALLOWED).write_text(_HEAD, encoding="utf-8")


def _listed(path: Path) -> Iterator[str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            yield line.strip()
