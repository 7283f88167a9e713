"""What operators and advertisers see of a brand beyond its public face (admin schema only): settings and balance."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.brands import commands
from app.domain.brands.funding import FundingFilter
from app.domain.brands.redirect_arguments import MACROS
from app.domain.permissions import Permission
from app.infra import money
from app.resolvers.brands import load_metric_standings
from app.schema.context import context_of, scope_of
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import CountryCode, CurrencyCode, Url
from app.schema.types.metric_source import MetricSource
from app.schema.types.money import Money
from app.schema.types.offer import Brand

_MACROS = ", ".join(f"%%{name}%%" for name in MACROS)


@strawberry.type(description="A parameter that every redirect to the brand carries.")
class RedirectArgument:
    name: str = strawberry.field(description="Of the query parameter, such as aff.")
    template: str = strawberry.field(description=f"Its value, with macros: {_MACROS}.")


@strawberry.type(description="How a brand is set up.")
class BrandSettings(Node):
    code: str = strawberry.field(description="The public code in network links.")
    slug: str = strawberry.field(description="The name in addresses, such as lucky-otter-casino.")
    domains: list[str] = strawberry.field(
        description="Hosts that network links may lead to, each with its subdomains; that of the main URL always may."
    )
    stag_parameter: str = strawberry.field(
        description="The query parameter that carries the click to the brand, such as stag."
    )
    redirect_arguments: list[RedirectArgument] = strawberry.field(
        description="What every redirect carries besides."
    )
    ignored_ips: list[str] = strawberry.field(
        description="Addresses and networks whose visits are kept and not counted (A12)."
    )
    server_last_click: bool = strawberry.field(
        description="A later click of the same visitor wins over the stag that the brand sends (M01)."
    )
    coupon_first: bool = strawberry.field(
        description="A coupon wins over the stag that the brand sends (M02)."
    )
    prepaid: bool = strawberry.field(
        description="It pays in advance; without funds it is suspended."
    )
    complete_through: datetime | None = strawberry.field(
        description="Up to when the brand says it has reported everything, in UTC; null: it never said (M26)."
    )
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Brand]

    @strawberry.field(description="The brand as everybody sees it.")
    async def brand(self) -> Brand:
        return Brand.of(self.row)

    @strawberry.field(
        description="For each metric: what counts, activity or events, and whether what is reported counts (W3)."
    )
    async def metric_sources(self, info: Info[Any, Any]) -> list[MetricSource]:
        found = await context_of(info).loaders.batched(load_metric_standings, self.row.id)
        return [MetricSource.of(each) for each in found]

    @strawberry.field(
        description="What is left of its deposits; null without the permission `read_funding`."
    )
    async def funding_balance(self, info: Info[Any, Any]) -> Money | None:
        if Permission.READ_FUNDING not in scope_of(info).permissions:
            return None
        return Money.of(money.Money(self.row.funding_balance, self.row.currency))

    @classmethod
    def of(cls, row: models.Brand) -> BrandSettings:
        """From the model."""
        return cls(
            id=encode_id("BrandSettings", row.id),
            code=row.code,
            slug=row.slug,
            domains=list(row.domains),
            stag_parameter=row.stag_parameter,
            redirect_arguments=[
                RedirectArgument(name=name, template=template)
                for name, template in row.redirect_arguments
            ],
            ignored_ips=list(row.ignored_ips),
            server_last_click=row.server_last_click,
            coupon_first=row.coupon_first,
            prepaid=row.prepaid,
            complete_through=row.complete_through,
            created_at=row.created_at,
            row=row,
        )


@strawberry.enum(description="What a line of a prepaid balance is.")
class BrandFundingKind(Enum):
    DEPOSIT = strawberry.enum_value("deposit", description="Paid in by the brand.")
    CHARGE = strawberry.enum_value("charge", description="Spent on commissions.")
    CORRECTION = strawberry.enum_value("correction", description="Put right by an operator.")


@strawberry.type(description="One line of a prepaid brand's balance; it never changes.")
class BrandFunding(Node):
    kind: BrandFundingKind = strawberry.field(description="What it is.")
    amount: Money = strawberry.field(description="Signed.")
    balance: Money = strawberry.field(description="After this line.")
    comment: str = strawberry.field(description="Such as Invoice 2026-031.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.BrandFunding]

    @strawberry.field(description="Whose balance.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.BrandFunding) -> BrandFunding:
        """From the model."""
        return cls(
            id=encode_id("BrandFunding", row.id),
            kind=BrandFundingKind(row.kind),
            amount=Money.of(money.Money(row.amount, row.currency)),
            balance=Money.of(money.Money(row.balance, row.currency)),
            comment=row.comment,
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which lines of prepaid balances.")
class BrandFundingFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    kind: BrandFundingKind | None = strawberry.field(default=None, description="Only of this kind.")

    def to_domain(self) -> FundingFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        brand_id = decode_optional_id("Brand", self.brand_id, "brandId")
        return FundingFilter(brand_id, str(self.kind.value) if self.kind else None)


@strawberry.input(description="A parameter that every redirect to the brand carries.")
class RedirectArgumentInput:
    name: str = strawberry.field(description="At most 64 letters, digits and . _ - [ ].")
    template: str = strawberry.field(description=f"At most 500 characters, with {_MACROS}.")


@strawberry.input(description="A new brand.")
class CreateBrandInput:
    name: str = strawberry.field(description="At most 200 characters.")
    category: str = strawberry.field(description="Such as casino or shop.")
    main_url: Url = strawberry.field(description="Its site.")
    currency: CurrencyCode = strawberry.field(description="Its own currency.")
    time_zone: str = strawberry.field(
        description="The zone of its business day, such as Europe/Malta; fixed once something happens."
    )
    countries: list[CountryCode] = strawberry.field(
        default_factory=list, description="Where it sells; none: everywhere."
    )
    domains: list[str] = strawberry.field(
        default_factory=list, description="Hosts that network links may lead to, at most 100."
    )
    stag_parameter: str = strawberry.field(
        default="stag", description="The query parameter that carries the click to the brand."
    )
    cookie_days: int = strawberry.field(default=30, description="1 to 365.")
    approval_days: int = strawberry.field(default=30, description="0 to 365.")
    default_sale_percent: Decimal | None = strawberry.field(
        default=None, description="In percent of a sale, with at most four decimals."
    )
    default_lead_amount: Decimal | None = strawberry.field(
        default=None, description="For each lead, in the brand's currency."
    )

    def to_domain(self) -> commands.NewBrand:
        """The domain's value."""
        return commands.NewBrand(
            self.name,
            self.category,
            self.main_url,
            self.currency,
            self.time_zone,
            self.countries,
            self.domains,
            self.stag_parameter,
            self.cookie_days,
            self.approval_days,
            self.default_sale_percent,
            self.default_lead_amount,
        )


@strawberry.input(
    description="What to change of a brand; what is left out stays. Cookie life, approval time and default rates "
    "are announced with `announceBrandChange`."
)
class EditBrandInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    name: str | None = strawberry.field(default=None, description="At most 200 characters.")
    category: str | None = strawberry.field(default=None, description="Such as casino or shop.")
    main_url: Url | None = strawberry.field(default=None, description="Its site.")
    currency: CurrencyCode | None = strawberry.field(
        default=None, description="Only while nothing was counted in it."
    )
    time_zone: str | None = strawberry.field(
        default=None, description="Only while the brand has no facts (M42)."
    )
    countries: list[CountryCode] | None = strawberry.field(
        default=None, description="All of them; an empty list: everywhere."
    )
    domains: list[str] | None = strawberry.field(
        default=None, description="All of them, at most 100."
    )
    stag_parameter: str | None = strawberry.field(
        default=None, description="The query parameter that carries the click to the brand."
    )
    redirect_arguments: list[RedirectArgumentInput] | None = strawberry.field(
        default=None, description="All of them, at most 20."
    )
    ignored_ips: list[str] | None = strawberry.field(
        default=None, description="All of them: addresses and networks, at most 1,000."
    )
    server_last_click: bool | None = strawberry.field(
        default=None, description="Whether a later click wins over the stag (M01)."
    )
    coupon_first: bool | None = strawberry.field(
        default=None, description="Whether a coupon wins over the stag (M02)."
    )

    def to_domain(self) -> commands.BrandEdit:
        """The domain's value."""
        arguments = self.redirect_arguments
        return commands.BrandEdit(
            name=self.name,
            category=self.category,
            main_url=self.main_url,
            currency=self.currency,
            time_zone=self.time_zone,
            countries=self.countries,
            domains=self.domains,
            stag_parameter=self.stag_parameter,
            redirect_arguments=None
            if arguments is None
            else [(item.name, item.template) for item in arguments],
            ignored_ips=self.ignored_ips,
            server_last_click=self.server_last_click,
            coupon_first=self.coupon_first,
        )


@strawberry.input(description="A brand, and why.")
class BrandReasonInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    reason: str = strawberry.field(description="At most 500 characters; kept in the event log.")


@strawberry.input(description="The brands that come first.")
class SortBrandsInput:
    brand_ids: list[strawberry.ID] = strawberry.field(
        description="In their new order, at most 500; the others keep theirs behind them."
    )


@strawberry.input(description="A deposit or correction of a prepaid balance.")
class BrandFundingInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    amount: Decimal = strawberry.field(
        description="In the brand's currency; a correction may have a minus."
    )
    comment: str = strawberry.field(description="At most 500 characters, such as an invoice.")


@strawberry.input(description="Whether a brand pays in advance.")
class SetBrandPrepaidInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    prepaid: bool = strawberry.field(
        description="A prepaid brand without funds is suspended at once."
    )


@strawberry.type(description="The brand, or why there is none.")
class BrandPayload:
    brand: Brand | None = strawberry.field(default=None, description="As it is now.")
    settings: BrandSettings | None = strawberry.field(default=None, description="As they are now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )

    @classmethod
    def of(cls, row: models.Brand) -> BrandPayload:
        """From the model."""
        return cls(brand=Brand.of(row), settings=BrandSettings.of(row))


@strawberry.type(description="The sorted brands, or why nothing was sorted.")
class BrandsPayload:
    brands: list[Brand] | None = strawberry.field(default=None, description="In their new order.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The line of the balance, or why there is none.")
class BrandFundingPayload:
    funding: BrandFunding | None = strawberry.field(default=None, description="The new line.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )

    @classmethod
    def of(cls, row: models.BrandFunding) -> BrandFundingPayload:
        """From the model."""
        return cls(funding=BrandFunding.of(row))
