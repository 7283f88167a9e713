"""Terms that tests use, and a strategy that makes any valid ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from app.infra.money import decimals_of

REVENUE_SHARE: dict[str, Any] = {
    "currency": "EUR",
    "schedule": {"every": "month", "day": 1},
    "hold_days": 0,
    "minimum_bill": "100.00",
    "coins": "convert",
    "rewards": [
        {
            "key": "revenue_share",
            "kind": "percent_of_ngr",
            "percent": "30",
            "product": "casino",
            "mode": "aggregate",
        }
    ],
    "carryover": {"policy": "no_carryover", "reach": "plan"},
}
SALES: dict[str, Any] = {
    "currency": "RON",
    "schedule": {"every": "week", "weekday": 1},
    "hold_days": 30,
    "minimum_bill": "0",
    "coins": "convert",
    "rewards": [{"key": "sale", "kind": "percent_of_sale", "percent": "8"}],
}

REACHES = ("campaign", "plan", "partner_brand")
_MARGINAL = {
    "fixed_per_player": "qualified_players",
    "fixed_per_sale": "sales_count",
    "percent_of_sale": "sales_amount",
    "percent_of_ngr": "ngr",
    "percent_of_deposits": "deposits",
}
_BASES = ("qualified_players", "ngr", "deposits", "sales_count", "sales_amount")
_COUNTED = ("qualified_players", "sales_count")
_AMOUNT_KINDS = ("fixed_per_player", "fixed_per_registration", "fixed_per_lead", "fixed_per_sale")
_PERCENT_KINDS = (
    *("percent_of_sale", "percent_of_ngr", "percent_of_deposits", "percent_of_effective_deposits"),
    *("percent_of_wager", "percent_of_rake"),
)


def amounts(currency: str, *, zero: bool = False) -> st.SearchStrategy[str]:
    """Amounts as people write them: with some decimals, or none."""
    places = decimals_of(currency)
    return st.builds(
        lambda units, shown: f"{Decimal(units).scaleb(-shown):f}",
        st.integers(0 if zero else 1, 10**9),
        st.integers(0, places),
    )


percents = st.one_of(
    st.integers(1, 100).map(str),
    st.integers(1, 1_000_000).map(lambda units: f"{Decimal(units).scaleb(-4):f}"),
)
_countries = st.lists(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2),
    min_size=1,
    max_size=5,
    unique=True,
)


@st.composite
def _tiers(draw: st.DrawFn, kind: str, mode: str | None, currency: str) -> dict[str, Any]:
    marginal = kind in _MARGINAL and mode != "per_player" and draw(st.booleans())
    basis = _MARGINAL[kind] if marginal else draw(st.sampled_from(_BASES))
    starts = sorted(draw(st.sets(st.integers(1, 10**6), min_size=1, max_size=5)))
    rate = amounts(currency, zero=True) if kind in _AMOUNT_KINDS else percents
    name = "amount" if kind in _AMOUNT_KINDS else "percent"
    return {
        "basis": basis,
        "reach": draw(st.sampled_from(REACHES)),
        "rate": "marginal" if marginal else "whole",
        "steps": [{"start": str(start), name: draw(rate)} for start in (0, *starts)],
    }


@st.composite
def _reward(draw: st.DrawFn, key: str, currency: str) -> dict[str, Any]:
    kind = draw(
        st.sampled_from((*_AMOUNT_KINDS, *_PERCENT_KINDS, "flat_fee", "subaffiliate", "manual"))
    )
    reward: dict[str, Any] = {"key": key, "kind": kind}
    if kind == "subaffiliate":
        basis = draw(st.sampled_from(("child_qualified_player", "child_commissions", "child_ngr")))
        fixed = basis == "child_qualified_player"
        rate = amounts(currency) if fixed else percents
        count = draw(st.integers(1, 4))
        name = "amount" if fixed else "percent"
        reward |= {"basis": basis, "levels": [{name: draw(rate)} for _ in range(count)]}
        if basis == "child_commissions":
            reward["with_cpa"] = draw(st.booleans())
        return reward
    if kind == "percent_of_ngr":
        reward["product"] = draw(st.sampled_from(("casino", "sportsbook", "poker", "combined")))
    if kind == "percent_of_wager":
        reward["product"] = draw(st.sampled_from(("casino", "sportsbook", "poker")))
    if reward.get("product") == "combined":
        reward["offset_products"] = draw(st.booleans())
    if kind in _PERCENT_KINDS and kind != "percent_of_sale":
        reward["mode"] = draw(st.sampled_from(("aggregate", "per_player")))
    if kind in ("flat_fee", "manual"):
        return reward | ({"amount": draw(amounts(currency))} if kind == "flat_fee" else {})
    if draw(st.booleans()):
        reward["tiers"] = draw(_tiers(kind, reward.get("mode"), currency))
    elif kind in _AMOUNT_KINDS:
        reward["amount"] = draw(amounts(currency))
    else:
        reward["percent"] = draw(percents)
    return reward


@st.composite
def _qualification(draw: st.DrawFn, currency: str) -> dict[str, Any]:
    found: dict[str, Any] = {"refuse_flagged": draw(st.booleans())}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "minimum_first_deposit": amounts(currency),
        "minimum_deposit_sum": amounts(currency),
        "minimum_deposit_count": st.integers(1, 1_000),
        "minimum_wager": amounts(currency),
        "minimum_ngr": amounts(currency),
        "within": st.fixed_dictionaries(
            {
                "days": st.integers(1, 3_650),
                "since": st.sampled_from(("registration", "first_deposit")),
            }
        ),
        draw(st.sampled_from(("countries_in", "countries_out"))): _countries,
    }
    for name, values in optional.items():
        if draw(st.booleans()):
            found[name] = draw(values)
    return found


@st.composite
def _caps(draw: st.DrawFn, currency: str) -> list[dict[str, Any]]:
    kinds = draw(
        st.sets(
            st.sampled_from(
                [
                    ("qualified_players", "period"),
                    ("qualified_players", "total"),
                    ("commission", "period"),
                ]
            ),
            min_size=1,
        )
    )
    caps = []
    for kind, window in sorted(kinds):
        cap: dict[str, Any] = {
            "kind": kind,
            "window": window,
            "reach": draw(st.sampled_from(REACHES)),
        }
        counted = kind == "qualified_players"
        cap |= (
            {"players": draw(st.integers(1, 10**6))}
            if counted
            else {"amount": draw(amounts(currency))}
        )
        caps.append(cap)
    return caps


def _is_negative(reward: dict[str, Any]) -> bool:
    ngr = reward["kind"] == "percent_of_ngr" and reward["mode"] == "aggregate"
    return ngr or reward.get("basis") == "child_ngr"


_schedules = st.one_of(
    st.just({"every": "day"}),
    st.integers(1, 7).map(lambda day: {"every": "week", "weekday": day}),
    st.integers(1, 31).map(lambda day: {"every": "month", "day": day}),
)


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """Any valid terms, as JSON."""
    currency = draw(st.sampled_from(("EUR", "RON", "JPY", "KWD", "BTC", "ETH")))
    rewards = [
        draw(_reward(f"reward_{place}", currency)) for place in range(draw(st.integers(1, 5)))
    ]
    made: dict[str, Any] = {
        "currency": currency,
        "schedule": draw(_schedules),
        "hold_days": draw(st.integers(0, 365)),
        "minimum_bill": draw(amounts(currency, zero=True)),
        "coins": draw(st.sampled_from(("keep", "convert"))),
        "rewards": rewards,
    }
    if draw(st.booleans()):
        made["caps"] = draw(_caps(currency))
    counts = any(
        reward["kind"] == "fixed_per_player"
        or reward.get("tiers", {}).get("basis") == "qualified_players"
        for reward in rewards
    ) or any(cap["kind"] == "qualified_players" for cap in made.get("caps", ()))
    if counts or draw(st.booleans()):
        made["qualification"] = draw(_qualification(currency))
    if any(_is_negative(reward) for reward in rewards):
        made["carryover"] = {
            "policy": draw(st.sampled_from(("carryover", "no_carryover"))),
            "reach": draw(st.sampled_from(("reward", "plan", "partner_brand"))),
        }
    aggregate = any(r["kind"] == "percent_of_ngr" and r["mode"] == "aggregate" for r in rewards)
    if aggregate and draw(st.booleans()):
        losses = {name: draw(amounts(currency)) for name in ("player_loss", "aggregate_loss")}
        made["high_roller"] = {**losses, "months": draw(st.integers(1, 120))}
    return made
