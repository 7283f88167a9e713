"""The command line: what the operator has to mend is plain text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


def tributary(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "TRIBUTARY" not in name}
    clean.pop("PORT", None)
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        check=False,
        cwd=PROJECT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "command", ["up", "serve", "worker", "scheduler", "migrate", "seed-demo", "simulate", "doctor"]
)
def test_a_bad_setting_is_named_without_a_traceback(command: str) -> None:
    done = tributary(command, TRIBUTARY_PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.startswith("TRIBUTARY_PORT: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", ["serve", "worker", "scheduler", "migrate", "seed-demo", "simulate"]
)
def test_a_command_without_a_database_says_how_to_start_one(command: str, tmp_path: Path) -> None:
    done = tributary(command, TRIBUTARY_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert f"`tributary up` is not running on {tmp_path}" in done.stderr
    assert "make up" in done.stderr


def test_a_server_without_secret_keys_is_refused(tmp_path: Path) -> None:
    done = tributary(
        "serve",
        TRIBUTARY_DATABASE_URL="postgres://db.internal/tributary",
        TRIBUTARY_REDIS_URL="redis://cache.internal",
    )
    assert done.returncode == 2
    assert "openssl rand -base64 32" in done.stderr


def test_the_demo_is_refused_on_a_public_address(tmp_path: Path) -> None:
    done = tributary("up", "--demo", TRIBUTARY_HOST="0.0.0.0", TRIBUTARY_DATA_DIR=str(tmp_path))  # noqa: S104
    assert done.returncode == 2
    assert "loopback" in done.stderr


@pytest.mark.parametrize(
    "command", ["up", "serve", "worker", "scheduler", "migrate", "seed-demo", "schema", "doctor"]
)
def test_help_names_the_command(command: str) -> None:
    assert command in tributary("--help").stdout
