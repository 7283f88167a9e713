"""Token buckets: what a caller may spend, restored over time. In Redis; per process while Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from app.infra.database import refuse_in_transaction

if TYPE_CHECKING:
    from app.infra.redis import RedisClient

# One atomic step: restore what time has restored and what was given back, then take the cost if there is enough.
# Redis' own clock counts, so that processes with differing clocks share one bucket fairly.
_TAKE = """
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local cost, credit = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local stored = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = tonumber(stored[1]) or capacity
local at = tonumber(stored[2]) or now
level = math.min(capacity, level + math.max(0, now - at) * rate + credit)
local taken = 0
if level >= cost then level = level - cost; taken = 1 end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) + 60)
return {taken, tostring(level)}
"""
_LOCAL_BUCKETS = 10_000
# A request waits no longer than this for Redis, and after a failure the next ones do not wait at all for a while.
_PATIENCE_SECONDS = 1.0
_AWAY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much fits, and how much comes back each second."""

    capacity: float
    restore_rate: float


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the cost was taken, and what is left."""

    granted: bool
    available: float

    def wait_seconds(self, cost: float, bucket: Bucket) -> float:
        """How long until the cost can be taken; infinite when it never fits."""
        if cost > bucket.capacity:
            return float("inf")
        return max(0.0, (cost - self.available) / bucket.restore_rate)


class Buckets:
    """The buckets of one kind of caller, by key."""

    def __init__(self, redis: RedisClient, kind: str, bucket: Bucket) -> None:
        self.bucket = bucket
        self._redis = redis
        self._kind = kind
        self._local: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._credits: dict[str, float] = {}
        self._away_until = 0.0

    async def take(self, key: str, cost: float) -> Taken:
        """Take a cost from a caller's bucket, or nothing when there is not enough."""
        refuse_in_transaction("a rate bucket")
        credit = self._credits.pop(key, 0)
        if time.monotonic() < self._away_until:
            return self._take_locally(key, cost, credit)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                taken, level = await self._redis.run_script(
                    _TAKE,
                    f"tributary:bucket:{self._kind}:{key}",
                    self.bucket.capacity,
                    self.bucket.restore_rate,
                    cost,
                    credit,
                )
            return Taken(bool(taken), float(level))
        except (RedisError, OSError):
            # TimeoutError is an OSError.
            self._away_until = time.monotonic() + _AWAY_SECONDS
            return self._take_locally(key, cost, credit)

    def give_back(self, key: str, amount: float) -> None:
        """Return what an operation did not use. It is counted with the caller's next one, which spares a round trip."""
        if amount > 0 and len(self._credits) < _LOCAL_BUCKETS:
            self._credits[key] = self._credits.get(key, 0) + amount

    def _take_locally(self, key: str, cost: float, credit: float) -> Taken:
        now = time.monotonic()
        level, at = self._local.pop(key, (self.bucket.capacity, now))
        restored = (now - at) * self.bucket.restore_rate + credit
        level = min(self.bucket.capacity, level + restored)
        granted = level >= cost
        level -= cost if granted else 0
        self._local[key] = (level, now)
        while len(self._local) > _LOCAL_BUCKETS:
            self._local.popitem(last=False)
        return Taken(granted, level)
