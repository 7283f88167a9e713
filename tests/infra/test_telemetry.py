"""Logs: what an unexpected error may tell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_PROGRAM = """
from app.infra.telemetry import configure_logging, logger
from app.settings import load_settings

configure_logging(load_settings(log_format={form!r}), "test")


def sign_in(password):
    raise RuntimeError("unforeseen")


try:
    sign_in("hunter2 is secret")
except RuntimeError:
    logger().exception("request.failed")
"""


def _logged(form: str) -> str:
    program = [sys.executable, "-c", _PROGRAM.format(form=form)]
    return subprocess.run(program, capture_output=True, text=True, check=True).stderr


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(form: str) -> None:
    logged = _logged(form)

    assert "unforeseen" in logged
    assert "hunter2" not in logged.replace('sign_in("hunter2 is secret")', "")


def test_a_line_of_json_names_its_process_and_level() -> None:
    line = json.loads(_logged("json").splitlines()[-1])

    assert (line["process"], line["level"], line["event"]) == ("test", "error", "request.failed")
