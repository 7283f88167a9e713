"""The supervisor: order, readiness, restarts, clean stops, and its own sudden death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.infra import processes
from app.infra.supervisor import Backoff, ChildFailed, ChildSpec, Supervisor

# A child that writes its name, and then what became of it, into the file `journal`.
_CHILD = """
import signal, sys, time
name, journal = sys.argv[1:]
def say(what):
    with open(journal, "a") as file:
        file.write(f"{name} {what}\\n")
def stop(number, frame):
    say("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
say("started")
while True:
    time.sleep(0.01)
"""
_IDLE = "import time; time.sleep(60)"
_DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""

# A supervisor with two such children, as a process of its own; prints their pids when they run.
_SUPERVISOR = """
import json, sys
from pathlib import Path
from app.infra.supervisor import Backoff, Supervisor
from tests.infra.test_supervisor import journalling, quick_logs
quick_logs()
place = Path(sys.argv[1])
supervisor = Supervisor(backoff=Backoff(first=0.05, longest=0.4, stable_after=30))
with supervisor.handling_signals():
    try:
        supervisor.start(journalling("first", place), journalling("second", place))
        print(json.dumps(supervisor.pids()), flush=True)
        supervisor.run()
    finally:
        supervisor.stop()
"""


def quick_logs() -> None:
    """Structured logs of a supervisor process as JSON on its error output."""
    import structlog

    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def child(name: str, code: str, *arguments: str, **options: object) -> ChildSpec:
    argv = (sys.executable, "-S", "-c", code, *arguments)
    values = {"name": name, "argv": argv, "env": dict(os.environ), "cwd": Path("/")} | options
    return ChildSpec(**values)  # type: ignore[arg-type]


def journalling(name: str, place: Path) -> ChildSpec:
    journal = place / "journal"

    def started() -> bool:
        return journal.exists() and f"{name} started\n" in journal.read_text()

    return child(name, _CHILD, name, str(journal), ready=started, log=place / f"{name}.log")


class Running:
    """A supervisor process, its children's pids and its log."""

    def __init__(self, process: subprocess.Popen[str], place: Path) -> None:
        assert process.stdout is not None
        self.process = process
        self.pids: dict[str, int] = json.loads(process.stdout.readline())
        self._place = place

    def journal(self) -> list[str]:
        return (self._place / "journal").read_text().splitlines()

    def log(self, event: str) -> list[dict[str, object]]:
        lines = (self._place / "supervisor.log").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def wait_for_log(self, event: str, count: int) -> list[dict[str, object]]:
        assert processes.wait_until(lambda: len(self.log(event)) >= count, 60)
        return self.log(event)


@contextmanager
def supervisor_process(place: Path) -> Iterator[Running]:
    with (
        (place / "supervisor.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", _SUPERVISOR, str(place)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield Running(process, place)
        finally:
            if process.poll() is None:
                process.terminate()


def has_ended(pid: int) -> bool:
    return processes.start_time(pid) is None


def test_children_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    supervisor = Supervisor()
    for name in ("first", "second", "third"):
        supervisor.start(journalling(name, tmp_path))
    supervisor.stop()
    assert (tmp_path / "journal").read_text().splitlines() == [
        *("first started", "second started", "third started"),
        *("third stopped", "second stopped", "first stopped"),
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_every_child_and_then_the_supervisor(
    tmp_path: Path, number: signal.Signals
) -> None:
    with supervisor_process(tmp_path) as running:
        running.process.send_signal(number)
        assert running.process.wait(40) == 0
    assert running.journal()[-2:] == ["second stopped", "first stopped"]


def test_children_are_out_of_reach_of_the_terminals_ctrl_c(tmp_path: Path) -> None:
    with supervisor_process(tmp_path) as running:
        session = os.getsid(running.process.pid)
        assert all(os.getsid(pid) != session for pid in running.pids.values())


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with supervisor_process(tmp_path) as running:
        running.process.kill()
        running.process.wait()
        assert processes.wait_until(lambda: all(map(has_ended, running.pids.values())), 40)
    assert sorted(running.journal()[-2:]) == ["first stopped", "second stopped"]


def test_a_dead_child_is_started_again_and_the_others_keep_running(tmp_path: Path) -> None:
    with supervisor_process(tmp_path) as running:
        os.kill(running.pids["first"], signal.SIGKILL)
        running.wait_for_log("child_ready", 1)
        # Its readiness is read from the journal of its first life: wait for what the second one writes.
        assert processes.wait_until(lambda: running.journal().count("first started") == 2, 40)
        assert running.journal().count("second started") == 1
        assert not has_ended(running.pids["second"])


def test_a_death_is_logged_with_the_child_the_cause_and_the_pause(tmp_path: Path) -> None:
    with supervisor_process(tmp_path) as running:
        os.kill(running.pids["second"], signal.SIGKILL)
        death = running.wait_for_log("child_died", 1)[0]
    assert (death["child"], death["pid"]) == ("second", running.pids["second"])
    assert (death["how"], death["restart_in_seconds"]) == ("was ended by SIGKILL", 0.05)


def test_the_pauses_grow_while_a_child_keeps_dying(tmp_path: Path) -> None:
    with supervisor_process(tmp_path) as running:
        pid = running.pids["first"]
        for number in range(1, 6):
            os.kill(pid, signal.SIGKILL)
            restarted = running.wait_for_log("child_restarted", number)[-1]
            pid = int(str(restarted["pid"]))
        pauses = [death["restart_in_seconds"] for death in running.log("child_died")]
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.4]


def test_the_pause_is_short_again_after_a_child_stayed_up(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        from app.infra.supervisor import Backoff, Supervisor
        from tests.infra.test_supervisor import child, quick_logs
        quick_logs()
        supervisor = Supervisor(backoff=Backoff(first=0.01, longest=9, stable_after=0.05))
        with supervisor.handling_signals():
            try:
                supervisor.start(child("mortal", "import time; time.sleep(0.2)"))
                supervisor.run()
            finally:
                supervisor.stop()
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        events = map(json.loads, run.stderr)
        deaths = (event for event in events if event["event"] == "child_died")
        pauses = [next(deaths)["restart_in_seconds"] for _ in range(3)]
        run.terminate()
    assert pauses == [0.01, 0.01, 0.01]


def test_the_pause_doubles_up_to_its_longest() -> None:
    backoff = Backoff(first=1, longest=5)
    assert [backoff.pause(failures) for failures in (1, 2, 3, 4, 1000)] == [1, 2, 4, 5, 5]


def test_a_child_that_ignores_the_stop_signal_is_killed_after_its_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    deaf = child(
        "deaf",
        _DEAF,
        ready=lambda: log.exists() and "deaf" in log.read_text(),
        log=log,
        stop_timeout=0.2,
    )
    supervisor = Supervisor()
    supervisor.start(deaf)
    pid = supervisor.pids()["deaf"]
    supervisor.stop()
    assert has_ended(pid)


def test_a_child_gets_the_stop_signal_of_its_spec(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('got SIGINT', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    log = tmp_path / "log"
    supervisor = Supervisor()
    supervisor.start(
        child("c", code, log=log, ready=lambda: "up" in log.read_text(), stop_signal=signal.SIGINT)
    )
    supervisor.stop()
    assert log.read_text() == "up\ngot SIGINT\n"


def test_a_child_that_ends_while_starting_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    code, log = "import sys; sys.exit('no such table')", tmp_path / "log"
    supervisor = Supervisor()
    with pytest.raises(ChildFailed) as caught:
        supervisor.start(child("broken", code, log=log, ready=lambda: False))
    supervisor.stop()
    assert "broken ended with exit code 1" in str(caught.value)
    assert "no such table" in str(caught.value)


def test_a_child_that_ends_while_another_one_is_waited_for_is_named() -> None:
    patient = child("patient", _IDLE, ready=lambda: False)
    supervisor = Supervisor()
    with pytest.raises(ChildFailed, match="broken ended with exit code 4"):
        supervisor.start(patient, child("broken", "raise SystemExit(4)"))
    supervisor.stop()


def test_a_child_that_does_not_get_ready_in_its_time_is_named(tmp_path: Path) -> None:
    slow = child("slow", _IDLE, ready=lambda: False, start_timeout=0.1)
    supervisor = Supervisor()
    with pytest.raises(ChildFailed, match=r"slow was not ready within 0\.1 seconds"):
        supervisor.start(slow)
    supervisor.stop()


def test_a_program_run_once_raises_when_it_fails() -> None:
    with pytest.raises(ChildFailed, match="step ended with exit code 3"):
        Supervisor().run_once(child("step", "raise SystemExit(3)"))


def test_a_program_run_once_is_not_started_again() -> None:
    supervisor = Supervisor()
    supervisor.run_once(child("step", "pass"))
    assert supervisor.pids() == {}


def test_what_must_happen_before_a_start_happens_before_each_one(tmp_path: Path) -> None:
    happened: list[int] = []
    supervisor = Supervisor(backoff=Backoff(first=0))
    supervisor.start(child("c", _IDLE, before_start=lambda: happened.append(1)))
    os.kill(supervisor.pids()["c"], signal.SIGKILL)
    supervisor.run_once(child("meanwhile", "import time; time.sleep(0.5)"))
    supervisor.stop()
    assert len(happened) == 2


def test_the_live_children_are_reported_whenever_they_change() -> None:
    reports: list[list[str]] = []
    supervisor = Supervisor(on_change=lambda children: reports.append(sorted(children)))
    for name in ("a", "b"):
        supervisor.start(child(name, _IDLE))
    supervisor.stop()
    assert reports == [["a"], ["a", "b"], []]


def test_a_childs_output_never_reaches_the_supervisors_standard_output() -> None:
    code = textwrap.dedent(
        """
        from app.infra.supervisor import Supervisor
        from tests.infra.test_supervisor import child
        Supervisor().run_once(child("loud", "print('noise')"))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("", "noise\n")
