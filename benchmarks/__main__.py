"""Runs a benchmark: `make bench NAME=startup`, or a long trial: `make soak NAME=…`.

A benchmark is a module of this package, a long trial one of `benchmarks.soak`. Each has one function `run(say)`, which
tells people what happens through `say` and returns its figures. The last line on standard output is those figures as
JSON; everything else is for people.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Protocol, cast

import benchmarks
from benchmarks import soak

Figures = dict[str, float | int | str]


class Benchmark(Protocol):
    """What a module with a benchmark offers."""

    def run(self, say: Callable[[str], None]) -> Figures:
        """Measure, and return the figures without the name."""


def names(package: ModuleType) -> list[str]:
    """The benchmarks of a package."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
    return sorted(name for name in found if not name.startswith("_"))


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", help="without it, all of them are listed")
    parser.add_argument("--soak", action="store_true", help="run the long trial of that name")
    arguments = parser.parse_args()
    package = soak if arguments.soak else benchmarks
    if arguments.name is None:
        for name in names(package):
            _say(f"{name:14} {_first_line(package, name)}")
        return
    if arguments.name not in names(package):
        known = ", ".join(names(package)) or "none yet"
        kind = "long trial" if arguments.soak else "benchmark"
        parser.exit(2, f"There is no {kind} called {arguments.name}. There is: {known}.\n")
    benchmark = cast("Benchmark", import_module(f"{package.__name__}.{arguments.name}"))
    figures = benchmark.run(_say)
    print(json.dumps({"name": arguments.name, **figures}), flush=True)


def _first_line(package: ModuleType, name: str) -> str:
    """What a benchmark proves, as its docstring begins."""
    return (import_module(f"{package.__name__}.{name}").__doc__ or "").partition("\n")[0]


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
