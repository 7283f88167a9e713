"""Ignored addresses: a brand's own offices and monitors, whose visits are kept and not counted (A12). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from app.domain.errors import Invalid

MOST_ADDRESSES = 1_000
# A wider network than these would ignore whole countries.
WIDEST = {4: 8, 6: 16}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def clean_addresses(values: Sequence[str], field: str = "ignoredIps") -> list[str]:
    """Addresses and networks in CIDR form, normalised, each once, IPv4 before IPv6 in their order.

    `198.51.100.7/24` becomes `198.51.100.0/24`, `::ffff:198.51.100.7` the IPv4 address. Raises Invalid with the
    position, counted from 1, for anything else, for a network wider than /8 (IPv6: /16), and for more than 1,000.
    """
    if len(values) > MOST_ADDRESSES:
        raise Invalid(
            f"{field}: {len(values)} addresses, at most {MOST_ADDRESSES:,} are allowed: use networks",
            field=(field,),
        )
    found = {_network(value, position, field) for position, value in enumerate(values, start=1)}
    ordered = sorted(
        found, key=lambda item: (item.version, int(item.network_address), item.prefixlen)
    )
    return [_text(network) for network in ordered]


def _network(value: str, position: int, field: str) -> Network:
    text = value.strip()
    try:
        if "%" in text:
            raise ValueError("an address with a zone")
        network = _unmapped(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise Invalid(
            f"{field}, address {position}: {text[:60]!r} is neither an address nor a network, "
            "such as 198.51.100.7 or 2001:db8::/48",
            field=(field,),
        ) from None
    if network.prefixlen < WIDEST[network.version]:
        raise Invalid(
            f"{field}, address {position}: {network} is too wide, at most /{WIDEST[network.version]} "
            "is allowed: name smaller networks",
            field=(field,),
        )
    return network


def _unmapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        address = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ipaddress.IPv4Network((address, network.prefixlen - 96))
    return network


def _text(network: Network) -> str:
    whole = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if whole else str(network)
