"""Permissions, the roles that grant them, and how a domain function declares the one that it needs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from app.domain.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from app.domain.scope import Scope

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Permission(StrEnum):
    """What an actor may do."""

    # Partners and staff
    READ_ACCOUNT = "read_account"
    READ_OFFERS = "read_offers"
    READ_CAMPAIGNS = "read_campaigns"
    MANAGE_CAMPAIGNS = "manage_campaigns"
    READ_REPORTS = "read_reports"
    READ_EVENTS = "read_events"
    # Partners: the account itself
    MANAGE_TEAM = "manage_team"
    MANAGE_DOCUMENTS = "manage_documents"
    MANAGE_API_TOKENS = "manage_api_tokens"
    # Staff
    READ_PARTNERS = "read_partners"
    MANAGE_PARTNERS = "manage_partners"
    MANAGE_AFFILIATIONS = "manage_affiliations"
    REVIEW_DOCUMENTS = "review_documents"
    # What the whole programme shares: which brands there are, their order, the traffic sources
    MANAGE_PROGRAMME = "manage_programme"
    # A brand's settings, announced changes, policies and coupons
    MANAGE_BRANDS = "manage_brands"
    # A prepaid brand's balance
    READ_FUNDING = "read_funding"
    MANAGE_FUNDING = "manage_funding"
    # Campaigns and promos of any partner
    MANAGE_PARTNER_CAMPAIGNS = "manage_partner_campaigns"
    # The offer material: landings, banners, promotions
    MANAGE_OFFERS = "manage_offers"
    # Commission plans, their versions and who may use them
    MANAGE_PLANS = "manage_plans"
    # News, contacts and terms
    MANAGE_CONTENT = "manage_content"
    # What currencies are worth, day by day
    READ_EXCHANGE_RATES = "read_exchange_rates"
    MANAGE_EXCHANGE_RATES = "manage_exchange_rates"
    MANAGE_STAFF = "manage_staff"
    MANAGE_BRAND_KEYS = "manage_brand_keys"
    ERASE_PERSONS = "erase_persons"
    # Brands' platforms, and the server itself
    SEND_BRAND_DATA = "send_brand_data"
    OPERATE = "operate"


class PartnerRole(StrEnum):
    """What a team member of a partner is."""

    OWNER = "owner"
    MANAGER = "manager"
    FINANCE = "finance"
    VIEWER = "viewer"


class StaffRole(StrEnum):
    """What an operator user is."""

    OWNER = "owner"
    AFFILIATE_MANAGER = "affiliate_manager"
    FINANCE = "finance"
    CONTENT = "content"
    SUPPORT = "support"
    ADVERTISER = "advertiser"


_READ = frozenset(
    {
        Permission.READ_ACCOUNT,
        Permission.READ_OFFERS,
        Permission.READ_CAMPAIGNS,
        Permission.READ_REPORTS,
    }
)
_MEMBER = _READ | {Permission.MANAGE_API_TOKENS}
_STAFF = _READ | {
    Permission.READ_PARTNERS,
    Permission.MANAGE_API_TOKENS,
    Permission.READ_EXCHANGE_RATES,
}

PARTNER_PERMISSIONS: dict[PartnerRole, frozenset[Permission]] = {
    PartnerRole.OWNER: _MEMBER
    | {
        Permission.MANAGE_CAMPAIGNS,
        Permission.MANAGE_TEAM,
        Permission.MANAGE_DOCUMENTS,
        Permission.READ_EVENTS,
    },
    PartnerRole.MANAGER: _MEMBER | {Permission.MANAGE_CAMPAIGNS, Permission.READ_EVENTS},
    PartnerRole.FINANCE: _MEMBER | {Permission.MANAGE_DOCUMENTS, Permission.READ_EVENTS},
    PartnerRole.VIEWER: _READ,
}
STAFF_PERMISSIONS: dict[StaffRole, frozenset[Permission]] = {
    StaffRole.OWNER: _STAFF
    | {
        Permission.MANAGE_CAMPAIGNS,
        Permission.READ_EVENTS,
        Permission.MANAGE_PARTNERS,
        Permission.MANAGE_AFFILIATIONS,
        Permission.REVIEW_DOCUMENTS,
        Permission.MANAGE_PROGRAMME,
        Permission.MANAGE_BRANDS,
        Permission.READ_FUNDING,
        Permission.MANAGE_FUNDING,
        Permission.MANAGE_PARTNER_CAMPAIGNS,
        Permission.MANAGE_OFFERS,
        Permission.MANAGE_PLANS,
        Permission.MANAGE_CONTENT,
        Permission.MANAGE_EXCHANGE_RATES,
        Permission.MANAGE_STAFF,
        Permission.MANAGE_BRAND_KEYS,
        Permission.ERASE_PERSONS,
    },
    StaffRole.AFFILIATE_MANAGER: _STAFF
    | {
        Permission.MANAGE_CAMPAIGNS,
        Permission.READ_EVENTS,
        Permission.MANAGE_PARTNERS,
        Permission.MANAGE_AFFILIATIONS,
        Permission.MANAGE_PROGRAMME,
        Permission.MANAGE_BRANDS,
        Permission.READ_FUNDING,
        Permission.MANAGE_PARTNER_CAMPAIGNS,
        Permission.MANAGE_OFFERS,
        Permission.MANAGE_PLANS,
        Permission.MANAGE_CONTENT,
        Permission.REVIEW_DOCUMENTS,
    },
    StaffRole.FINANCE: _STAFF
    | {
        Permission.READ_EVENTS,
        Permission.REVIEW_DOCUMENTS,
        Permission.READ_FUNDING,
        Permission.MANAGE_FUNDING,
        Permission.MANAGE_EXCHANGE_RATES,
    },
    StaffRole.CONTENT: _STAFF | {Permission.MANAGE_OFFERS, Permission.MANAGE_CONTENT},
    StaffRole.SUPPORT: _STAFF | {Permission.READ_EVENTS},
    # Limited to its brands by its scope besides.
    StaffRole.ADVERTISER: _STAFF
    | {
        Permission.MANAGE_AFFILIATIONS,
        Permission.MANAGE_BRANDS,
        Permission.READ_FUNDING,
        Permission.MANAGE_OFFERS,
    },
}
BRAND_PERMISSIONS = frozenset({Permission.SEND_BRAND_DATA})
SYSTEM_PERMISSIONS = frozenset(Permission)


def requires(
    permission: Permission,
) -> Callable[
    [Callable[Concatenate[Scope, Parameters], Awaitable[Result]]],
    Callable[Concatenate[Scope, Parameters], Awaitable[Result]],
]:
    """Declare the permission of a domain function; it raises Forbidden before anything is read."""

    def decorate(
        function: Callable[Concatenate[Scope, Parameters], Awaitable[Result]],
    ) -> Callable[Concatenate[Scope, Parameters], Awaitable[Result]]:
        @wraps(function)
        async def checked(
            scope: Scope, *args: Parameters.args, **kwargs: Parameters.kwargs
        ) -> Result:
            if permission not in scope.permissions:
                raise Forbidden(
                    f"this needs the permission {permission.value}", permission=permission.value
                )
            return await function(scope, *args, **kwargs)

        checked.__dict__["permission"] = permission
        return cast("Callable[Concatenate[Scope, Parameters], Awaitable[Result]]", checked)

    return decorate
