"""Terms in GraphQL, as partners read them (A69, X04)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.terms import present
from app.domain.terms.reads import TermsFilter
from app.resolvers.programme import load_acceptance, load_present
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.fields import COST
from app.schema.ids import decode_optional_id, encode_id
from app.schema.markdown import html_of
from app.schema.node import Node
from app.schema.types.news import HTML, HTML_COST, brand_of
from app.schema.types.offer import Brand


@strawberry.type(description="That your account accepted a version.")
class TermsAcceptance:
    accepted_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.TermsAcceptance]

    @strawberry.field(description="The team member who did, such as Paula Partner.")
    async def accepted_by(self, info: Info[Any, Any]) -> str | None:
        if self.row.user_id is None:
            return None
        return await context_of(info).loaders.actor_name(self.row.user_id)


@strawberry.type(description="One published version of the terms; it never changes.")
class TermsVersion(Node):
    number: int = strawberry.field(description="Consecutive for each brand, from 1.")
    body: str = strawberry.field(description="Markdown.")
    published_at: datetime | None = strawberry.field(description="UTC.")
    effective_at: datetime | None = strawberry.field(description="UTC; in force from then on.")
    row: strawberry.Private[models.TermsVersion]

    @strawberry.field(description=HTML, metadata={COST: HTML_COST})
    def body_html(self) -> str:
        return html_of(self.body)

    @strawberry.field(description="Whose terms they are; null: the whole programme's.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        return await brand_of(info, self.row.brand_id)

    @strawberry.field(description="Whether this version is in force now.")
    async def present(self, info: Info[Any, Any]) -> bool:
        return await context_of(info).loaders.batched(load_present, self.row.id)

    @strawberry.field(description="When and by whom your account accepted it; null: not yet.")
    async def acceptance(self, info: Info[Any, Any]) -> TermsAcceptance | None:
        row = await context_of(info).loaders.batched(load_acceptance, self.row.id)
        return TermsAcceptance(accepted_at=row.accepted_at, row=row) if row else None

    @classmethod
    def of(cls, row: models.TermsVersion) -> TermsVersion:
        """From the model."""
        return cls(
            id=encode_id("TermsVersion", row.id),
            number=row.number,
            body=row.body,
            published_at=row.published_at,
            effective_at=row.effective_at,
            row=row,
        )


@strawberry.type(description="The terms in force, for whoever registers or applies to a brand.")
class PresentTerms:
    number: int = strawberry.field(description="Send it as acceptTermsVersion, such as 3.")
    body: str = strawberry.field(description="Markdown.")
    effective_at: datetime = strawberry.field(description="UTC; in force since then.")

    @strawberry.field(description=HTML, metadata={COST: HTML_COST})
    def body_html(self) -> str:
        return html_of(self.body)

    @classmethod
    def of(cls, value: present.PresentTerms) -> PresentTerms:
        """From the domain's value."""
        return cls(number=value.number, body=value.body, effective_at=value.effective_at)


@strawberry.type(description="How one version became another.")
class TermsDifference:
    lines: list[str] = strawberry.field(
        description="A unified diff: lines that went start with -, new ones with +, others with a space. "
        "Empty when nothing changed."
    )


@strawberry.input(description="Which versions of terms.")
class TermsFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    programme: bool = strawberry.field(
        default=False, description="True: only those of the programme itself."
    )

    def to_domain(self) -> TermsFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return TermsFilter(decode_optional_id("Brand", self.brand_id, "brandId"), self.programme)


@strawberry.input(description="A version of terms.")
class TermsInput:
    terms_id: strawberry.ID = strawberry.field(description="The version.")


@strawberry.type(description="The version, or why nothing was done.")
class AcceptTermsPayload:
    terms: TermsVersion | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
