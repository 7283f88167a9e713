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
from app.models.brands import (
    Banner,
    BannerPartner,
    Brand,
    BrandChange,
    BrandFunding,
    BrandKey,
    BrandSuspension,
    BrandTrafficSource,
    Coupon,
    IntakeSignature,
    Landing,
    Promotion,
    TrafficSource,
)
from app.models.campaigns import Campaign, CampaignPlanMove, Promo
from app.models.events import Event, Recording, RelayPosition, SequenceHead
from app.models.exchange_rates import ExchangeRate
from app.models.plans import CommissionPlan, PlanAssignment, PlanVersion
from app.models.players import Player
from app.models.postbacks import Postback, PostbackAttempt, PostbackDelivery
from app.models.programme import (
    Contact,
    NewsArticle,
    NewsReading,
    TermsAcceptance,
    TermsVersion,
)
from app.models.relations import Affiliation
from app.models.rollups import DailyRollup, RollupPosition
from app.models.visits import DuplicateVisit, FallbackVisit, UniqueVisit, Visit, VisitAddress

__all__ = [
    "AccountLink",
    "Activity",
    "Affiliation",
    "ApiToken",
    "AttemptCounter",
    "Banner",
    "BannerPartner",
    "Brand",
    "BrandChange",
    "BrandFunding",
    "BrandKey",
    "BrandSuspension",
    "BrandTrafficSource",
    "Campaign",
    "CampaignPlanMove",
    "CommissionPlan",
    "Contact",
    "Conversion",
    "Coupon",
    "DailyRollup",
    "Document",
    "DuplicateVisit",
    "Event",
    "ExchangeRate",
    "FactChange",
    "FallbackVisit",
    "FirstDeposit",
    "IntakeSignature",
    "Landing",
    "Mail",
    "NewsArticle",
    "NewsReading",
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
    "Promotion",
    "Recording",
    "RecoveryCode",
    "Registration",
    "RelayPosition",
    "RollupPosition",
    "SequenceHead",
    "Session",
    "Subject",
    "TermsAcceptance",
    "TermsVersion",
    "TrafficSource",
    "UniqueVisit",
    "User",
    "Visit",
    "VisitAddress",
]
