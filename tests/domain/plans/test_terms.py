"""Terms: valid ones survive unchanged; each mistake is told with its path, its limit and the fix (M10 to M1C)."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.plans.difference import Change, difference
from app.domain.plans.periods import Period, period_of
from app.domain.plans.reading import InvalidTerms, read_terms, write_terms
from app.domain.plans.summary import summary
from app.domain.plans.terms import Every, RewardKind, Schedule, has_subaffiliate_reward
from app.infra.encoding import dumps, loads
from tests.domain.plans import deals
from tests.domain.plans.deals import REVENUE_SHARE, SALES


@settings(max_examples=300, deadline=None)
@given(deals.terms())
def test_m10_any_valid_terms_survive_reading_and_writing_unchanged(
    document: dict[str, Any],
) -> None:
    read = read_terms(document)

    assert write_terms(read) == document
    assert read_terms(loads(dumps(write_terms(read)))) == read


@settings(max_examples=100, deadline=None)
@given(deals.terms())
def test_a09_any_valid_terms_are_told_in_sentences(document: dict[str, Any]) -> None:
    sentences = summary(read_terms(document))

    assert len(sentences) >= 3
    assert all(line[0].isupper() and line.endswith(".") for line in sentences)
    assert not [line for line in sentences if "None" in line or "_" in line or "{" in line]


@settings(max_examples=60, deadline=None)
@given(deals.terms(), deals.terms())
def test_o01_terms_differ_in_nothing_exactly_when_they_are_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = read_terms(one), read_terms(other)

    assert difference(first, first) == []
    assert (difference(first, second) == []) == (one == other)


_junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["EUR", "1", "month"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(document=deals.terms(), junk=_junk, data=st.data())
def test_m10_whatever_is_put_into_terms_is_read_or_refused_at_its_path(
    document: dict[str, Any], junk: Any, data: st.DataObject
) -> None:
    changed = copy.deepcopy(document)
    holder: Any = changed
    while True:
        key = data.draw(
            st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
        )
        inside = holder[key]
        if not isinstance(inside, dict | list) or data.draw(st.booleans()):
            break
        holder = inside
    holder[key] = junk

    mistakes, read = _read(changed)
    assert all(message for _, message in mistakes)
    if not mistakes:
        assert write_terms(read) == changed


def _read(document: Any) -> tuple[Any, Any]:
    """The mistakes, or the terms."""
    try:
        return (), read_terms(document)
    except InvalidTerms as refusal:
        return refusal.mistakes, None


def _with(path: str, value: Any, base: dict[str, Any] = REVENUE_SHARE) -> dict[str, Any]:
    """The terms with a value put at a path; ... takes the key away."""
    document = copy.deepcopy(base)
    *parents, last = path.split(".")
    holder: Any = document
    for name in parents:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    key: Any = int(last) if isinstance(holder, list) else last
    if value is ...:
        del holder[key]
    else:
        holder[key] = value
    return document


def _mistakes(document: Any) -> dict[str, str]:
    with pytest.raises(InvalidTerms) as refusal:
        read_terms(document)
    return {".".join(path): message for path, message in refusal.value.mistakes}


TIERS = {
    "basis": "ngr",
    "reach": "plan",
    "rate": "marginal",
    "steps": [{"start": "0", "percent": "25"}, {"start": "10000", "percent": "30"}],
}
PLAYERS = {
    **SALES,
    "currency": "EUR",
    "rewards": [{"key": "cpa", "kind": "fixed_per_player", "amount": "100"}],
    "qualification": {"refuse_flagged": True, "minimum_first_deposit": "20"},
}


def _tiered(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(REVENUE_SHARE)
    del document["rewards"][0]["percent"]
    document["rewards"][0]["tiers"] = TIERS | changes
    return document


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        (_with("currency", "EURO"), "currency", "ISO 4217"),
        (_with("currency", ...), "currency", "missing"),
        (_with("hold_days", 366), "hold_days", "0 to 365"),
        (_with("hold_days", "7"), "hold_days", "whole number"),
        (_with("hold_days", True), "hold_days", "whole number"),
        (_with("minimum_bill", 100), "minimum_bill", "decimal string"),
        (_with("minimum_bill", "-1"), "minimum_bill", "at least 0"),
        (_with("minimum_bill", "1e3"), "minimum_bill", "decimal string"),
        (_with("minimum_bill", "1.005"), "minimum_bill", "2 decimals of EUR"),
        (_with("minimum_bill", "9999999999999999"), "minimum_bill", "at most 1000000000000000"),
        (_with("coins", "sell"), "coins", "keep, convert"),
        (_with("surprise", 1), "surprise", "no such key"),
        (_with("rewards", []), "rewards", "1 to 20"),
        (_with("caps", []), "caps", "1 to 10"),
        (_with("caps", None), "caps", "no list"),
        (_with("qualification", None), "qualification", "no object"),
        (_with("schedule", "monthly"), "schedule", "no object"),
        (_with("schedule.every", "year"), "schedule.every", "day, week, month"),
        (_with("schedule.day", ...), "schedule.day", "every month needs it"),
        (_with("schedule.day", 32), "schedule.day", "1 to 31"),
        (_with("schedule.weekday", 1), "schedule.weekday", "leave it out"),
        (_with("rewards.0.kind", "percent_of_luck"), "rewards.0.kind", "percent_of_ngr"),
        (_with("rewards.0.key", "Revenue share"), "rewards.0.key", "a-z, 0-9 and _"),
        (_with("rewards.0.percent", "0"), "rewards.0.percent", "more than 0, up to 100"),
        (_with("rewards.0.percent", "100.01"), "rewards.0.percent", "up to 100"),
        (_with("rewards.0.percent", "1.00001"), "rewards.0.percent", "4 decimals"),
        (_with("rewards.0.percent", 30), "rewards.0.percent", "decimal string"),
        (_with("rewards.0.percent", ...), "rewards.0.percent", "or tiers instead"),
        (_with("rewards.0.amount", "5"), "rewards.0.amount", "leave it out"),
        (_with("rewards.0.product", ...), "rewards.0.product", "needs it"),
        (_with("rewards.0.mode", ...), "rewards.0.mode", "needs it"),
        (_with("rewards.0.product", "combined"), "rewards.0.offset_products", "needs it"),
        (_with("rewards.0.offset_products", True), "rewards.0.offset_products", "combined"),
        (_with("rewards.0.levels", [{"percent": "5"}]), "rewards.0.levels", "leave it out"),
        (_with("rewards", REVENUE_SHARE["rewards"] * 2), "rewards.1.key", "another reward"),
        (_with("carryover", ...), "carryover", "a reward can be negative"),
        (_with("carryover", REVENUE_SHARE["carryover"], SALES), "carryover", "leave it out"),
        (
            _with("high_roller", {"player_loss": "7", "aggregate_loss": "2", "months": 3}, SALES),
            "high_roller",
            "percent_of_ngr in the mode aggregate",
        ),
        (_with("qualification", ..., PLAYERS), "qualification", "who is qualified"),
        (
            _with("qualification.countries_in", ["RO", "RO"], PLAYERS),
            "qualification.countries_in",
            "each once",
        ),
        (
            _with("qualification.countries_in", ["Romania"], PLAYERS),
            "qualification.countries_in.0",
            "alpha-2",
        ),
        (
            _with(
                "qualification",
                {"refuse_flagged": True, "countries_in": ["RO"], "countries_out": ["RO"]},
                PLAYERS,
            ),
            "qualification.countries_out",
            "countries_in as well",
        ),
        (
            _with("qualification.refuse_flagged", ..., PLAYERS),
            "qualification.refuse_flagged",
            "missing",
        ),
        (
            _with("qualification.within", {"days": 0, "since": "registration"}, PLAYERS),
            "qualification.within.days",
            "1 to 3650",
        ),
        (_tiered(basis="qualified_players"), "rewards.0.tiers.rate", "or the basis ngr"),
        (
            _with("rewards.0.mode", "per_player", _tiered()),
            "rewards.0.tiers.rate",
            "mode aggregate",
        ),
        (_tiered(steps=TIERS["steps"][:1]), "rewards.0.tiers.steps", "2 to 20"),
        (_tiered(steps=TIERS["steps"][::-1]), "rewards.0.tiers.steps.0.start", "send 0"),
        (
            _tiered(steps=[TIERS["steps"][0]] * 2),
            "rewards.0.tiers.steps.1.start",
            "put the tiers in order",
        ),
        (
            _tiered(steps=[{"start": "0", "percent": "1"}, {"start": "1.005", "percent": "2"}]),
            "rewards.0.tiers.steps.1.start",
            "2 decimals of EUR",
        ),
        (
            _tiered(
                basis="qualified_players",
                rate="whole",
                steps=[{"start": "0", "percent": "1"}, {"start": "1.5", "percent": "2"}],
            ),
            "rewards.0.tiers.steps.1.start",
            "no whole number of qualified_players",
        ),
        (
            _tiered(steps=[{"start": "0", "amount": "1"}, TIERS["steps"][1]]),
            "rewards.0.tiers.steps.0.percent",
            "in every tier",
        ),
        (
            _with("rewards.0.percent", "30", _tiered()),
            "rewards.0.percent",
            "the tiers hold the rates",
        ),
        (
            _with(
                "caps", [{"kind": "commission", "window": "total", "reach": "plan", "amount": "5"}]
            ),
            "caps.0.window",
            "send period",
        ),
        (
            _with("caps", [{"kind": "commission", "window": "period", "reach": "plan"}]),
            "caps.0.amount",
            "needs it",
        ),
        (
            _with(
                "caps",
                [{"kind": "commission", "window": "period", "reach": "plan", "amount": "5"}] * 2,
            ),
            "caps.1",
            "keep one of them",
        ),
        (
            _with(
                "rewards.0",
                {
                    "key": "sub",
                    "kind": "subaffiliate",
                    "basis": "child_ngr",
                    "levels": [{"amount": "5"}],
                },
            ),
            "rewards.0.levels.0.percent",
            "in every level",
        ),
        (
            _with(
                "rewards.0",
                {
                    "key": "sub",
                    "kind": "subaffiliate",
                    "basis": "child_commissions",
                    "levels": [{"percent": "5"}],
                },
                SALES,
            ),
            "rewards.0.with_cpa",
            "needs it",
        ),
        (
            _with(
                "rewards.0", {"key": "w", "kind": "percent_of_wager", "product": "combined"}, SALES
            ),
            "rewards.0.product",
            "send one of casino, poker, sportsbook",
        ),
        (
            _with(
                "rewards.0",
                {"key": "fee", "kind": "flat_fee", "amount": "5", "tiers": TIERS},
                SALES,
            ),
            "rewards.0.tiers",
            "flat_fee has no tiers",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_m10_a_mistake_is_told_at_its_path_with_its_limit_and_fix(
    document: Any, path: str, words: str
) -> None:
    found = _mistakes(document)

    assert path in found
    assert words in found[path]


@pytest.mark.parametrize("document", [None, [], "x", 1, {}])
def test_m10_what_is_no_terms_at_all_is_refused(document: Any) -> None:
    assert _mistakes(document)


def test_m10_all_mistakes_are_told_at_once() -> None:
    document = _with("hold_days", -1, _with("coins", "x", _with("rewards.0.percent", "x")))

    assert sorted(_mistakes(document)) == ["coins", "hold_days", "rewards.0.percent"]


def test_m11_every_kind_of_reward_can_be_made() -> None:
    seen: set[str] = set()

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(deals.terms())
    def collect(document: dict[str, Any]) -> None:
        seen.update(reward["kind"] for reward in document["rewards"])

    collect()
    assert seen == {kind.value for kind in RewardKind}


def test_a05_a_subaffiliate_reward_is_found_among_the_rewards() -> None:
    reward = {"key": "sub", "kind": "subaffiliate"}

    assert has_subaffiliate_reward({"rewards": [*SALES["rewards"], reward]})
    assert not has_subaffiliate_reward(SALES)
    assert not has_subaffiliate_reward({})


def test_o01_the_difference_names_paths_with_before_and_after() -> None:
    after = _with(
        "rewards.0.percent", "35", _with("schedule.day", ..., _with("schedule.every", "day"))
    )
    after["rewards"].append({"key": "fee", "kind": "flat_fee", "amount": "50.00"})

    assert difference(read_terms(REVENUE_SHARE), read_terms(after)) == [
        Change("schedule.every", "month", "day"),
        Change("schedule.day", "1", None),
        Change("rewards.revenue_share.percent", "30", "35"),
        Change("rewards.fee", None, '{"kind":"flat_fee","amount":"50.00"}'),
    ]


@settings(max_examples=200, deadline=None)
@given(
    day=st.dates(date(2024, 1, 1), date(2029, 12, 31)),
    schedule=st.one_of(
        st.just(Schedule(Every.DAY)),
        st.builds(lambda weekday: Schedule(Every.WEEK, weekday=weekday), st.integers(1, 7)),
        st.builds(lambda start: Schedule(Every.MONTH, day=start), st.integers(1, 31)),
    ),
)
def test_m10_every_business_day_lies_in_exactly_one_period(day: date, schedule: Schedule) -> None:
    period = period_of(schedule, day)

    assert period.first <= day <= period.last
    assert period_of(schedule, period.first) == period_of(schedule, period.last) == period
    following = period_of(schedule, period.last + timedelta(days=1))
    assert following.first == period.last + timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "day", "first", "last"),
    [
        (Schedule(Every.WEEK, weekday=1), "2026-03-10", "2026-03-09", "2026-03-15"),
        (Schedule(Every.WEEK, weekday=3), "2026-03-10", "2026-03-04", "2026-03-10"),
        (Schedule(Every.MONTH, day=1), "2026-02-28", "2026-02-01", "2026-02-28"),
        (Schedule(Every.MONTH, day=15), "2026-03-14", "2026-02-15", "2026-03-14"),
        (Schedule(Every.MONTH, day=31), "2026-02-28", "2026-02-28", "2026-03-30"),
        (Schedule(Every.MONTH, day=31), "2026-03-31", "2026-03-31", "2026-04-29"),
        (Schedule(Every.MONTH, day=30), "2026-01-05", "2025-12-30", "2026-01-29"),
    ],
)
def test_m10_a_period_begins_on_its_day_or_the_last_of_a_shorter_month(
    schedule: Schedule, day: str, first: str, last: str
) -> None:
    expected = Period(date.fromisoformat(first), date.fromisoformat(last))

    assert period_of(schedule, date.fromisoformat(day)) == expected


def test_a09_the_summary_says_what_is_earned_when_and_how() -> None:
    document = _tiered()
    document["qualification"] = {
        "refuse_flagged": True,
        "countries_in": ["DE", "RO"],
        "minimum_deposit_sum": "50.00",
        "within": {"days": 30, "since": "registration"},
    }
    document["caps"] = [
        {"kind": "qualified_players", "window": "period", "reach": "partner_brand", "players": 100}
    ]

    told = "\n".join(summary(read_terms(document)))
    assert told == (
        "You earn a share of casino NGR that depends on what you reach, taken of the sum of all players.\n"
        "By NGR in the period, over all your campaigns on this plan: 25% from 0 EUR; 30% from 10,000 EUR. "
        "A tier includes its start, and each band is paid at its own rate.\n"
        "A player qualifies when it comes from DE or RO, deposits at least 50.00 EUR in all and is not flagged as "
        "fraud or duplicate, counting the day of registration and 30 days after it.\n"
        "At most 100 qualified players are paid in a period, counted over all your campaigns with this brand; "
        "what is above is not paid later.\n"
        "A negative result of all rewards of this plan together is reset to zero, and the next period begins anew.\n"
        "A billing period is a calendar month.\n"
        "A bill is made from 100.00 EUR; less waits for the next period.\n"
        "Amounts are in EUR; everything else is converted at the rate of its day."
    )
