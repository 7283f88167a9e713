"""One embedded PostgreSQL and one Valkey for a whole test session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.infra.data_directory import DataDirectory
from app.infra.embedded.postgres import EmbeddedPostgres, open_postgres
from app.infra.embedded.valkey import EmbeddedValkey, open_valkey
from app.infra.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Servers:
    """The running servers; `stop()` ends them and frees their directory."""

    directory: DataDirectory
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    supervisor: Supervisor

    def postgres_url_of(self, database: str) -> str:
        """The URL of a database in the cluster; `postgres` and `tributary` exist from the start."""
        return self.postgres.url(database)

    @property
    def redis_url(self) -> str:
        """The URL of Valkey."""
        return self.valkey.url

    def stop(self) -> None:
        """Stop both servers."""
        self.supervisor.stop()
        self.directory.unlock()


def start_servers(directory: Path, *, durable: bool = False) -> Servers:
    """Start both servers below `directory`. Unless `durable`, a crash of the machine loses data.

    They end with this process, even when it is killed.
    """
    data = DataDirectory(directory)
    data.create()
    data.lock()
    supervisor = Supervisor()
    postgres, valkey = open_postgres(data, durable=durable), open_valkey(data)
    try:
        supervisor.start(postgres.child(), valkey.child())
    except BaseException:
        supervisor.stop()
        data.unlock()
        raise
    return Servers(data, postgres, valkey, supervisor)
