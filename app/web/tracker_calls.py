"""What the demo's tracker remembers of the calls that it has taken."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

KEPT = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the tracker; `form` is the body of a POST."""

    at: datetime
    method: str
    path: str
    query: str
    form: str
    is_test: bool


@dataclass(slots=True)
class Calls:
    """The last calls that this process has taken; gone when it stops."""

    kept: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT))
    taken: int = 0

    def take(self, call: Call) -> None:
        """Keep a call; the oldest one makes room."""
        self.kept.append(call)
        self.taken += 1
