"""The built-in variables of postbacks: what each is, and for which actions it has a value (A14)."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.postbacks.actions import (
    COMMISSION_ACTIONS,
    CONVERSION_ACTIONS,
    EVERY_ACTION,
    Action,
)

# `${tag.<name>}` is the link's parameter of that name, whatever it is called.
TAG_PREFIX = "tag."


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that the server fills in. `sample` is a value as it comes, before URL encoding."""

    name: str
    description: str
    sample: str
    actions: frozenset[Action] = EVERY_ACTION


_OF_COMMISSIONS = COMMISSION_ACTIONS - {Action.QUALIFICATION}
_WITH_AMOUNT = EVERY_ACTION - {Action.REGISTRATION, Action.QUALIFICATION}

VARIABLES = (
    Variable("promo_id", "The number of the promo.", "1024"),
    Variable("promo_code", "The path of the tracking link.", "k7m2xq9rt"),
    Variable("campaign_id", "The number of the campaign.", "311"),
    Variable("campaign_name", "The name of the campaign.", "Spring reviews"),
    Variable("brand_id", "The number of the brand.", "3"),
    Variable("partner_id", "The number of your account.", "77"),
    Variable("traffic_source", "The traffic source that the promo states.", "SEO"),
    Variable(
        "visit_id",
        "The link's own parameter visit_id when it carries one, else our id of the click.",
        "7361526448128001",
    ),
    Variable(
        "click_id",
        "Our id of the click, also when the link carries a visit_id.",
        "7361526448128001",
    ),
    Variable(
        "stag", "What the brand got with the visitor: promo and click.", "1024_7361526448128001"
    ),
    Variable(
        "player_id",
        "Our number of the player; it names nobody. Of a sale or lead where the brand tells which of your players it "
        "is.",
        "90210",
    ),
    Variable(
        "user_id",
        "The same as player_id: the brand's own number of its customer is not given away.",
        "90210",
    ),
    Variable("action", "What happened, such as first_deposit.", "first_deposit"),
    Variable(
        "event_id",
        "The number of the event: the same whenever it is sent again, so that you can tell repeats.",
        "550123",
    ),
    Variable(
        "amount",
        "The amount of the deposit, sale or lead, as a decimal such as 25.5.",
        "25.5",
        _WITH_AMOUNT,
    ),
    Variable(
        "amount_cents",
        "The amount as a whole number of the currency's smallest unit: 2550 for 25.50 EUR, 25 for 25 JPY.",
        "2550",
        _WITH_AMOUNT,
    ),
    Variable(
        "currency", "The currency of the amount, or the player's, as an ISO 4217 code.", "EUR"
    ),
    Variable("country", "ISO 3166 code of the player's country; ZZ when it is unknown.", "RO"),
    Variable("device_type", "desktop, mobile, tablet or unknown.", "mobile"),
    Variable("language", "The visitor's language, else the player's.", "ro-RO"),
    Variable("occurred_at", "When it happened, ISO 8601 in UTC.", "2026-03-10T12:00:00+00:00"),
    Variable("ip", "The visitor's address, while the server keeps it.", "203.0.113.9"),
    Variable(
        "first_deposit_amount",
        "The amount of the player's first deposit, once there is one.",
        "25.5",
        EVERY_ACTION - {Action.REGISTRATION},
    ),
    Variable("commission_id", "The number of the commission.", "4711", COMMISSION_ACTIONS),
    Variable("commission_amount", "What you earn, as a decimal.", "40", COMMISSION_ACTIONS),
    Variable("commission_currency", "The currency of what you earn.", "EUR", COMMISSION_ACTIONS),
    Variable(
        "transaction_id",
        "The brand's number of the sale or lead.",
        "T-20391",
        CONVERSION_ACTIONS | _OF_COMMISSIONS,
    ),
)
BUILT_IN = {variable.name: variable for variable in VARIABLES}


def is_tag(name: str) -> bool:
    """Whether the name stands for a parameter of the link."""
    return name not in BUILT_IN


def tag_of(name: str) -> str:
    """The name of the link's parameter that a variable stands for."""
    return name.removeprefix(TAG_PREFIX)
