"""The tables. One module per family of words; every model is imported here so that Tortoise finds it."""

from app.models.accounts import (
    AccountLink,
    ApiToken,
    AttemptCounter,
    Document,
    Mail,
    Partner,
    PartnerNote,
    PartnerProfile,
    RecoveryCode,
    Session,
    Subject,
    User,
)
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
    "AccountLink",
    "Activity",
    "Affiliation",
    "ApiToken",
    "AttemptCounter",
    "Brand",
    "BrandKey",
    "Campaign",
    "CommissionPlan",
    "Conversion",
    "DailyRollup",
    "Document",
    "Event",
    "FactChange",
    "FirstDeposit",
    "Landing",
    "Mail",
    "Partner",
    "PartnerNote",
    "PartnerProfile",
    "PlanAssignment",
    "PlanVersion",
    "Player",
    "Postback",
    "PostbackAttempt",
    "PostbackDelivery",
    "Promo",
    "Recording",
    "RecoveryCode",
    "Registration",
    "RelayPosition",
    "RollupPosition",
    "SequenceHead",
    "Session",
    "Subject",
    "TrafficSource",
    "User",
    "Visit",
    "VisitAddress",
]
