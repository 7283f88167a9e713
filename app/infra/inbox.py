"""The mail server of `make up`: keeps every mail as a file, for the page at /inbox. Never used in production."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import time
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from app.infra.telemetry import logger

_LARGEST_MAIL = 1024 * 1024


class _Keeper:
    """Writes each mail to a file whose name sorts by time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        name = f"{time.time_ns():020d}-{next(self._numbers):06d}.eml"
        unfinished = self._directory / f"{name}.part"
        unfinished.write_bytes(envelope.content)
        # The page must not find half a mail.
        unfinished.rename(self._directory / name)
        return "250 kept"


async def _run(directory: Path, port: int) -> None:
    loop = asyncio.get_running_loop()
    keeper = _Keeper(directory)
    server = await loop.create_server(
        lambda: SMTP(keeper, data_size_limit=_LARGEST_MAIL, enable_SMTPUTF8=True, loop=loop),
        "127.0.0.1",
        port,
    )
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    logger().info("inbox.started", port=port)
    await stopping.wait()
    server.close()


def run(directory: Path, port: int) -> None:
    """Receive mails on loopback until SIGTERM or SIGINT."""
    # It tells every recipient, and line by line what it reads.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(_run(directory, port))
