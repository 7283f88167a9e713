"""Lists of plain fields: this server beside PostGraphile 5 and beside an answer written by hand (G40).

The same table, the same question (50 and 1,000 rows of 10 fields, in the order of the id), one core for the server;
PostgreSQL, Valkey and the load are on the other one. This server's figure includes what the other two do not do: the
session of the caller, the charge to a bucket in Valkey, the limits, and the cost in the answer.
`ratio` is this server's rate over PostGraphile's at 50 rows.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from app.domain.accounts.users import Audience, NewUser, insert_user
from app.domain.permissions import PartnerRole
from app.infra import database
from app.infra.crypto import SecretBox, hash_token
from app.infra.database import transaction
from app.infra.migrations import migrate
from app.infra.node import find
from app.models import Partner, Session
from app.settings import load_settings
from benchmarks.listing.load import check_answer, requests_per_second
from benchmarks.listing.table import make_table
from tests.servers import Servers, start_servers

_HERE = Path(__file__).resolve().parent
_PROJECT = _HERE.parent
_OLDEST_NODE = 22
_SERVER_CORE, _OTHER_CORE = "0", "1"
_CONNECTIONS = 16
_TASKSET = shutil.which("taskset") or "taskset"
_SECONDS = 3.0
_TURNS = 3
_ROWS = (50, 1_000)
_FIELDS = "id name code state country currency amount visits createdAt note"
_OURS = f"query($first: Int) {{ items(first: $first) {{ nodes {{ {_FIELDS} }} }} }}"
# PostGraphile keeps `id` for its own global ids; its order is that of the primary key.
_ITS_FIELDS = _FIELDS.replace("id", "rowId", 1)
_POSTGRAPHILE = f"query($first: Int) {{ allItems(first: $first) {{ nodes {{ {_ITS_FIELDS} }} }} }}"


def run(say: Callable[[str], None]) -> dict[str, float | int | str]:
    """Measure the three servers in turns, each at 50 and at 1,000 rows."""
    place = Path(tempfile.mkdtemp(prefix="tributary-list-"))
    subprocess.run(
        [_TASKSET, "-pc", _OTHER_CORE, str(os.getpid())], check=True, capture_output=True
    )
    servers = start_servers(place)
    try:
        return asyncio.run(_measure(servers, say))
    finally:
        servers.stop()
        shutil.rmtree(place, ignore_errors=True)


async def _measure(servers: Servers, say: Callable[[str], None]) -> dict[str, float | int | str]:
    url, key = servers.postgres_url_of("tributary"), secrets.token_hex(20)
    token = await _prepare(url, key)
    environment = {
        **os.environ,
        "TRIBUTARY_DATABASE_URL": url,
        "TRIBUTARY_REDIS_URL": servers.redis_url,
        "TRIBUTARY_SECRET_KEYS": key,
        "TRIBUTARY_LOG_LEVEL": "WARNING",
        "TRIBUTARY_COST_CAPACITY": "1000000000",
        "TRIBUTARY_COST_RESTORE_RATE": "1000000000",
        "TRIBUTARY_COST_PER_OPERATION": "1000000",
    }
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", "--no-access-log", "--loop", "uvloop"]
    uvicorn += ["--log-level", "warning"]
    commands: dict[str, list[str]] = {
        "ours": [*uvicorn, "benchmarks.listing.ours:create", "--port"],
        "postgraphile": _postgraphile(url),
        "by_hand": [*uvicorn, "benchmarks.listing.by_hand:create", "--port"],
    }
    rates: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as running:
        ports = {
            name: running.enter_context(_serving(command, environment))
            for name, command in commands.items()
        }
        # In turns, so that what else the machine does in a minute falls on all of them.
        for turn in range(_TURNS):
            for rows in _ROWS:
                for name, port in ports.items():
                    query = _POSTGRAPHILE if name == "postgraphile" else _OURS
                    rate = await _rate(port, query, rows, token if name == "ours" else None)
                    rates.setdefault((name, rows), []).append(rate)
                    say(f"turn {turn + 1}, {rows} rows, {name}: {rate:.0f} requests/s")
    return _figures(rates)


def _figures(rates: dict[tuple[str, int], list[float]]) -> dict[str, float | int | str]:
    """The middle of the turns; a ratio is the middle of the ratios within each turn."""
    figures: dict[str, float | int | str] = {
        f"{name}_{rows}_rows": round(median(found), 1) for (name, rows), found in rates.items()
    }
    for rows in _ROWS:
        for other in ("postgraphile", "by_hand"):
            pairs = zip(rates["ours", rows], rates[other, rows], strict=True)
            share = median(mine / theirs for mine, theirs in pairs)
            figures[f"ours_over_{other}_{rows}_rows"] = round(share, 3)
    return {
        **figures,
        "turns": _TURNS,
        "server_core": _SERVER_CORE,
        "load_core": _OTHER_CORE,
        "ratio": figures["ours_over_postgraphile_50_rows"],
    }


async def _rate(port: int, query: str, rows: int, token: str | None) -> float:
    body = json.dumps({"query": query, "variables": {"first": rows}}).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    await check_answer(port, body, headers, rows)
    # A warm-up: caches fill, compilers compile.
    await requests_per_second(port, body, headers, connections=_CONNECTIONS, seconds=1)
    return await requests_per_second(
        port, body, headers, connections=_CONNECTIONS, seconds=_SECONDS
    )


async def _prepare(url: str, key: str) -> str:
    """The migrated database with the table, and a session of a partner's owner; returns its token."""
    settings = load_settings(database_url=url, secret_keys=key)
    await migrate(settings, lambda _line: None)
    await make_table(url)
    await database.connect(settings)
    now = datetime.now(UTC)
    partner = await Partner.create(
        code="BENCH", name="Bench", state="active", currency="EUR", created_at=now
    )
    async with transaction() as tx:
        new = NewUser(
            Audience.PARTNER, partner.id, "bench@bench.test", "Bench", PartnerRole.OWNER, None
        )
        user_id = await insert_user(tx, SecretBox((key,)), new, now)
    token = secrets.token_urlsafe(32)
    await Session.create(
        user_id=user_id,
        token_hash=hash_token(token),
        created_at=now,
        last_used_at=now,
        expires_at=now + timedelta(hours=1),
    )
    await database.disconnect()
    return token


def _postgraphile(url: str) -> list[str]:
    """PostGraphile's command; its packages are installed from the lock file when they are absent."""
    directory = _HERE / "postgraphile"
    node = find(_OLDEST_NODE)
    if not (directory / "node_modules" / "postgraphile").is_dir():
        install = node.command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        subprocess.run(install, cwd=directory, env=node.environment(), check=True)
    found = database.credentials(url)
    address = f"postgres://{found['user']}@/{found['database']}?host={found['host']}"
    return node.command("node", str(directory / "server.mjs"), address)


@contextmanager
def _serving(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """The server on a free port of loopback, on a core of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    pinned = [_TASKSET, "-c", _SERVER_CORE, *command, str(port)]
    process = subprocess.Popen(pinned, env=environment, cwd=_PROJECT)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not answer within 60 s")
