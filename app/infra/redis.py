"""Redis: wake-ups, heartbeats and, later, buckets. Nothing that may not be lost lives here (decision 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis.asyncio
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.infra.database import refuse_in_transaction
from app.settings import SettingsError

if TYPE_CHECKING:
    from app.settings import Settings

HEARTBEAT_SECONDS = 5
_HEARTBEAT_LIFETIME = 15

# One atomic step: be among the members for some time, forget those who have not come back, and count.
_JOIN = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {redis.call('ZCARD', KEYS[1])}
"""


class RedisUnavailable(Exception):
    """Redis cannot be reached now."""


def require_redis_url(settings: Settings) -> str:
    """The Redis URL; raises SettingsError when there is none."""
    if settings.redis_url is None:
        raise SettingsError(
            "TRIBUTARY_REDIS_URL: no Redis is configured for this process. Start everything with "
            "`tributary up`, or set it. Example: TRIBUTARY_REDIS_URL=redis://cache.internal:6379/0"
        )
    return settings.redis_url


class RedisClient:
    """One process's connection to Redis."""

    def __init__(self, settings: Settings) -> None:
        self._client = redis.asyncio.Redis.from_url(
            require_redis_url(settings),
            socket_timeout=3,
            socket_connect_timeout=3,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=2),
        )
        self._scripts: dict[str, Any] = {}

    async def ping(self) -> None:
        """One round trip; raises RedisUnavailable."""
        refuse_in_transaction("a Redis call")
        try:
            await self._client.ping()
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def beat(self, process: str, identity: str) -> None:
        """Say that a process of that kind is alive; raises RedisUnavailable."""
        refuse_in_transaction("a heartbeat")
        try:
            await self._client.set(
                f"tributary:heartbeat:{process}:{identity}", 1, ex=_HEARTBEAT_LIFETIME
            )
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def stop_beating(self, process: str, identity: str) -> None:
        """Take the heartbeat back when a process stops in order."""
        refuse_in_transaction("a Redis call")
        try:
            await self._client.delete(f"tributary:heartbeat:{process}:{identity}")
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def is_beating(self, process: str) -> bool:
        """True when at least one process of that kind has beaten lately; raises RedisUnavailable."""
        refuse_in_transaction("a Redis call")
        try:
            async for _key in self._client.scan_iter(
                f"tributary:heartbeat:{process}:*", count=1_000
            ):
                return True
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error
        return False

    async def join(self, group: str, identity: str) -> int:
        """Be a member of a group until a few heartbeats from now; returns how many it has. Raises RedisUnavailable."""
        try:
            answer = await self.run_script(_JOIN, _group(group), _HEARTBEAT_LIFETIME, identity)
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error
        return int(answer[0])

    async def leave(self, group: str, identity: str) -> None:
        """Be a member no longer; raises RedisUnavailable."""
        refuse_in_transaction("a Redis call")
        try:
            await self._client.zrem(_group(group), identity)
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def run_script(self, script: str, key: str, *values: float | str) -> list[Any]:
        """Run a Lua script on one key; raises RedisError."""
        refuse_in_transaction("a Redis call")
        found = self._scripts.get(script)
        if found is None:
            found = self._scripts[script] = self._client.register_script(script)
        answer: list[Any] = await found(keys=[key], args=list(values))
        return answer

    async def get(self, key: str) -> str | None:
        """The text under a key; raises RedisUnavailable."""
        refuse_in_transaction("a Redis call")
        try:
            value = await self._client.get(f"tributary:{key}")
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error
        return value.decode() if isinstance(value, bytes) else None

    async def keep(self, key: str, value: str, seconds: int) -> None:
        """Keep a text for some time; raises RedisUnavailable."""
        refuse_in_transaction("a Redis write")
        try:
            await self._client.set(f"tributary:{key}", value, ex=seconds)
        except (RedisError, OSError) as error:
            raise RedisUnavailable(str(error)) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _group(name: str) -> str:
    return f"tributary:group:{name}"
