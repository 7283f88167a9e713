"""G25: the committed schemas are those of the code, and what breaks their clients is told unless it is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.schema import sdl
from app.schema.sdl import breaking_changes, changes_that_break, check, export, release
from graphql import build_schema

COMMITTED = Path(__file__).parent.parent.parent / "graphql"
REMOVED = "partner.graphql: FIELD_REMOVED Field Viewer.once was removed."


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A directory with the present schemas, released."""
    export(tmp_path)
    release(tmp_path)
    return tmp_path


def test_g25_the_committed_schemas_are_current_and_break_no_client_unlisted() -> None:
    assert check(COMMITTED) == []


def test_g25_there_is_a_released_schema_to_compare_with() -> None:
    assert {path.name for path in (COMMITTED / "released").iterdir()} == {
        "admin.graphql",
        "partner.graphql",
    }


def test_g25_a_missing_and_a_stale_schema_are_named(released: Path) -> None:
    (released / "admin.graphql").unlink()
    with (released / "partner.graphql").open("a") as file:
        file.write("# more\n")
    assert check(released) == ["admin.graphql", "partner.graphql"]


def test_g25_the_present_schemas_break_nothing_of_themselves(released: Path) -> None:
    assert check(released) == []


def test_g25_a_field_that_was_removed_is_told(released: Path) -> None:
    _add_to_released(released, "partner.graphql", "type Viewer {", "  once: Int")
    (told,) = breaking_changes(released)
    assert told == f"{REMOVED} (breaks clients, is not in breaking-changes.txt)"
    assert check(released) == breaking_changes(released)


def test_g25_a_listed_change_is_allowed(released: Path) -> None:
    _add_to_released(released, "partner.graphql", "type Viewer {", "  once: Int")
    with (released / "breaking-changes.txt").open("a") as file:
        file.write("# 2026-03-01: nobody used it\n")
        file.write(f"{REMOVED}\n")
    assert breaking_changes(released) == []


def test_g25_a_listed_change_that_is_none_is_told(released: Path) -> None:
    with (released / "breaking-changes.txt").open("a") as file:
        file.write(f"{REMOVED}\n")
    (told,) = breaking_changes(released)
    assert told == f"{REMOVED} (is in breaking-changes.txt, but is no change)"


def test_g25_a_release_begins_anew(released: Path) -> None:
    _add_to_released(released, "admin.graphql", "type Viewer {", "  once: Int")
    assert breaking_changes(released) != []
    release(released)
    assert breaking_changes(released) == []


def test_g25_nothing_breaks_before_the_first_release(tmp_path: Path) -> None:
    export(tmp_path)
    assert check(tmp_path) == []


OLD = """
enum Color { RED GREEN }
input Wish { name: String }
type Query { f(a: Int, wish: Wish): String!  color: Color }
"""


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        (OLD.replace("f(a: Int, wish: Wish): String!  ", ""), "FIELD_REMOVED"),
        (OLD.replace("String!", "String"), "FIELD_CHANGED_KIND"),
        (OLD.replace("f(a: Int, ", "f("), "ARG_REMOVED"),
        (OLD.replace("a: Int", "a: Int!"), "ARG_CHANGED_KIND"),
        (OLD.replace("a: Int", "a: Int, b: Int!"), "REQUIRED_ARG_ADDED"),
        (OLD.replace("RED GREEN", "RED"), "VALUE_REMOVED_FROM_ENUM"),
        (
            OLD.replace("{ name: String }", "{ name: String, more: Int! }"),
            "REQUIRED_INPUT_FIELD_ADDED",
        ),
    ],
)
def test_g25_what_clients_rely_on_may_not_go(new: str, kind: str) -> None:
    lines = changes_that_break(build_schema(OLD), build_schema(new))
    assert any(line.startswith(f"{kind} ") for line in lines)


@pytest.mark.parametrize(
    "new",
    [
        OLD.replace("f(", "g: Int  f("),
        OLD.replace("a: Int", "a: Int, b: Int"),
        OLD.replace("RED GREEN", "RED GREEN BLUE"),
        OLD.replace("{ name: String }", "{ name: String, more: Int }"),
        f"{OLD} type More {{ a: Int }}",
    ],
)
def test_g25_what_is_added_breaks_nothing(new: str) -> None:
    assert changes_that_break(build_schema(OLD), build_schema(new)) == []


def _add_to_released(directory: Path, name: str, after: str, line: str) -> None:
    path = directory / "released" / name
    text = path.read_text()
    assert after in text
    path.write_text(text.replace(after, f"{after}\n{line}\n"))


def test_g25_both_schemas_are_exported(tmp_path: Path) -> None:
    sdl.export(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"admin.graphql", "partner.graphql"}
