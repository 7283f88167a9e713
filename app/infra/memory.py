"""The garbage collector of a long-lived process."""

from __future__ import annotations

import gc

# Objects made and not freed before the collector looks at the young ones: many requests' worth, so that it finds
# garbage and not requests under way.
_YOUNG = 50_000


def settle() -> None:
    """Called when a process has loaded what it works with: the collector looks through that no more.

    That is two hundred thousand objects, the two schemas most of all. Looked through again and again for garbage that
    is not there, they cost the click path a third of its speed (`make bench NAME=clicks`).
    """
    gc.collect()
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(_YOUNG, *older)
