"""The doctor: each finding says what is wrong, and how to mend it."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.infra import doctor
from app.infra.data_directory import CannotStart, Run
from app.infra.doctor import Finding
from app.settings import Settings
from tests.servers import Servers, start_servers

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = start_servers(tmp_path_factory.mktemp("servers"))
    yield running
    running.stop()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


def settings_for(path: Path, port: int, **values: Any) -> Settings:
    return Settings(data_dir=path / "data", port=port, **values)


def named(findings: list[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def test_nothing_is_wrong_with_a_machine_that_can_run_it(tmp_path: Path, port: int) -> None:
    findings = doctor.diagnose(settings_for(tmp_path, port))
    assert [finding for finding in findings if not finding.ok] == []


def test_every_finding_says_its_fix(tmp_path: Path, port: int) -> None:
    settings = settings_for(
        tmp_path, port, database_url="postgres://x@/x?host=/nowhere", redis_url="unix:///nowhere"
    )
    findings = doctor.diagnose(settings)
    assert all(finding.message and finding.fix for finding in findings)


def test_looking_leaves_nothing_behind(tmp_path: Path, port: int) -> None:
    doctor.diagnose(settings_for(tmp_path, port))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "ok"), [((3, 10, 14), False), ((3, 11, 0), True), ((4, 0, 0), True)]
)
def test_python_must_be_3_11_or_newer(version: tuple[int, int, int], ok: bool) -> None:
    assert doctor.check_python(version).ok is ok


def test_a_data_directory_below_a_file_is_not_ok(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor.check_data_directory(tmp_path / "file").ok is True
    assert doctor.check_data_directory(Path("/proc/tributary")).ok is False


def test_a_data_directory_of_another_user_is_not_ok(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 12345, -1)
        finding = doctor.check_data_directory(tmp_path)
    else:
        finding = doctor.check_data_directory(Path("/usr"))
    assert not finding.ok


def test_too_little_disk_space_is_not_ok(tmp_path: Path) -> None:
    assert doctor.check_disk_space(tmp_path, wanted=0).ok
    assert not doctor.check_disk_space(tmp_path, wanted=2**62).ok


@pytest.mark.parametrize(
    ("limit", "ok"), [(1024, False), (4096, True), (resource.RLIM_INFINITY, True)]
)
def test_a_process_must_be_allowed_enough_open_files(limit: int, ok: bool) -> None:
    assert doctor.check_open_files(limit).ok is ok


def test_a_clock_that_forgot_the_time_is_not_ok() -> None:
    assert not doctor.check_clock(0).ok


def test_a_port_that_another_program_has_is_named_with_another_to_choose(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        finding = doctor.check_port("127.0.0.1", port, run=None)
    assert not finding.ok
    assert str(port) in finding.message
    assert f"PORT={port + 1}" in finding.fix


def test_the_port_of_the_running_instance_is_ok(port: int) -> None:
    run = Run(os.getpid(), f"http://127.0.0.1:{port}", "", "", ready=True)
    with socket.create_server(("127.0.0.1", port)):
        assert doctor.check_port("127.0.0.1", port, run).ok


def test_an_external_database_needs_secret_keys(tmp_path: Path, port: int) -> None:
    url = "postgres://db.internal/tributary"
    without = doctor.check_secret_keys(settings_for(tmp_path, port, database_url=url))
    with_key = settings_for(tmp_path, port, database_url=url, secret_keys=(KEY,))
    assert (without.ok, doctor.check_secret_keys(with_key).ok) == (False, True)


def test_the_embedded_database_needs_no_secret_keys(tmp_path: Path, port: int) -> None:
    assert doctor.check_secret_keys(settings_for(tmp_path, port)).ok


def test_a_program_that_does_not_run_is_not_ok() -> None:
    def missing() -> str:
        raise CannotStart("the wheel is missing.\nFix: install it.")

    finding = doctor.check_program("embedded thing", missing)
    assert (finding.ok, finding.message, finding.fix) == (
        *(False, "the wheel is missing.", "install it."),
    )


def test_a_database_that_does_not_answer_is_not_ok(tmp_path: Path, port: int) -> None:
    url = f"postgres://tributary@127.0.0.1:{port}/tributary"
    finding = doctor.check_database(settings_for(tmp_path, port), url)[0]
    assert not finding.ok
    assert "TRIBUTARY_DATABASE_URL" in finding.fix


def test_a_database_without_our_tables_has_pending_migrations(
    tmp_path: Path, port: int, servers: Servers
) -> None:
    findings = doctor.check_database(
        settings_for(tmp_path, port), servers.postgres_url_of("tributary")
    )
    assert named(findings, "database").ok
    assert not named(findings, "migrations").ok
    assert named(findings, "migrations").fix == "Run `tributary migrate`."


def test_a_redis_that_does_not_answer_is_not_ok(tmp_path: Path) -> None:
    assert not doctor.check_redis(f"unix://{tmp_path}/nothing.sock").ok


def test_a_redis_that_would_throw_work_away_is_not_ok(servers: Servers) -> None:
    with Redis.from_url(servers.redis_url) as client:
        assert doctor.check_redis(servers.redis_url).ok
        client.config_set("maxmemory-policy", "allkeys-lru")
        finding = doctor.check_redis(servers.redis_url)
        client.config_set("maxmemory-policy", "noeviction")
    assert not finding.ok
    assert "allkeys-lru" in finding.message
