"""Every property test of the suite with many times its examples: what one run of the suite may miss is found here.

TIMES in the environment says how many times; TESTS chooses among the tests, as pytest's arguments do.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable

TIMES = 20
_COUNTS = re.compile(r"(\d+) (passed|failed|errors?)")


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Run the tests; raises RuntimeError when one of them fails, after pytest has told which and how."""
    times = int(os.environ.get("TIMES", TIMES))
    say(f"The property tests with {times} times their examples …")
    began = time.perf_counter()
    command = [
        *(sys.executable, "-m", "pytest", "-m", "hypothesis", "--timeout=0", "-n", "2"),
        *("--dist=worksteal", "--ignore=tests/desktop", *shlex.split(os.environ.get("TESTS", ""))),
    ]
    environment = os.environ | {"PROPERTY_TIMES": str(times)}
    output: list[str] = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as pytest:
        for line in pytest.stdout or ():
            output.append(line)
            say(line.rstrip("\n"))
    counts = {name: int(count) for count, name in _COUNTS.findall(output[-1] if output else "")}
    if pytest.returncode:
        raise RuntimeError(f"pytest ended with {pytest.returncode}: see above")
    seconds = round(time.perf_counter() - began, 1)
    return {"times": times, "tests": counts.get("passed", 0), "failed": 0, "seconds": seconds}
