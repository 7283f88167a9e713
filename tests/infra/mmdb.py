"""A writer of small MaxMind DB files, by version 2.0 of the format."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


def country_file(countries: Mapping[str, Any]) -> bytes:
    """A database of networks, such as `{"192.0.2.0/24": {"country": {"iso_code": "DE"}}}`; IPv4 as `::/96`."""
    nodes: list[list[Any]] = [[None, None]]
    data = b""
    for network, record in countries.items():
        parsed = ipaddress.ip_network(network)
        shift = 96 if parsed.version == 4 else 0
        bits = f"{int(parsed.network_address):0128b}"[: parsed.prefixlen + shift]
        _place(nodes, bits, ("data", len(data)))
        data += _encoded(record)
    count = len(nodes)
    tree = b"".join(_record(child, count).to_bytes(4) for node in nodes for child in node)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_770_000_000,
        "database_type": "GeoLite2-Country",
        "description": {"en": "a test"},
        "ip_version": 6,
        "languages": [],
        "node_count": count,
        "record_size": 32,
    }
    return tree + bytes(16) + data + _MARKER + _encoded(metadata)


def _place(nodes: list[list[Any]], bits: str, leaf: tuple[str, int]) -> None:
    node = 0
    for bit in bits[:-1]:
        if nodes[node][int(bit)] is None:
            nodes.append([None, None])
            nodes[node][int(bit)] = len(nodes) - 1
        node = nodes[node][int(bit)]
    nodes[node][int(bits[-1])] = leaf


def _record(child: Any, count: int) -> int:
    if child is None:
        return count
    return count + 16 + child[1] if isinstance(child, tuple) else int(child)


def _encoded(value: Any) -> bytes:
    if isinstance(value, dict):
        pairs = (_encoded(key) + _encoded(each) for key, each in value.items())
        return _head(7, len(value)) + b"".join(pairs)
    if isinstance(value, list):
        return _head(11, len(value)) + b"".join(map(_encoded, value))
    if isinstance(value, str):
        text = value.encode()
        return _head(2, len(text)) + text
    number = int(value).to_bytes(8).lstrip(b"\x00")
    return _head(9, len(number)) + number


def _head(kind: int, size: int) -> bytes:
    """The control byte: three bits of type, five of size; types above 7 stand in the next byte."""
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
