"""The container image and the Compose file, read as text: there is no container engine where the tests run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from app.cli import app as command_line
from app.infra.storage import Storage
from app.schema.transport import graphiql
from app.settings import Settings, load_settings

PROJECT = Path(__file__).parent.parent
COMPILERS = re.compile(r"\b(build-essential|gcc|g\+\+|clang|make|cargo|rustc|[a-z0-9.]+-dev)\b")
OURS = ("migrate", "serve", "worker", "scheduler")


@dataclass(slots=True)
class Stage:
    """One stage of the Dockerfile: its base, its name, and its instructions after FROM."""

    base: str
    name: str | None
    steps: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, instruction: str) -> list[str]:
        """What follows each instruction of that kind."""
        return [rest for word, rest in self.steps if word == instruction]

    def last(self, instruction: str) -> str:
        """What follows the last one, which is the one that holds."""
        return self.arguments(instruction)[-1]


def read_dockerfile() -> list[Stage]:
    """The stages of the Dockerfile, with continued lines joined and comments left out."""
    text = (PROJECT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stages: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name or None))
        else:
            stages[-1].steps.append((word, " ".join(rest.split())))
    return stages


def stage_named(name: str) -> Stage:
    """The stage of that name."""
    return next(stage for stage in read_dockerfile() if stage.name == name)


def copied_files(stages: list[Stage] | None = None) -> list[str]:
    """What the stages, by default all, get from the checkout."""
    return [
        source.rstrip("/")
        for stage in stages or read_dockerfile()
        for rest in stage.arguments("COPY")
        if not rest.startswith("--from=")
        for source in rest.split()[:-1]
    ]


def is_sent_to_the_builder(name: str) -> bool:
    """Whether .dockerignore lets a path through: the last pattern that fits it, or what holds it, decides."""
    parts = name.split("/")
    sent = True
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        wanted = line.strip().removeprefix("!").split("/")
        places = [parts[: len(wanted)]]
        if wanted[0] == "**":
            # At any depth.
            wanted, places = wanted[1:], [[part] for part in parts]
        fits = any(
            len(place) == len(wanted) and all(map(fnmatch, place, wanted)) for place in places
        )
        if fits and not line.startswith("#"):
            sent = line.startswith("!")
    return sent


def compose() -> dict[str, Any]:
    """The services of the Compose file."""
    document = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    services: dict[str, Any] = document["services"]
    return services


def interpolated(value: str) -> str:
    """A value as Compose fills it in, when the variables that it requires hold long words."""
    required = re.sub(r"\$\{\w+:\?[^}]*\}", "0123456789abcdef0123456789abcdef", value)
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", required)


@pytest.fixture
def storage_of_nobody() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that takes every upload and forgets it: its address, and the requests that came."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("ETag", '"nothing"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


@pytest.mark.parametrize("source", copied_files())
def test_what_the_image_copies_exists_and_is_sent_to_the_builder(source: str) -> None:
    assert (PROJECT / source).exists()
    assert is_sent_to_the_builder(source)


@pytest.mark.parametrize(
    "name",
    [
        *(".git", ".venv", ".tributary", "tests", "docs", "compose.yaml"),
        *("app/web/__pycache__", "frontend/graphiql/node_modules", "frontend/graphiql/dist"),
    ],
)
def test_what_the_image_does_not_need_stays_behind(name: str) -> None:
    assert not is_sent_to_the_builder(name)


def test_the_image_copies_everything_that_the_server_imports_or_reads() -> None:
    final = read_dockerfile()[-1]
    assert {"app", "migrations", "graphql"} <= set(copied_files([final]))
    place = (PROJECT / final.arguments("COPY")[-1].split()[-1]).resolve()
    assert place == graphiql.BUILD


def test_the_image_installs_the_lock_file_with_hashes_and_compiles_nothing() -> None:
    install = [rest for rest in stage_named("build").arguments("RUN") if "pip install" in rest]
    assert len(install) == 1
    words = shlex.split(install[0])
    assert "--require-hashes" in words
    assert words[words.index("--only-binary") + 1] == ":all:"
    assert words[words.index("-r") + 1] == "requirements.lock"


def test_the_image_leaves_out_the_embedded_servers_and_node_by_the_names_of_the_lock_file() -> None:
    removed = stage_named("build").last("RUN").partition("pip uninstall --yes ")[2].split()
    assert len(removed) == 3
    locked = (PROJECT / "requirements.lock").read_text()
    for name in removed:
        assert re.search(rf"^{name}==", locked, re.MULTILINE)


def test_no_stage_installs_a_compiler_and_the_last_one_is_a_slim_python() -> None:
    stages = read_dockerfile()
    assert stages[-1].base == "python:3.12-slim" == stage_named("build").base
    for stage in stages:
        for rest in stage.arguments("RUN"):
            assert not COMPILERS.search(rest)


def test_graphiql_is_built_from_its_lock_file_by_its_own_script() -> None:
    stage = stage_named("graphiql")
    assert copied_files([stage]) == ["frontend/graphiql"]
    assert stage.last("RUN") == "npm ci --ignore-scripts && node build.mjs"
    for name in ("package-lock.json", "build.mjs"):
        assert (PROJECT / "frontend" / "graphiql" / name).exists()


def test_the_image_runs_as_an_ordinary_user_that_it_makes() -> None:
    final = read_dockerfile()[-1]
    user = final.last("USER")
    assert user not in {"root", "0"}
    assert any(
        rest.startswith("useradd") and user in rest.split() for rest in final.arguments("RUN")
    )
    # Nothing is installed once the rights are gone, and nothing is run with them afterwards.
    assert [word for word, _ in final.steps].index("USER") > max(
        at for at, (word, _) in enumerate(final.steps) if word in {"RUN", "COPY"}
    )


def test_the_environment_stands_where_it_was_made() -> None:
    build, final = stage_named("build"), read_dockerfile()[-1]
    copied = next(rest for rest in final.arguments("COPY") if rest.startswith("--from=build"))
    stage, source, target = copied.split()
    assert stage == "--from=build"
    assert source == f"{build.last('WORKDIR')}/.venv"
    assert target == ".venv"
    assert final.last("WORKDIR") == build.last("WORKDIR")
    assert f"PATH={source}/bin:$PATH" in final.last("ENV").split()


def test_the_image_runs_commands_that_exist() -> None:
    final = read_dockerfile()[-1]
    assert json.loads(final.last("ENTRYPOINT")) == ["python", "-m", "app.cli"]
    assert json.loads(final.last("CMD")) == ["serve"]
    commands = {
        command.name or command.callback.__name__
        for command in command_line.registered_commands
        if command.callback
    }
    assert {*json.loads(final.last("CMD")), *OURS} <= commands


def test_the_health_check_of_the_image_is_python_that_asks_whether_the_process_lives() -> None:
    words = json.loads(read_dockerfile()[-1].last("HEALTHCHECK").partition("CMD ")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "HEALTHCHECK", "exec")
    assert "/health/live" in words[2]


def test_the_image_and_the_services_set_only_settings_that_exist() -> None:
    known = {f"TRIBUTARY_{name.upper()}" for name in Settings.model_fields}
    set_by_image = set(re.findall(r"(TRIBUTARY_\w+)=", read_dockerfile()[-1].last("ENV")))
    assert set_by_image <= known
    for name in OURS:
        assert {
            key for key in compose()[name]["environment"] if not key.startswith("AWS_")
        } <= known


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_has_settings_that_the_server_accepts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in compose()[name]["environment"].items():
        # Without a value, it is what Compose finds around itself: here nothing.
        if value is not None:
            monkeypatch.setenv(variable, interpolated(value))
    settings = load_settings()
    assert settings.database_url
    assert "@postgres:5432/" in settings.database_url
    assert settings.redis_url == "redis://valkey:6379/0"
    assert settings.storage_url == "s3://tributary"
    assert settings.secret_keys
    assert not settings.demo


async def test_files_go_to_the_storage_of_the_compose_file(
    storage_of_nobody: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = storage_of_nobody
    for variable, value in compose()["serve"]["environment"].items():
        if value is not None:
            monkeypatch.setenv(variable, interpolated(value))
    assert compose()["serve"]["environment"]["AWS_ENDPOINT"] == "http://storage:8333"
    monkeypatch.setenv("AWS_ENDPOINT", url)
    await Storage(load_settings()).put("documents/1", b"a passport")
    assert requests == ["PUT /tributary/documents/1"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_the_command_of_its_name_in_our_image(name: str) -> None:
    service = compose()[name]
    assert service["command"] == [name]
    assert service["build"] == "."


def test_the_directory_of_the_image_for_data_belongs_to_its_user() -> None:
    final = read_dockerfile()[-1]
    directory = re.search(r"TRIBUTARY_DATA_DIR=(\S+)", final.last("ENV"))
    assert directory
    made = f"install --directory --owner={final.last('USER')} {directory[1]}"
    assert any(made in rest for rest in final.arguments("RUN"))


def test_the_processes_wait_for_the_migration_and_the_migration_for_the_database() -> None:
    services = compose()
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in ("serve", "worker", "scheduler"):
        waits = services[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        assert waits["valkey"]["condition"] == "service_healthy"
    assert (
        services["serve"]["depends_on"]["bucket"]["condition"] == "service_completed_successfully"
    )


@pytest.mark.parametrize("name", ["worker", "scheduler", "postgres", "valkey", "storage"])
def test_a_service_without_the_health_check_of_the_image_has_its_own(name: str) -> None:
    words = compose()[name]["healthcheck"]["test"]
    assert words[0] == "CMD"
    if words[1] == "python":
        compile(words[3], "healthcheck", "exec")


def test_only_the_api_is_published_and_only_on_loopback() -> None:
    published = {
        name: service["ports"] for name, service in compose().items() if "ports" in service
    }
    assert published == {"serve": ["127.0.0.1:8000:8000"]}


def test_every_volume_is_declared_and_used() -> None:
    document = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    used = {
        volume.partition(":")[0]
        for service in document["services"].values()
        for volume in service.get("volumes", [])
    }
    assert used == set(document["volumes"])
