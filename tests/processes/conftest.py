"""Instances for the tests of the running processes: starting one takes seconds, so tests share them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes.instance import Instance, running_instance
from tests.tasks.tracker import Tracker, tracker


@pytest.fixture(scope="session")
def demo_instance() -> Iterator[Instance]:
    """`up --demo`, with the demo programme."""
    with running_instance(demo=True) as instance:
        yield instance


@pytest.fixture(scope="session")
def shared_instance() -> Iterator[Instance]:
    """`up` with an empty database. A worker that dies holds its postbacks for 14 s, not 30."""
    with running_instance(
        TRIBUTARY_ALLOW_PRIVATE_TARGETS="true", TRIBUTARY_POSTBACK_TIMEOUT="2"
    ) as instance:
        yield instance


@pytest.fixture
def instance(shared_instance: Instance) -> Instance:
    """The shared instance, running and ready, whatever an earlier test did to it."""
    if not shared_instance.is_running():
        shared_instance.start()
    shared_instance.wait_until_ready()
    return shared_instance


@pytest.fixture
def listener() -> Iterator[Tracker]:
    """A partner's tracker, which receives postbacks."""
    with tracker() as running:
        yield running
