"""The tables. One module per family of words; every model is imported here so that Tortoise finds it."""

from app.models.accounts import OperatorUser, Partner, PartnerUser, Session
from app.models.activity import Activity, Conversion, FactChange, FirstDeposit, Registration
from app.models.brands import Brand, BrandKey, Landing, TrafficSource
from app.models.campaigns import Campaign, Promo
from app.models.events import Event, Recording, RelayPosition, SequenceHead
from app.models.plans import CommissionPlan, PlanAssignment, PlanVersion
from app.models.players import Player
from app.models.postbacks import Postback, PostbackAttempt, PostbackDelivery
from app.models.relations import Affiliation
from app.models.rollups import DailyRollup, RollupPosition
from app.models.visits import Visit, VisitAddress

__all__ = [
    "Activity",
    "Affiliation",
    "Brand",
    "BrandKey",
    "Campaign",
    "CommissionPlan",
    "Conversion",
    "DailyRollup",
    "Event",
    "FactChange",
    "FirstDeposit",
    "Landing",
    "OperatorUser",
    "Partner",
    "PartnerUser",
    "PlanAssignment",
    "PlanVersion",
    "Player",
    "Postback",
    "PostbackAttempt",
    "PostbackDelivery",
    "Promo",
    "Recording",
    "Registration",
    "RelayPosition",
    "RollupPosition",
    "SequenceHead",
    "Session",
    "TrafficSource",
    "Visit",
    "VisitAddress",
]
