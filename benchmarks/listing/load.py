"""A small load: keep-alive connections on loopback that repeat one POST, for a bounded time."""

from __future__ import annotations

import asyncio
import time

import httpx


async def check_answer(port: int, body: bytes, headers: dict[str, str], rows: int) -> None:
    """Ask once, and raise RuntimeError unless the answer has that many rows and no error."""
    async with httpx.AsyncClient(timeout=60) as client:
        response = await client.post(
            f"http://127.0.0.1:{port}/graphql",
            content=body,
            headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        )
    answer = response.json()
    lists = list((answer.get("data") or {}).values())
    if answer.get("errors") or len(lists[0]["nodes"]) != rows:
        raise RuntimeError(response.text[:1_000])


async def requests_per_second(
    port: int, body: bytes, headers: dict[str, str], *, connections: int, seconds: float
) -> float:
    """How many answers with status 200 came per second. Raises RuntimeError for any other answer."""
    lines = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = f"POST /graphql HTTP/1.1\r\n{head}\r\n".encode() + body
    started = time.perf_counter()
    counts = await asyncio.gather(
        *(_repeat(port, request, started + seconds) for _ in range(connections))
    )
    return sum(counts) / (time.perf_counter() - started)


async def _repeat(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * 1024 * 1024)
    count = 0
    try:
        while time.perf_counter() < until:
            writer.write(request)
            await writer.drain()
            await _answer(reader)
            count += 1
    finally:
        writer.close()
    return count


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if not head.startswith("http/1.1 200"):
        rest = await reader.read(2_000)
        raise RuntimeError(f"{head.splitlines()[0]}: {rest.decode('utf-8', 'replace')}")
    if "transfer-encoding: chunked" in head:
        while (size := int((await reader.readline()).strip() or b"0", 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readline()
        return
    length = next(
        line.partition(":")[2] for line in head.splitlines() if line.startswith("content-length:")
    )
    await reader.readexactly(int(length))
