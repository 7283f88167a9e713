"""Made-up history becomes history: placed, judged, folded, and quiet about its past."""

from __future__ import annotations

from app.domain.changes.derive import derive_changes
from app.domain.events import head, place_recordings
from app.domain.mails import plan as mail_plan
from app.domain.postbacks import plan as postback_plan
from app.domain.postbacks.tags import note_tags
from app.domain.rollups.fold import fold_all
from app.domain.scope import Scope
from app.domain.visits.judge import judge_visits


async def place_all(scope: Scope) -> None:
    """Give every committed recording its position, known at the scope's time."""
    while await place_recordings(scope):
        pass


async def end_day(scope: Scope) -> None:
    """Place what happened until the scope's time and judge its visits, as the relay does within seconds."""
    await place_all(scope)
    while await judge_visits(scope):
        pass
    await place_all(scope)


async def settle(scope: Scope) -> None:
    """Do at once what the relay does step by step, and let nobody be told of the past by postback or mail."""
    await end_day(scope)
    for step in (note_tags, fold_all, derive_changes):
        while await step(scope):
            pass
    position = (await head(scope)).position
    await postback_plan.skip_history(scope, position)
    await mail_plan.skip_history(scope, position)
