"""The change feed: of a partner's own figures, and of all within an operator's limits (X03)."""

from __future__ import annotations

import strawberry

from app.domain.changes import reads
from app.schema.connections import connection
from app.schema.types.figure_change import (
    FigureChange,
    FigureChangeFilterInput,
    StaffFigureChangeFilterInput,
)

_WORDS = "to past figures: which, before, after, who and why (X03). In the order in which they became known."


@strawberry.type
class FigureChangeQueries:
    figure_changes = connection(
        FigureChange,
        reads.figure_changes,
        reads.FigureChangeOrder,
        FigureChangeFilterInput,
        f"Every change {_WORDS}",
    )


@strawberry.type
class StaffFigureChangeQueries:
    figure_changes = connection(
        FigureChange,
        reads.figure_changes,
        reads.FigureChangeOrder,
        StaffFigureChangeFilterInput,
        f"Every change, within your limits, {_WORDS}",
    )
