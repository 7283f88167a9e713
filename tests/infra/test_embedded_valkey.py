"""The embedded Valkey: reachable by socket only, and nothing lost when it is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.infra import processes
from app.infra.data_directory import DataDirectory
from app.infra.embedded.valkey import EmbeddedValkey, open_valkey
from app.infra.supervisor import Supervisor


def opened(path: Path) -> EmbeddedValkey:
    directory = DataDirectory(path)
    directory.create()
    return open_valkey(directory)


@contextmanager
def running(server: EmbeddedValkey) -> Iterator[int]:
    supervisor = Supervisor()
    try:
        supervisor.start(server.child())
        yield supervisor.pids()["valkey"]
    finally:
        supervisor.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    opened_server = opened(tmp_path_factory.mktemp("valkey"))
    with running(opened_server):
        yield opened_server


def configured(server: EmbeddedValkey, name: str) -> Any:
    with Redis.from_url(server.url, decode_responses=True) as client:
        return client.config_get(name)[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("maxmemory-policy", "noeviction"),
    ],
)
def test_it_runs_with_the_setting(server: EmbeddedValkey, name: str, value: str) -> None:
    assert configured(server, name) == value


def test_its_sockets_are_open_to_their_owner_only(server: EmbeddedValkey) -> None:
    assert server.socket_directory.stat().st_mode & 0o077 == 0


def test_a_clean_stop_keeps_what_was_written(tmp_path: Path) -> None:
    server = opened(tmp_path)
    with running(server), Redis.from_url(server.url) as client:
        client.set("kept", "1")
    with running(opened(tmp_path)), Redis.from_url(server.url) as client:
        assert client.get("kept") == b"1"


def test_a_killed_server_keeps_what_was_written(tmp_path: Path) -> None:
    server = opened(tmp_path)
    with running(server) as pid, Redis.from_url(server.url) as client:
        for number in range(1000):
            client.set(f"key:{number}", number)
        os.kill(pid, signal.SIGKILL)
    with running(opened(tmp_path)), Redis.from_url(server.url) as client:
        assert client.dbsize() == 1000


def test_a_server_that_outlived_its_supervisor_is_ended_by_the_next_start(tmp_path: Path) -> None:
    server = opened(tmp_path)
    with running(server) as first:
        assert processes.working_in(server.directory, "valkey-server") == {first}
        opened(tmp_path)
        assert processes.working_in(server.directory, "valkey-server") == set()


def test_it_is_not_ready_before_it_runs(tmp_path: Path) -> None:
    assert not opened(tmp_path).is_ready()


def test_a_path_with_spaces_and_signs_still_has_a_usable_url(tmp_path: Path) -> None:
    server = opened(tmp_path / "a b&c?d")
    with running(server), Redis.from_url(server.url) as client:
        assert client.ping()
