"""A TypeScript client, with what `graphql-codegen` makes of the committed SDL and the shipped operations (G25)."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.schema.execution.endpoint import OPERATIONS
from tests.clients.conftest import Programme
from tests.clients.npm import HERE, MODULES, PROJECT, run_node

SOURCES = HERE / "typescript"


@pytest.fixture
def build() -> Iterator[Path]:
    """A directory below this one, where the compiler finds the packages; `build` is ignored by git."""
    (HERE / "build").mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=HERE / "build"))
    (directory / "tsconfig.json").write_text(
        json.dumps({"extends": str(SOURCES / "tsconfig.json"), "include": ["*.ts"]})
    )
    yield directory
    shutil.rmtree(directory)


def generate(schema: str, directory: Path) -> None:
    sdl = PROJECT / "graphql" / f"{schema}.graphql"
    output = directory / f"{schema}.ts"
    run_node("generate.mjs", str(sdl), str(OPERATIONS / schema), str(output))


def compile_strictly(directory: Path) -> None:
    run_node(str(MODULES / "typescript" / "bin" / "tsc"), "--project", str(directory))


def test_a_strictly_compiled_client_runs_a_query_and_a_mutation_g25(
    programme: Programme, build: Path
) -> None:
    for schema in ("partner", "admin"):
        generate(schema, build)
    shutil.copy(SOURCES / "client.ts", build)
    compile_strictly(build)

    seen = json.loads(run_node(str(build / "client.js"), programme.url, programme.token))

    assert seen == {
        "email": "owner@partner.test",
        "role": "OWNER",
        "campaign": "Spring reviews",
        "errors": [],
    }
