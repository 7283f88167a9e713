"""Every example of the affiliates' manual that this product follows, correct and wrong (A15 to A17)."""

from __future__ import annotations

import pytest

from app.domain.events import place_recordings
from app.domain.players.register import register_players
from app.domain.postbacks.actions import Action
from app.domain.postbacks.check import ProblemCode, check_template
from app.domain.postbacks.configure import InvalidTemplate, NewPostback, create_postback
from app.domain.postbacks.plan import plan_deliveries
from app.domain.postbacks.template import Unresolved
from app.domain.scope import Scope
from app.domain.visits.destination import stag
from app.infra.clock import ManualClock
from app.models import PostbackDelivery, Visit
from app.settings import Settings
from tests.factories import BOX, World, brand_scope, make_visits, make_world, partner_scope

# What the link carries, the postback, and what a registration sends.
SENT = [
    (
        b"webID=12345&clickID=67890",
        (
            "http://example.com?promo_id=${promo_id}&visit_id=${visit_id}&amount=${amount}&currency=${currency}"
            "&b=${webID}&c=${clickID}"
        ),
        "http://example.com?promo_id={promo}&visit_id={click}&currency=EUR&b=12345&c=67890",
    ),
    (
        b"",
        "http://example.com?promo_id=${promo_id}&visit_id=${visit_id}&amount=${amount}&currency=${currency}",
        "http://example.com?promo_id={promo}&visit_id={click}&currency=EUR",
    ),
    *(
        (
            b"publisherID=12345",
            f"http://track.me/affiliate?{key}=${{publisherID}}",
            f"http://track.me/affiliate?{key}=12345",
        )
        for key in ("b", "publisherID", "id")
    ),
    (
        b"publisherID=[SOMETHING]",
        "http://track.me/affiliate?b=${publisherID}",
        "http://track.me/affiliate?b=%5BSOMETHING%5D",
    ),
    (
        b"publisherID={SOMETHING}",
        "http://track.me/affiliate?b=${publisherID}",
        "http://track.me/affiliate?b=%7BSOMETHING%7D",
    ),
    (
        b"publisherID=SOMETHING",
        "http://track.me/affiliate?b=${publisherID}",
        "http://track.me/affiliate?b=SOMETHING",
    ),
    (
        b"visit_id=r-4711",
        "http://trackerdomain.com/p.ashx?o=1607&e=525&f=pb&r=${visit_id}",
        "http://trackerdomain.com/p.ashx?o=1607&e=525&f=pb&r=r-4711",
    ),
    (
        b"ctag=c-4711",
        "http://trackerdomain.space/click.php?cnv_id=${ctag}&payout=0&cnv_status=reg",
        "http://trackerdomain.space/click.php?cnv_id=c-4711&payout=0&cnv_status=reg",
    ),
    # "If the dynamic variable is not included in the final referral link, we won't fire it with the postback."
    (
        b"",
        "http://trackerdomain.space/click.php?cnv_id=${ctag}&payout=0&cnv_status=reg",
        "http://trackerdomain.space/click.php?payout=0&cnv_status=reg",
    ),
    (
        b"transactionid=3D1021df233",
        "http://track.me/affiliate?t=${transactionid}",
        "http://track.me/affiliate?t=3D1021df233",
    ),
]
# The postback, what is wrong with it, and what it should be.
WRONG = [
    (
        "http://track.me/affiliate?a={track_id}",
        ProblemCode.MISSING_DOLLAR,
        "a variable begins with a dollar sign: write ${track_id}",
        "http://track.me/affiliate?a=${track_id}",
    ),
    (
        "http://track.me/affiliate?b=$[visit_id]",
        ProblemCode.WRONG_BRACKETS,
        "a variable stands in braces: write ${visit_id}",
        "http://track.me/affiliate?b=${visit_id}",
    ),
    (
        "http://track.me/affiliate/c=${clickID}",
        ProblemCode.PARAMETER_IN_PATH,
        "parameters stand behind a question mark: write http://track.me/affiliate?c=${clickID}",
        "http://track.me/affiliate?c=${clickID}",
    ),
    # As the manual itself reads after it was copied from a page.
    (
        "http://example.com?promo_id=${promo_id}&amount=${amount}¤cy=${currency}",
        ProblemCode.MANGLED_TEXT,
        "&currency became ¤cy when the text was copied: write &currency",
        "http://example.com?promo_id=${promo_id}&amount=${amount}&currency=${currency}",
    ),
]


@pytest.fixture
async def world(database: Settings, clock: ManualClock) -> World:
    return await make_world(clock)


async def _sent(world: World, system: Scope, link: bytes, postback: NewPostback) -> tuple[str, int]:
    """What a registration by a link sends, and the id of the click."""
    (visit_id,) = await make_visits(world.promo, world.clock, query=link)
    await create_postback(partner_scope(world.partner, world.clock), postback)
    player = world.player("p1", tag=stag(world.promo.id, visit_id))
    scope = brand_scope(world.brand, world.clock)
    await register_players(scope, world.brand.id, [player], box=BOX)
    while await place_recordings(system):
        pass
    await plan_deliveries(system)
    return str((await PostbackDelivery.get()).url), visit_id


@pytest.mark.parametrize(("link", "template", "expected"), SENT)
async def test_a15_what_the_manual_calls_correct_is_sent_as_it_says(
    world: World, system: Scope, link: bytes, template: str, expected: str
) -> None:
    new = NewPostback(Action.REGISTRATION, template)

    url, visit_id = await _sent(world, system, link, new)

    places = {"{promo}": str(world.promo.id), "{click}": str(visit_id)}
    for place, value in places.items():
        expected = expected.replace(place, value)
    assert url == expected


async def test_a15_a_tag_that_the_link_calls_otherwise_stays_literal_where_that_is_chosen(
    world: World, system: Scope
) -> None:
    """The manual's `btag` example, whose postback arrives with the variable itself."""
    template = "http://track.me/affiliate?btag=${publisherID}"
    new = NewPostback(Action.REGISTRATION, template, unresolved=Unresolved.LITERAL)

    url, _ = await _sent(world, system, b"btag=12345", new)

    assert url == template


async def test_a11_a_corrupted_value_of_the_link_is_kept_and_marked(
    world: World, system: Scope
) -> None:
    new = NewPostback(Action.REGISTRATION, "http://track.me/affiliate?t=${transactionid}")

    url, visit_id = await _sent(world, system, b"transactionid=%/n/h3D1021df233", new)

    assert url == "http://track.me/affiliate?t=%25%2Fn%2Fh3D1021df233"
    assert (await Visit.get(id=visit_id)).corrupted


@pytest.mark.parametrize(("template", "code", "message", "corrected"), WRONG)
async def test_a16_what_the_manual_calls_wrong_is_refused_with_the_correct_text(
    world: World, template: str, code: ProblemCode, message: str, corrected: str
) -> None:
    with pytest.raises(InvalidTemplate) as refusal:
        await create_postback(
            partner_scope(world.partner, world.clock), NewPostback(Action.ANY, template)
        )

    (problem,) = refusal.value.checked.problems
    assert (problem.code, problem.message) == (code, message)
    assert refusal.value.checked.corrected == corrected
    assert corrected in refusal.value.message
    assert check_template(corrected).problems == ()
