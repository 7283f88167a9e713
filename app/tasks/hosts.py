"""How much each tracker's host is called at once, and how fast: one slow host never takes the room of others (A19).

The limits are those of all workers together. Each takes its equal part of them, and calls of its own accord.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

# What a host gets before it has shown that it answers.
FIRST = 4
# How long a call keeps its place before it goes on beside the others, in seconds: of a host whose last call was
# answered, and of one that is new or was silent.
_PATIENCE, _SUSPICION = 1.0, 0.25
# Hosts that were not called for so long are forgotten, in seconds.
_FORGET_AFTER = 300.0
# A pause that a host asked for is kept for all its deliveries, but not for longer than this, in seconds.
_LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class _Host:
    limit: int
    tokens: float
    refilled_at: float
    in_flight: int = 0
    paused_until: float = 0.0
    answers: bool = False


@dataclass(slots=True)
class Hosts:
    """The hosts that this process calls. Times are of the event loop's clock."""

    # At most so many calls of one host at once, and so many a second, by all workers together.
    concurrency: int
    rate: float
    # Among how many workers the limits are divided. While nobody knows of others, this one has them alone.
    workers: int = 1
    _hosts: dict[str, _Host] = field(default_factory=dict)

    def share(self, workers: int) -> None:
        """Divide the limits among so many workers."""
        self.workers = max(1, workers)

    @property
    def first(self) -> int:
        """The room of a host that is not known yet."""
        return max(1, min(FIRST, self._most, int(self._pace)))

    @property
    def _most(self) -> int:
        """This worker's part of the calls at once; at least one, or nothing would ever be sent."""
        return max(1, self.concurrency // self.workers)

    @property
    def _pace(self) -> float:
        """This worker's part of the calls in a second."""
        return self.rate / self.workers

    @property
    def _burst(self) -> float:
        """How many calls can be saved up: those of a second, or one."""
        return max(1.0, self._pace)

    def rooms(self) -> dict[str, int]:
        """How many more calls each known host can take now."""
        now = asyncio.get_running_loop().time()
        idle = [
            name
            for name, host in self._hosts.items()
            if not host.in_flight and now - host.refilled_at > _FORGET_AFTER
        ]
        for name in idle:
            del self._hosts[name]
        return {name: self._room(host, now) for name, host in self._hosts.items()}

    def _room(self, host: _Host, now: float) -> int:
        if now < host.paused_until:
            return 0
        tokens = min(self._burst, host.tokens + (now - host.refilled_at) * self._pace)
        return max(0, min(min(host.limit, self._most) - host.in_flight, int(tokens)))

    def opens_in(self) -> float | None:
        """In how many seconds a host that was called as fast as it may be can be called again; None: there is none."""
        now = asyncio.get_running_loop().time()
        waits = [
            max(0.01, (1 - host.tokens) / self._pace - (now - host.refilled_at))
            for host in self._hosts.values()
            if host.in_flight < min(host.limit, self._most)
            and now >= host.paused_until
            and not self._room(host, now)
        ]
        return min(waits, default=None)

    def begin(self, name: str) -> float:
        """A call of the host begins; returns after how many seconds it is a slow one."""
        now = asyncio.get_running_loop().time()
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host(self.first, self._burst, now)
        elapsed, host.refilled_at = now - host.refilled_at, now
        host.tokens = min(self._burst, host.tokens + elapsed * self._pace) - 1
        host.in_flight += 1
        return _PATIENCE if host.answers else _SUSPICION

    def is_slow(self, name: str) -> None:
        """A call of the host takes long: it gets less room before anybody knows how it ends."""
        host = self._hosts[name]
        host.limit = max(1, host.limit // 2)

    def end(self, name: str, *, answered: bool, pause: float | None = None) -> None:
        """A call of the host has ended: an answer earns it more room, silence costs it half."""
        host = self._hosts[name]
        host.in_flight -= 1
        host.answers = answered
        if answered:
            host.limit = min(self._most, host.limit + 1)
        else:
            host.limit = max(1, host.limit // 2)
        if pause:
            now = asyncio.get_running_loop().time()
            host.paused_until = now + min(pause, _LONGEST_PAUSE)
