"""Running the Node programs of this folder."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from app.infra import node

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
MODULES = HERE / "node_modules"
_SECONDS = 60


@cache
def _node() -> node.Node:
    if not (MODULES / ".package-lock.json").is_file():
        raise AssertionError("the clients are not installed: run `make test`, which installs them")
    return node.find()


def run_node(*arguments: str, directory: Path = HERE) -> str:
    """Run `node` with these arguments; what it writes. Fails with what it complains about."""
    found = _node()
    done = subprocess.run(
        found.command("node", *arguments),
        cwd=directory,
        env=found.environment(),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"node {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def run_scenario(client: str, scenario: str, **given: Any) -> Any:
    """Run one scenario of a client and return what it saw."""
    return json.loads(run_node(f"{client}.mjs", scenario, json.dumps(given)))
