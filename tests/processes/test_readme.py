"""The README: its tour runs as written, its tables are complete, and the links of all guides lead somewhere."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
import typer

from app.cli import app as command_line
from app.infra.database import credentials, require_url
from app.settings import Settings
from tests.processes.instance import PROJECT, Instance

README = (PROJECT / "README.md").read_text()
GUIDES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])

# What the README asks for, and what every Unix system has.
_PROGRAMS = (
    "curl",
    "openssl",
    "cat",
    "date",
    "grep",
    "mkdir",
    "mktemp",
    "sed",
    "seq",
    "sleep",
    "tee",
)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOUR_SECONDS = 90


def section(title: str) -> str:
    """The text under a heading of the second level."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def tour() -> list[str]:
    """The commands of the tour, step by step."""
    return _BLOCK.findall(section("A tour in five minutes"))


async def free_the_code(settings: Settings) -> None:
    """Let the partner's current TOTP code count again: whoever else signed in has used it up."""
    connection = await asyncpg.connect(**credentials(require_url(settings)))
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'totp_last_step'"
        )
        for row in tables:
            await connection.execute(f"UPDATE {row['table_name']} SET totp_last_step = NULL")
    finally:
        await connection.close()


def run(script: str, directory: Path, base: str) -> str:
    """What bash prints, given only the programs that the README asks for."""
    programs = directory / "bin"
    programs.mkdir()
    for name in _PROGRAMS:
        program = shutil.which(name)
        assert program, f"{name} is missing on this machine"
        (programs / name).symlink_to(program)
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    file = directory / "tour.sh"
    file.write_text(script)
    bash = subprocess.Popen(
        [shutil.which("bash") or "bash", str(file)],
        env={"PATH": str(programs), "BASE": base, "TMPDIR": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        return bash.communicate(timeout=_TOUR_SECONDS)[0]
    finally:
        # The tracker of a tour that broke off is still listening.
        with suppress(ProcessLookupError):
            os.killpg(bash.pid, signal.SIGKILL)


def walk(instance: Instance, directory: Path) -> list[str]:
    """Walk the tour through an instance; what each step printed."""
    mark = "==== end of the step"
    script = "".join(f"{step}\necho '{mark}'\n" for step in tour())
    asyncio.run(free_the_code(instance.settings()))
    printed = run(script, directory, instance.url)
    asyncio.run(free_the_code(instance.settings()))
    print(printed)
    steps = printed.split(mark)[:-1]
    assert len(steps) == len(tour()), "the tour broke off"
    return steps


# One test, so that one worker starts the demo programme, and with time for a busy machine.
@pytest.mark.timeout(240)
def test_the_tour_of_the_readme_works_as_written(demo_instance: Instance, tmp_path: Path) -> None:
    steps = walk(demo_instance, tmp_path)

    for step in steps:
        assert step.strip()
        assert "Traceback" not in step
        assert '"errors"' not in step
        assert '"code"' not in step
    sign_in, promo, link, player, deposit, report, postback, demo = (
        steps[n] for n in (1, 4, 6, 7, 8, 9, 10, 11)
    )
    assert re.search(r'"token": "[\w-]{20,}"', sign_in)
    assert "<img src=" in promo
    assert "302 Found" in link
    landing = re.search(r"location: https://lucky-otter\.example/.*stag=(\d+_\d+)", link)
    assert landing
    assert '"status": "created"' in player
    assert '"status": "created"' in deposit
    totals = report.partition('"totals"')[2]
    assert '"visitsCount": 1,' in totals
    assert '"registrationsCount": 1,' in totals
    assert '"firstDepositsCount": 1,' in totals
    assert '"amount": "50.00",' in totals
    query = f"/?event=registration&click=tour-42&country=FI&stag={landing[1]}"
    assert f'"GET {query} HTTP/1.1" 200' in postback
    assert '"replayed": 1' in demo
    assert demo.count("click = tour-42") >= 2


def commands_of(group: typer.Typer, prefix: str = "") -> set[str]:
    """The commands that `--help` shows, with those of groups below."""
    own = {
        prefix + (command.name or command.callback.__name__)
        for command in group.registered_commands
        if command.callback and not command.hidden
    }
    below = (
        commands_of(entry.typer_instance, f"{prefix}{entry.name} ")
        for entry in group.registered_groups
        if entry.typer_instance
    )
    return own.union(*below)


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = re.findall(r"`tributary ([a-z -]+?)[A-Z ]*`", section("Commands"))
    assert sorted(listed) == sorted(commands_of(command_line))


def test_the_readme_lists_every_make_target_but_help() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    listed = re.findall(r"`make ([a-z-]+)", section("Commands"))
    assert set(listed) == targets


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_links_of_a_guide_lead_somewhere(guide: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", guide.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (guide.parent / link).exists()] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    decisions = PROJECT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[^)]+)\)", (decisions / "README.md").read_text())
    assert listed == sorted(path.name for path in decisions.glob("[0-9]*.md"))
