"""The country of an address, by a MaxMind file (GeoLite2-Country or alike) where the operator has one."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import maxminddb

from app.infra.telemetry import logger

UNKNOWN = "ZZ"
# What the library raises for files that are none, or damaged.
_DAMAGED = (maxminddb.InvalidDatabaseError, ValueError, TypeError)


class Countries:
    """Looks countries up in memory. Without a file, or with one that cannot be read, every address is unknown."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._reader: Any = None
        # Time, size and place on the disk of the file that was read.
        self._read: tuple[int, ...] = ()
        self.refresh()

    def refresh(self) -> bool:
        """Read the file again if it has changed; True when it was. The old one stays when the new one is damaged."""
        if self._path is None:
            return False
        try:
            found = self._path.stat()
            present = (found.st_mtime_ns, found.st_size, found.st_ino)
            if present == self._read:
                return False
            reader = maxminddb.open_database(self._path, maxminddb.MODE_MEMORY)
        except (OSError, *_DAMAGED) as error:
            logger().warning("countries.unreadable", path=str(self._path), error=str(error))
            return False
        self._reader, self._read = reader, present
        return True

    def of(self, ip: str) -> str:
        """ISO 3166 alpha-2, or `ZZ`."""
        if self._reader is None:
            return UNKNOWN
        try:
            found = self._reader.get(ipaddress.ip_address(ip))
        except _DAMAGED:
            return UNKNOWN
        for name in ("country", "registered_country"):
            country = found.get(name) if isinstance(found, dict) else None
            code = country.get("iso_code") if isinstance(country, dict) else None
            if isinstance(code, str) and len(code) == 2:
                return code
        return UNKNOWN
