"""A bare loop of httpx: so many requests, so many at once; prints the requests per second."""

from __future__ import annotations

import asyncio
import sys
import time

import httpx


async def main(url: str, count: int, concurrency: int) -> None:
    """Make the requests and print how many there were in a second."""
    numbers = iter(range(count))
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=10) as client:

        async def work() -> None:
            for number in numbers:
                answer = await client.get(f"{url}?event={number}")
                answer.raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(concurrency)))
    print(count / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
