"""What the domain refuses. Each error has a code for programmes and a sentence for people that says what to do next."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A refused request. `field` is the path of the input that is to blame, where one is."""

    code = "REFUSED"

    def __init__(self, message: str, *, field: tuple[str, ...] = (), **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = details


class NotFound(DomainError):
    """The thing does not exist, or belongs to somebody else: the two cannot be told apart."""

    code = "NOT_FOUND"

    def __init__(self, what: str, *, field: tuple[str, ...] = ()) -> None:
        super().__init__(f"there is no such {what}", field=field)


class Invalid(DomainError):
    """A value that cannot be accepted."""

    code = "INVALID"


class Conflict(DomainError):
    """The request contradicts what is there."""

    code = "CONFLICT"


class Forbidden(DomainError):
    """The actor may not do this."""

    code = "FORBIDDEN"


class Unauthenticated(DomainError):
    """Nobody is signed in, or the session has ended."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str = "sign in first: the session is missing or has ended") -> None:
        super().__init__(message)
