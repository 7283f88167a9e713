"""The event log: writing it, giving it its order, reading it."""

from app.domain.events.log import (
    LoggedEvent,
    lock_reader,
    logged_event,
    move_reader,
    read_log,
    read_reach,
)
from app.domain.events.record import NewEvent, Subject, record, record_all
from app.domain.events.sequencer import Head, head, place_recordings, position_known_at

__all__ = [
    "Head",
    "LoggedEvent",
    "NewEvent",
    "Subject",
    "head",
    "lock_reader",
    "logged_event",
    "move_reader",
    "place_recordings",
    "position_known_at",
    "read_log",
    "read_reach",
    "record",
    "record_all",
]
