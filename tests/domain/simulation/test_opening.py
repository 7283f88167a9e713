"""The opening of the demo: its postbacks, and what there is to tell (A13, A15, M38)."""

from __future__ import annotations

import pytest

from app.domain.events import place_recordings
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import NewPostback, create_postback
from app.domain.postbacks.plan import plan_deliveries
from app.domain.scope import Scope
from app.domain.simulation.demo import seed_connected
from app.domain.simulation.opening import TRACKER, move_tracker
from app.domain.simulation.traffic import Volume
from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.models import Postback, PostbackDelivery
from app.settings import Settings
from tests.domain.simulation.test_demo import Files, nothing
from tests.factories import make_partner, partner_scope

TINY = Volume(casino_visits=2, shop_visits=2)
ELSEWHERE = "http://[::1]:8010/tracker"


async def test_m38_what_happens_at_the_opening_is_sent_and_nothing_of_the_past(
    database: Settings, system: Scope, box: SecretBox, clock: ManualClock
) -> None:
    assert await seed_connected(box, clock, nothing, Files().keep, TINY)
    assert await PostbackDelivery.all().count() == 0
    while await place_recordings(system):
        pass
    while (await plan_deliveries(system)).moved:
        pass

    sent = {
        row.url.removeprefix(f"{TRACKER}/review-hub/").partition("&event=")[0]
        for row in await PostbackDelivery.filter(partner_id=1)
    }
    assert {url.partition("?")[0] for url in sent} == {
        "registration",
        "literal",
        "first-deposit",
        "deposit",
        "sale",
    }
    assert len(sent) == 7
    assert {url.partition("&")[0] for url in sent if "literal" in url} == {
        "literal?web=12",
        "literal?web=${webID}",
    }
    assert await PostbackDelivery.filter(partner_id=2).count() == 7
    assert await PostbackDelivery.all().count() == 14

    # The same data behind another port: its postbacks come along.
    assert not await seed_connected(box, clock, nothing, Files().keep, TINY, ELSEWHERE)
    for row in await Postback.all():
        assert row.url.startswith(f"{ELSEWHERE}/")


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        ("http://127.0.0.1:8000/tracker/a?b=${event_id}", f"{ELSEWHERE}/a?b=${{event_id}}"),
        ("http://localhost:1/tracker/a?b=1", f"{ELSEWHERE}/a?b=1"),
        ("http://127.0.0.1:8000/trackers?b=1", None),
        ("http://127.0.0.1:8000/my/tracker/?b=1", None),
        ("https://tracker.example/tracker/a?b=1", None),
    ],
)
async def test_only_what_calls_the_demos_tracker_follows_it(
    database: Settings, clock: ManualClock, url: str, moved: str | None
) -> None:
    scope = partner_scope(await make_partner(clock), clock)
    made = await create_postback(scope, NewPostback(Action.SALE, url), allow_private=True)
    await move_tracker(ELSEWHERE)
    assert (await Postback.get(id=made.id)).url == (moved or url)
