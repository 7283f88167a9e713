"""Names and passwords in postback URLs: sent, and shown to nobody. Pure."""

from __future__ import annotations

import re

from app.domain.errors import Invalid

MASK = "***"

# The same in SQL, for the log: see `attempt_queries`.
_PASSWORD = re.compile(r"^([^/?#]*//[^/?#:]*):[^/?#]+@")
# A name without a password is a token.
_TOKEN = re.compile(r"^([^/?#]*//)[^/?#:]+:?@(?![^/?#]*@)")
_ORIGIN = re.compile(r"^[^/?#]*//[^/?#]*")


def masked(url: str) -> str:
    """A URL as it may be shown: the password in it masked, or a name that stands alone."""
    return _TOKEN.sub(rf"\1{MASK}@", _PASSWORD.sub(rf"\1:{MASK}@", url))


def unmasked(url: str, stored: str | None) -> str:
    """A URL to keep: what it holds masked is taken from the stored one. Raises Invalid unless scheme, name and host
    are those of the stored one, so that a password goes nowhere else than before.
    """
    origin = _of(url)
    if origin != masked(origin) or f"{MASK}@" not in origin:
        return url
    if stored is None or masked(_of(stored)) != origin:
        raise Invalid(f"the URL holds {MASK} for its password: write the password", field=("url",))
    return _of(stored) + url[len(origin) :]


def _of(url: str) -> str:
    found = _ORIGIN.match(url)
    return found[0] if found else ""
