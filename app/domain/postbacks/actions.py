"""What makes a postback fire: the actions, and the events of the log that stand for them (A13)."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What makes a postback fire."""

    REGISTRATION = "registration"
    FIRST_DEPOSIT = "first_deposit"
    DEPOSIT = "deposit"
    QUALIFICATION = "qualification"
    SALE = "sale"
    LEAD = "lead"
    COMMISSION_ACCEPTED = "commission_accepted"
    COMMISSION_REJECTED = "commission_rejected"
    ANY = "any"


# The last three are recorded by whatever computes commissions. Like the others they carry `promo_id`, and `visit_id`
# where there is one; besides: `player_id`, `commission_id`, `commission_amount`, `commission_currency`,
# `transaction_id`, `amount` and `currency`, each where it applies. Their subject is the player or the commission.
ACTION_OF_EVENT = {
    "player.registered": Action.REGISTRATION,
    "player.first_deposited": Action.FIRST_DEPOSIT,
    "player.deposited": Action.DEPOSIT,
    "sale.recorded": Action.SALE,
    "lead.recorded": Action.LEAD,
    "player.qualified": Action.QUALIFICATION,
    "commission.accepted": Action.COMMISSION_ACCEPTED,
    "commission.rejected": Action.COMMISSION_REJECTED,
}
EVENT_OF_ACTION = {action: event for event, action in ACTION_OF_EVENT.items()}

CONVERSION_ACTIONS = frozenset({Action.SALE, Action.LEAD})
COMMISSION_ACTIONS = frozenset(
    {Action.QUALIFICATION, Action.COMMISSION_ACCEPTED, Action.COMMISSION_REJECTED}
)
EVERY_ACTION = frozenset(set(Action) - {Action.ANY})
