"""Which network addresses this server may call on behalf of others. Pure."""

from __future__ import annotations

import ipaddress

# What carries an IPv4 address of its own in its last 32 bits: NAT64, and the forms for dual-stack programmes.
_EMBEDDING = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")
)


def is_allowed_address(address: str, allow_private: bool) -> bool:
    """Whether an IP address (without zone) may be called. Raises ValueError for what is none.

    Public addresses always; private and loopback ones with `allow_private`; link-local and multicast ones never,
    because cloud providers hand out credentials on a link-local address.
    """
    return all(
        _is_allowed(ip, allow_private) for ip in _with_embedded(ipaddress.ip_address(address))
    )


def _with_embedded(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip.sixtofour is not None:
        return [ip, ip.sixtofour]
    if ip.teredo is not None:
        return [ip, ip.teredo[1]]
    if int(ip) > 1 and any(ip in network for network in _EMBEDDING):
        # Reached through a translator, whatever the IPv6 address itself is.
        return [ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)]
    return [ip]


def _is_allowed(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, allow_private: bool) -> bool:
    if ip.is_link_local or ip.is_multicast:
        return False
    return allow_private or ip.is_global
