"""Plans and their versions: who sees which, what operators may do, and what never changes again (A09, O01, M10)."""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from typing import Any

import pytest

from app.domain.brands.offers import OfferOrder
from app.domain.brands.offers import plans as open_plans
from app.domain.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from app.domain.permissions import StaffRole
from app.domain.plans.commands import (
    NewPlan,
    PlanEdit,
    assign_plan,
    create_plan,
    edit_plan,
    set_plan_default,
    set_plan_enabled,
    sort_plans,
    unassign_plan,
)
from app.domain.plans.reading import InvalidTerms
from app.domain.plans.reads import (
    AssignmentFilter,
    PlanFilter,
    VersionFilter,
    VersionState,
    assignments,
    histories,
    plans,
    version_changes,
    versions,
)
from app.domain.plans.versions import (
    discard_draft,
    draft_version,
    edit_draft,
    publish_version,
    revision_of,
)
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import IntegrityViolation, fetch
from app.models import Affiliation, Brand, CommissionPlan, Event, Partner, PlanVersion
from app.settings import Settings
from tests.conftest import NOW
from tests.domain.plans.deals import REVENUE_SHARE, SALES
from tests.factories import make_brand, make_partner, partner_scope, staff_scope


@pytest.fixture
async def brand(database: Settings, clock: ManualClock) -> Brand:
    made = await make_brand(clock)
    await CommissionPlan.filter(brand_id=made.id).delete()
    return made


@pytest.fixture
async def partner(brand: Brand, clock: ManualClock) -> Partner:
    return await make_partner(clock, brand)


@pytest.fixture
def scope(partner: Partner, clock: ManualClock) -> Scope:
    return partner_scope(partner, clock)


@pytest.fixture
def staff(clock: ManualClock) -> Scope:
    return staff_scope(clock)


async def _make(
    staff: Scope, brand: Brand, name: str = "Plan", *, default: bool = True
) -> CommissionPlan:
    """An open plan with one published version."""
    plan = await create_plan(staff, NewPlan(brand.id, name))
    version = await draft_version(staff, plan.id, REVENUE_SHARE)
    await publish_version(staff, version.id, revision_of(version.terms), None)
    if default:
        await set_plan_default(staff, plan.id, default=True)
    return await set_plan_enabled(staff, plan.id, enabled=True)


async def _publish(staff: Scope, plan: CommissionPlan, terms: Any, **options: Any) -> PlanVersion:
    version = await draft_version(staff, plan.id, terms)
    return await publish_version(
        staff, version.id, revision_of(version.terms), options.get("valid_from")
    )


def _share(percent: str) -> dict[str, Any]:
    terms = copy.deepcopy(REVENUE_SHARE)
    terms["rewards"][0]["percent"] = percent
    return terms


async def _names(scope: Scope, **chosen: Any) -> list[str]:
    listing = await plans(scope, PlanFilter(**chosen))
    return [row.name for row in await listing.rows.order_by("sort_order", "id")]


async def _types() -> list[str]:
    return [event.type for event in await Event.all().order_by("id")]


async def test_a09_a_partner_reads_defaults_and_what_is_assigned_to_it(
    brand: Brand, partner: Partner, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    stranger = partner_scope(await make_partner(clock, brand), clock)
    await _make(staff, brand, "Default")
    own = await _make(staff, brand, "Individual", default=False)
    await assign_plan(staff, own.id, [partner.id])

    assert await _names(scope) == ["Default", "Individual"]
    assert await _names(stranger) == ["Default"]
    listing = await versions(stranger, VersionFilter(own.id))
    assert await listing.rows == []


async def test_a09_plans_of_a_brand_without_an_accepted_affiliation_are_not_there(
    brand: Brand, partner: Partner, scope: Scope, staff: Scope
) -> None:
    await _make(staff, brand)
    for state in ("pending", "suspended", "rejected", "deleted"):
        await Affiliation.filter(partner_id=partner.id).update(state=state)

        assert await _names(scope) == []
        assert await (await versions(scope, VersionFilter())).rows == []


async def test_a09_a_draft_is_there_for_operators_alone(
    brand: Brand, scope: Scope, staff: Scope
) -> None:
    plan = await _make(staff, brand)
    draft = await draft_version(staff, plan.id, _share("40"))

    seen = [row.number for row in await (await versions(scope, VersionFilter())).rows]
    assert seen == [1]
    assert [
        row.number for row in await (await versions(staff, VersionFilter())).rows.order_by("id")
    ] == [1, 2]
    history = (await histories(scope, [plan.id]))[plan.id]
    assert [one.row.number for one in history.versions] == [1]
    assert history.dated(draft.id) is None


async def test_a09_the_history_says_which_version_holds_held_and_will_hold(
    brand: Brand, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    plan = await _make(staff, brand)
    clock.advance(timedelta(days=1))
    second = await _publish(staff, plan, _share("32"))
    soon = clock.now() + timedelta(days=10)
    await _publish(staff, plan, _share("35"), valid_from=soon)

    history = (await histories(scope, [plan.id]))[plan.id]

    told = [(one.row.number, one.state, one.valid_until) for one in history.versions]
    assert told == [
        (3, VersionState.ANNOUNCED, None),
        (2, VersionState.IN_FORCE, soon),
        (1, VersionState.PAST, second.valid_from),
    ]
    assert history.current is not None
    assert history.current.row.number == 2
    assert [one.row.number for one in history.announced] == [3]

    clock.advance(timedelta(days=10))
    later = (await histories(scope, [plan.id]))[plan.id]
    assert later.current is not None
    assert later.current.row.number == 3


async def test_a09_a_sandbox_brand_lives_by_its_own_clock(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    await Brand.filter(id=brand.id).update(clock_offset=timedelta(days=30))
    plan = await create_plan(staff, NewPlan(brand.id, "Ahead"))
    version = await draft_version(staff, plan.id, REVENUE_SHARE)
    with pytest.raises(Invalid, match="is past"):
        await publish_version(
            staff, version.id, revision_of(version.terms), NOW + timedelta(days=29)
        )

    published = await publish_version(staff, version.id, revision_of(version.terms), None)

    assert published.valid_from == NOW + timedelta(days=30)
    history = (await histories(staff, [plan.id]))[plan.id]
    assert history.current is not None


async def test_m10_a_version_never_holds_from_the_past_nor_from_before_the_one_before_it(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    plan = await _make(staff, brand)
    soon = NOW + timedelta(days=5)
    await _publish(staff, plan, _share("31"), valid_from=soon)
    draft = await draft_version(staff, plan.id, _share("32"))
    revision = revision_of(draft.terms)

    for wrong, words in (
        (NOW - timedelta(seconds=1), "is past"),
        (NOW, "send a later time"),
        (soon, "send a later time"),
        (None, "send a later time"),
    ):
        with pytest.raises(Invalid, match=words) as refusal:
            await publish_version(staff, draft.id, revision, wrong)
        assert refusal.value.field == ("validFrom",)
    later = await publish_version(staff, draft.id, revision, soon + timedelta(seconds=1))
    assert later.published_at == NOW


async def test_m10_a_published_version_is_neither_edited_nor_published_nor_discarded(
    brand: Brand, staff: Scope
) -> None:
    plan = await _make(staff, brand)
    version = await PlanVersion.get(plan_id=plan.id)
    revision = revision_of(version.terms)

    with pytest.raises(Conflict, match="never changes"):
        await edit_draft(staff, version.id, _share("99"), revision)
    with pytest.raises(Conflict, match="never changes"):
        await publish_version(staff, version.id, revision, None)
    with pytest.raises(Conflict, match="never changes"):
        await discard_draft(staff, version.id)
    with pytest.raises(IntegrityViolation):
        await fetch("UPDATE plan_versions SET currency = 'USD' WHERE id = $1", version.id)


async def test_o01_a_draft_is_edited_published_and_each_step_is_an_event(
    brand: Brand, staff: Scope
) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New", " Half a line. "))
    draft = await draft_version(staff, plan.id, REVENUE_SHARE)
    edited = await edit_draft(staff, draft.id, SALES, revision_of(draft.terms))
    await publish_version(staff, draft.id, revision_of(edited.terms), None)

    assert (plan.description, plan.state, plan.is_default) == ("Half a line.", "disabled", False)
    assert (edited.currency, edited.terms) == ("RON", SALES)
    assert await _types() == [
        "plan.created",
        "plan.version_drafted",
        "plan.version_edited",
        "plan.version_published",
    ]
    event = await Event.get(type="plan.version_published")
    assert (event.brand_id, event.subject_id) == (brand.id, plan.id)
    assert event.data["summary"][0] == "You earn 8% of each accepted sale."
    changed = (await Event.get(type="plan.version_edited")).data["changed"]
    assert "currency" in changed


async def test_o01_who_edits_or_publishes_what_somebody_else_has_changed_is_told(
    brand: Brand, staff: Scope
) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New"))
    draft = await draft_version(staff, plan.id, REVENUE_SHARE)
    seen = revision_of(draft.terms)
    await edit_draft(staff, draft.id, _share("31"), seen)

    with pytest.raises(Conflict, match="edited since you read it") as refusal:
        await edit_draft(staff, draft.id, _share("32"), seen)
    assert refusal.value.field == ("revision",)
    with pytest.raises(Conflict):
        await publish_version(staff, draft.id, seen, None)


async def test_o01_of_many_edits_at_once_exactly_one_is_taken(brand: Brand, staff: Scope) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New"))
    draft = await draft_version(staff, plan.id, REVENUE_SHARE)
    seen = revision_of(draft.terms)

    answers = await asyncio.gather(
        *(edit_draft(staff, draft.id, _share(str(percent)), seen) for percent in range(40, 50)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, PlanVersion) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 9


async def test_o01_of_many_drafts_at_once_exactly_one_is_made(brand: Brand, staff: Scope) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New"))

    answers = await asyncio.gather(
        *(draft_version(staff, plan.id, REVENUE_SHARE) for _ in range(8)), return_exceptions=True
    )

    assert sum(isinstance(answer, PlanVersion) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 7


async def test_o01_a_draft_is_published_once_however_many_try(brand: Brand, staff: Scope) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New"))
    draft = await draft_version(staff, plan.id, REVENUE_SHARE)
    seen = revision_of(draft.terms)

    answers = await asyncio.gather(
        *(publish_version(staff, draft.id, seen, None) for _ in range(4)),
        *(discard_draft(staff, draft.id) for _ in range(4)),
        return_exceptions=True,
    )

    done = [answer for answer in answers if not isinstance(answer, DomainError)]
    assert len(done) == 1
    assert isinstance(done[0], PlanVersion | CommissionPlan)


async def test_o01_a_discarded_draft_leaves_its_terms_in_the_log(
    brand: Brand, staff: Scope
) -> None:
    plan = await _make(staff, brand)
    draft = await draft_version(staff, plan.id, _share("40"))

    await discard_draft(staff, draft.id)

    assert await PlanVersion.filter(plan_id=plan.id).count() == 1
    assert (await Event.get(type="plan.version_discarded")).data["terms"] == _share("40")
    assert (await draft_version(staff, plan.id, _share("41"))).number == 2


async def test_o01_wrong_terms_are_neither_drafted_nor_put_into_a_draft(
    brand: Brand, staff: Scope
) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New"))
    with pytest.raises(InvalidTerms):
        await draft_version(staff, plan.id, {"rewards": []})
    draft = await draft_version(staff, plan.id, REVENUE_SHARE)
    with pytest.raises(InvalidTerms):
        await edit_draft(staff, draft.id, _share("101"), revision_of(draft.terms))

    assert (await PlanVersion.get()).terms == REVENUE_SHARE


async def test_o01_two_versions_are_compared_by_path(brand: Brand, staff: Scope) -> None:
    plan = await _make(staff, brand)
    first = await PlanVersion.get(plan_id=plan.id)
    second = await draft_version(staff, plan.id, _share("35"))

    (change,) = await version_changes(staff, first.id, second.id)

    assert (change.path, change.before, change.after) == (
        "rewards.revenue_share.percent",
        "30",
        "35",
    )
    with pytest.raises(NotFound) as refusal:
        await version_changes(staff, first.id, 999_999)
    assert refusal.value.field == ("afterId",)


async def test_o01_a_plan_is_renamed_and_described(brand: Brand, staff: Scope) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "Old", "Words"))

    edited = await edit_plan(staff, plan.id, PlanEdit(name=" New "))

    assert (edited.name, edited.description) == ("New", "Words")
    assert (await Event.get(type="plan.edited")).data == {"name": ["Old", "New"]}
    await edit_plan(staff, plan.id, PlanEdit(name="New"))
    assert (await _types()).count("plan.edited") == 1
    with pytest.raises(Invalid, match="at most 2000"):
        await edit_plan(staff, plan.id, PlanEdit(description="x" * 2_001))


async def test_o01_a_plan_without_a_published_version_is_not_enabled(
    brand: Brand, staff: Scope
) -> None:
    plan = await create_plan(staff, NewPlan(brand.id, "New"))
    await draft_version(staff, plan.id, REVENUE_SHARE)

    with pytest.raises(Conflict, match="publish one"):
        await set_plan_enabled(staff, plan.id, enabled=True)


async def test_o01_a_disabled_plan_is_no_choice_any_more(
    brand: Brand, scope: Scope, staff: Scope
) -> None:
    plan = await _make(staff, brand)
    await set_plan_enabled(staff, plan.id, enabled=False)

    assert await (await open_plans(scope)).rows == []
    assert await _names(scope) == []
    assert await _names(staff, state="disabled") == ["Plan"]
    with pytest.raises(Conflict, match="disabled already"):
        await set_plan_enabled(staff, plan.id, enabled=False)


async def test_o01_a_default_is_open_to_all_until_it_is_one_no_longer(
    brand: Brand, scope: Scope, staff: Scope
) -> None:
    plan = await _make(staff, brand)
    assert await _names(scope, is_default=True) == ["Plan"]

    await set_plan_default(staff, plan.id, default=False)

    assert await _names(scope) == []
    with pytest.raises(Conflict, match="no default already"):
        await set_plan_default(staff, plan.id, default=False)


async def test_o01_a_plan_is_given_to_partners_and_taken_back_each_in_its_own_log(
    brand: Brand, partner: Partner, scope: Scope, staff: Scope, clock: ManualClock
) -> None:
    other = await make_partner(clock, brand)
    plan = await _make(staff, brand, default=False)

    await assign_plan(staff, plan.id, [partner.id, other.id])
    await assign_plan(staff, plan.id, [partner.id])
    assert await _names(scope) == ["Plan"]
    await unassign_plan(staff, plan.id, [partner.id])

    assert await _names(scope) == []
    listing = await assignments(staff, AssignmentFilter(plan_id=plan.id))
    assert [row.partner_id for row in await listing.rows] == [other.id]
    told = await Event.filter(type__in=["plan.assigned", "plan.unassigned"]).order_by("id")
    assert [(event.type, event.partner_id) for event in told] == [
        ("plan.assigned", partner.id),
        ("plan.assigned", other.id),
        ("plan.unassigned", partner.id),
    ]


async def test_o01_a_plan_is_given_to_partners_that_exist(
    brand: Brand, partner: Partner, staff: Scope
) -> None:
    plan = await _make(staff, brand)

    with pytest.raises(NotFound):
        await assign_plan(staff, plan.id, [partner.id, 999_999])
    with pytest.raises(Invalid, match="1 to 500"):
        await assign_plan(staff, plan.id, [])
    assert "plan.assigned" not in await _types()


async def test_o01_sorted_plans_come_first(brand: Brand, scope: Scope, staff: Scope) -> None:
    made = [await _make(staff, brand, name) for name in "ABC"]

    await sort_plans(staff, brand.id, [made[2].id])

    assert await _names(scope) == ["C", "A", "B"]
    listing = await plans(scope, PlanFilter())
    assert listing.orderings[OfferOrder.RANK].keys == ("sort_order", "id")
    with pytest.raises(NotFound):
        await sort_plans(staff, brand.id, [999_999])


async def test_o01_an_advertiser_reads_the_plans_of_its_brands_and_changes_none(
    brand: Brand, staff: Scope, clock: ManualClock
) -> None:
    plan = await _make(staff, brand)
    await _make(staff, await make_brand(clock), "Foreign")
    advertiser = staff_scope(clock, StaffRole.ADVERTISER, frozenset({brand.id}))

    assert await _names(advertiser) == ["Plan"]
    assert len(await (await versions(advertiser, VersionFilter())).rows) == 1
    with pytest.raises(Forbidden):
        await edit_plan(advertiser, plan.id, PlanEdit(name="Mine"))
