"""Every setting of the server, typed, read from `TRIBUTARY_*` environment variables.

A missing or bad setting raises `SettingsError`, whose text names the variable, what is wrong with it and an example.
"""

from __future__ import annotations

import ipaddress
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_EXAMPLES = {
    "host": "127.0.0.1",
    "port": "8000",
    "data_dir": ".tributary",
    "database_url": "postgres://tributary:secret@db.internal:5432/tributary",
    "redis_url": "redis://cache.internal:6379/0",
    "secret_keys": "the output of `openssl rand -base64 32`",
    "trusted_proxies": "10.0.0.0/8,192.168.1.7",
    "public_url": "https://go.example.com",
    "fallback_url": "https://www.example.com/",
    "frontend_url": "https://partners.example.com",
    "log_level": "INFO",
    "log_format": "json",
    "demo": "true",
    "smtp_url": "smtp://user:secret@mail.example.com:587?starttls=true",
    "smtp_ca_file": "/etc/ssl/our-authority.pem",
    "storage_url": "s3://tributary-files",
    "explore": "signed_in",
    "trusted_documents_only": "partner",
    "database_pool_max": "20",
    "click_journal_dir": "/var/lib/tributary/journal",
    "country_database": "/var/lib/tributary/GeoLite2-Country.mmdb",
    "worker_threads": "8",
}


class SettingsError(Exception):
    """The configuration cannot be used; the text says which variable, why, and gives an example."""


class Settings(BaseSettings):
    """The configuration of one process. Durations are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="TRIBUTARY_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    data_dir: Path = Path(".tributary")

    # Without these two, the embedded PostgreSQL and Valkey of `data_dir` are used.
    database_url: str | None = None
    redis_url: str | None = None

    # The first key encrypts, all of them decrypt. Embedded mode generates one in `data_dir`.
    secret_keys: Annotated[tuple[str, ...], NoDecode] = ()

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    public_url: str | None = None
    fallback_url: str | None = None
    # Where the links of mails lead; without it, to this server's own plain pages.
    frontend_url: str | None = None

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    demo: bool = False
    # Who may read the schemas and use GraphiQL: everyone, signed_in (after logging in) or nobody (G13).
    explore: Literal["everyone", "signed_in", "nobody"] = "signed_in"
    # Schemas ("admin", "partner") that run only documents known to the server (G30).
    trusted_documents_only: Annotated[tuple[str, ...], NoDecode] = ()
    # The largest cost of one operation, what a user's bucket holds, and what it regains each second (G11).
    cost_per_operation: int = Field(default=5_000, ge=100)
    cost_capacity: int = Field(default=20_000, ge=100)
    cost_restore_rate: int = Field(default=500, ge=1)
    # The same for callers who are not signed in, by address.
    anonymous_cost_capacity: int = Field(default=2_000, ge=100)
    anonymous_cost_restore_rate: int = Field(default=50, ge=1)
    subscriptions_per_user: int = Field(default=20, ge=1)

    database_pool_min: int = Field(default=1, ge=0, le=1000)
    database_pool_max: int = Field(default=10, ge=1, le=1000)
    # PostgreSQL itself ends what is stuck, even when our process is gone.
    statement_timeout: float = Field(default=30, gt=0)
    lock_timeout: float = Field(default=10, gt=0)
    idle_in_transaction_timeout: float = Field(default=15, gt=0)
    transaction_timeout: float = Field(default=120, gt=0)

    worker_threads: int = Field(default=8, ge=1, le=256)
    shutdown_timeout: int = Field(default=10, ge=1, le=300)
    session_lifetime: int = Field(default=14 * 86400, ge=60)

    # How long a visitor's redirect waits for the database before the journal takes the click.
    click_patience: float = Field(default=1, gt=0, le=30)
    # Where clicks are kept while the database is away; without it, in the data directory. Must survive a restart.
    click_journal_dir: Path | None = None
    # How much each process keeps there, in MiB. Only a full journal drops clicks.
    click_journal_size: int = Field(default=256, ge=1, le=65536)
    # A MaxMind file with the countries of addresses, such as GeoLite2-Country.mmdb; read again when it changes.
    country_database: Path | None = None
    # How many days of client addresses are kept (M04).
    address_retention_days: int = Field(default=30, ge=1, le=3650)

    # Mail. Without a server mails stay in their queue; `make up` brings a server of its own.
    smtp_url: str | None = None
    # The authority that signed the mail server's certificate, when the machine does not know it.
    smtp_ca_file: Path | None = None
    mail_from: str = "Tributary <no-reply@localhost>"
    # Where the built-in mail server of `make up` keeps what it received; shown at /inbox, on loopback only.
    inbox_dir: Path | None = None
    # Where uploaded files are kept; without it, in the data directory.
    storage_url: str | None = None
    # How long before they take effect a brand's changed terms are announced (O01).
    brand_notice_days: int = Field(default=7, ge=0, le=365)
    # Partners need no operator's approval once their e-mail is confirmed.
    auto_approve_partners: bool = False

    postback_timeout: float = Field(default=10, gt=0, le=60)
    postback_concurrency: int = Field(default=100, ge=1, le=1000)
    # Of one tracker's host, by all workers together: calls at once, and calls begun in a second.
    postback_host_concurrency: int = Field(default=20, ge=1, le=1000)
    postback_host_rate: float = Field(default=100, ge=1, le=100_000)
    # How many days finished postbacks and their attempts stay in the log: as far as a replay reaches.
    postback_retention_days: int = Field(default=93, ge=7, le=3650)
    # Whether the European Central Bank's daily reference rates are fetched, and from where (M40).
    ecb_rates: bool = False
    ecb_rates_url: str = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
    # Postbacks to loopback and private addresses: only for a demo or a test machine.
    allow_private_targets: bool = False

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split_secret_keys(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_documents_only", mode="before")
    @classmethod
    def _split_schemas(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        if unknown := set(value) - {"admin", "partner"}:
            raise ValueError(f"{sorted(unknown)[0]!r} is not a schema: name admin, partner or both")
        return value

    @field_validator("secret_keys")
    @classmethod
    def _long_enough(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(key) < 32 for key in value):
            raise ValueError("each key must have at least 32 characters")
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_networks(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(
                ipaddress.ip_network(part.strip(), strict=False)
                for part in value.split(",")
                if part.strip()
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgres://", "postgresql://")):
            raise ValueError("must start with postgres:// or postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("smtp://", "smtps://")):
            raise ValueError("must start with smtp:// or smtps://")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("s3://", "file://")):
            raise ValueError("must start with s3:// or file://")
        return value

    @field_validator("public_url", "fallback_url", "frontend_url", "ecb_rates_url")
    @classmethod
    def _http_scheme(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @model_validator(mode="after")
    def _demo_on_loopback(self) -> Self:
        if self.demo and self.host not in LOOPBACK_HOSTS:
            raise ValueError(
                "demo mode has published passwords and runs on loopback only: "
                f"TRIBUTARY_HOST is {self.host!r}, unset it or unset TRIBUTARY_DEMO"
            )
        return self

    @property
    def journal_directory(self) -> Path:
        """Where clicks are kept while the database is away."""
        return self.click_journal_dir or self.data_dir.absolute() / "journal"

    @property
    def base_url(self) -> str:
        """Where clients reach this server, without a trailing slash."""
        return (self.public_url or f"http://{_bracketed(self.host)}:{self.port}").rstrip("/")

    @property
    def tracker_url(self) -> str:
        """Where the demo's own tracker is, which the demo's postbacks call."""
        return f"http://{_bracketed(self.host)}:{self.port}/tracker"

    @property
    def frontend_address(self) -> str:
        """Where the links of mails lead, without a trailing slash."""
        return (self.frontend_url or self.base_url).rstrip("/")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; `PORT` stands in for `TRIBUTARY_PORT`.

    Raises SettingsError naming the variable, the reason and an example.
    """
    if "TRIBUTARY_PORT" not in os.environ and os.environ.get("PORT"):
        overrides.setdefault("port", os.environ["PORT"])
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(item) for item in error.errors())) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


def _explain(item: Any) -> str:
    reason = str(item["msg"]).removeprefix("Value error, ")
    if not item["loc"]:
        # A rule over several settings names them itself.
        return f"TRIBUTARY_DEMO: {reason}."
    name = str(item["loc"][0])
    example = _EXAMPLES.get(name) or _default_of(name)
    hint = f" Example: TRIBUTARY_{name.upper()}={example}" if example else ""
    return f"TRIBUTARY_{name.upper()}: {reason}.{hint}"


def _default_of(name: str) -> str:
    """A setting's default, as an example of what it looks like."""
    field = Settings.model_fields.get(name)
    default = field.default if field is not None else None
    if default is None or default == ():
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
