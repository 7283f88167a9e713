"""The commission plans of the demo: a default for each brand, one with tiers, one that pays for sub-affiliates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.domain.plans.commands import NewPlan, assign_plan, create_plan, set_plan_enabled
from app.domain.plans.versions import draft_version, publish_version, revision_of
from app.domain.scope import Scope
from app.models import Brand, Partner

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
    "schedule": {"every": "month", "day": 1},
    "hold_days": 0,
    "minimum_bill": "50.00",
    "coins": "convert",
    "rewards": [{"key": "sale", "kind": "percent_of_sale", "percent": "8"}],
}


def _tiered(cpa: str) -> dict[str, Any]:
    """A hybrid: a share of NGR by tiers, and an amount for each qualified player."""
    steps = (("0", "25"), ("10000", "30"), ("50000", "35"))
    return {
        **REVENUE_SHARE,
        "hold_days": 14,
        "rewards": [
            {
                "key": "revenue_share",
                "kind": "percent_of_ngr",
                "product": "casino",
                "mode": "aggregate",
                "tiers": {
                    "basis": "ngr",
                    "reach": "plan",
                    "rate": "marginal",
                    "steps": [{"start": start, "percent": percent} for start, percent in steps],
                },
            },
            {"key": "cpa", "kind": "fixed_per_player", "amount": cpa},
        ],
        "qualification": {
            "refuse_flagged": True,
            "minimum_first_deposit": "20.00",
            "minimum_wager": "100.00",
            "within": {"days": 30, "since": "registration"},
        },
        "carryover": {"policy": "carryover", "reach": "plan"},
        "high_roller": {"player_loss": "7000.00", "aggregate_loss": "2000.00", "months": 3},
        "caps": [
            {"kind": "qualified_players", "window": "period", "reach": "plan", "players": 200}
        ],
    }


_SUBAFFILIATES: dict[str, Any] = {
    **SALES,
    "rewards": [
        *SALES["rewards"],
        {
            "key": "subaffiliates",
            "kind": "subaffiliate",
            "basis": "child_commissions",
            "with_cpa": False,
            "levels": [{"percent": "5"}, {"percent": "1.5"}],
        },
    ],
}


async def make_individual_plans(scope: Scope, casino: Brand, shop: Brand, partner: Partner) -> None:
    """The plans that one partner has besides the defaults, as of the scope's time.

    The one with tiers has a second version after two months, and a third that is announced when the demo begins.
    """
    tiers = await create_plan(
        scope, NewPlan(casino.id, "Tiers and CPA", "For partners with many players.")
    )
    for cpa, days in (("40.00", None), ("50.00", 60), ("60.00", 150)):
        valid_from = None if days is None else scope.now() + timedelta(days=days)
        version = await draft_version(scope, tiers.id, _tiered(cpa))
        await publish_version(scope, version.id, revision_of(version.terms), valid_from)
    bring = await create_plan(
        scope, NewPlan(shop.id, "8% and sub-affiliates", "For who brings others.")
    )
    version = await draft_version(scope, bring.id, _SUBAFFILIATES)
    await publish_version(scope, version.id, revision_of(version.terms), None)
    for plan in (tiers, bring):
        await set_plan_enabled(scope, plan.id, enabled=True)
        await assign_plan(scope, plan.id, [partner.id])
