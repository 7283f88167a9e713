"""Addresses that operators give: where visitors are sent, and the hosts of brands. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlsplit

from app.domain.errors import Invalid

LONGEST_URL = 2_000
LONGEST_HOST = 253

# Browsers drop tabs and line ends and read `\` as `/`, so that they would see another URL than this server; lone
# surrogates have no UTF-8.
_MISLEADING = re.compile("[\x00-\x20\x7f-\x9f\\\\\u2028\u2029\ud800-\udfff]")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# These four became other letters in the first standard of international names, and are themselves in the present one.
_AMBIGUOUS = re.compile("[\u00df\u03c2\u200c\u200d]")
# What a URL may hold as it is; everything else is percent-encoded as UTF-8.
_KEPT = "!#$%&'()*+,/:;=?@[]~{}|^`"


def clean_url(value: str, field: str) -> str:
    """An absolute http or https URL in the characters of a header line, its scheme and host in lower case.

    An international host is written as `xn--…`, other letters beyond ASCII percent-encoded as UTF-8. Raises Invalid
    naming the field for another scheme, no host, a user name or password, spaces, control characters, backslashes, a
    bad port, or more than 2,000 characters.
    """
    url = value.strip()
    if _MISLEADING.search(url):
        raise _invalid(
            field, "holds spaces, control characters or backslashes: percent-encode them"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid(field, f"is no URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not url[len(parts.scheme) :].startswith("://"):
        raise _invalid(field, "must begin with http:// or https://")
    if "@" in parts.netloc:
        raise _invalid(field, "holds a user name or password: leave out what is before the @")
    if port == 0:
        raise _invalid(field, "has the port 0: choose 1 to 65535, or leave it out")
    host = _host(parts.hostname or "", field, literal="[" in parts.netloc)
    place = f"{host}:{port}" if port is not None else host
    rest = url[len(parts.scheme) + 3 + len(parts.netloc) :]
    cleaned = f"{parts.scheme}://{place}{quote(rest, safe=_KEPT)}"
    if len(cleaned) > LONGEST_URL:
        raise _invalid(field, f"has {len(cleaned)} characters, at most {LONGEST_URL:,} are allowed")
    return cleaned


def clean_domain(value: str, field: str) -> str:
    """The name of a host, such as shop.example, in lower case and ASCII; it stands for its subdomains as well.

    Raises Invalid for a URL, a port, a wildcard, an address, and a name without a dot.
    """
    name = value.strip().rstrip(".").lower()
    if any(character in name for character in "/:@*[]\\"):
        raise _invalid(field, f"{value!r} is no domain: give only the name, such as shop.example")
    host = _host(name, field, literal=False)
    if "." not in host or _is_address(host):
        raise _invalid(
            field, f"{value!r} is no domain: give a name with a dot, such as shop.example"
        )
    return host


def _host(name: str, field: str, *, literal: bool) -> str:
    if not name:
        raise _invalid(field, "names no host")
    if literal:
        try:
            if "%" in name:
                raise ValueError("an address with a zone")
            return f"[{ipaddress.IPv6Address(name)}]"
        except ValueError:
            raise _invalid(field, f"{name} is no IPv6 address") from None
    host = host_in_ascii(name.lower(), field)
    labels = host.removesuffix(".").split(".")
    if len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid(field, f"{name!r} is no host name")
    # Browsers take `127.1` and `0x7f.1` for addresses; here only the usual form is one.
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) and not _is_address(host):
        raise _invalid(field, f"{name} is no host name: an IPv4 address has four numbers")
    return host


def host_in_ascii(name: str, field: str) -> str:
    """An international host as `xn--…`. Raises Invalid for one with two forms, or none."""
    if name.isascii():
        return name
    if _AMBIGUOUS.search(name):
        raise _invalid(
            field, f"the host {name} has two forms: write the one that browsers send, as xn--…"
        )
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise _invalid(field, f"{name!r} is no host name") from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _invalid(field: str, what: str) -> Invalid:
    return Invalid(f"{field}: {what}", field=(field,))
