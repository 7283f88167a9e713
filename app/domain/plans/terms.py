"""The terms of a plan version: what a partner earns, for what, and when (M10 to M17, M1C)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUBAFFILIATE = "subaffiliate"


def has_subaffiliate_reward(terms: Mapping[str, Any]) -> bool:
    """Whether these terms pay for sub-affiliates: without that, landings for them are not offered (A05)."""
    return any(reward.get("kind") == SUBAFFILIATE for reward in terms.get("rewards", ()))
