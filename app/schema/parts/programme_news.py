"""What the programme tells its partners: news, contacts, terms (A69)."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from app.domain.contacts import reads as contact_reads
from app.domain.news import reads as news_reads
from app.domain.partners import sub_affiliates
from app.domain.terms import commands as terms_commands
from app.domain.terms import reads as terms_reads
from app.domain.terms.present import present_terms
from app.schema.connections import connection
from app.schema.context import context_of, scope_of, visitor_scope
from app.schema.fields import Access, mutation, permission_of, query
from app.schema.ids import decode_id, decode_optional_id
from app.schema.scalars import Count
from app.schema.types.contact import Contact, PersonalContact
from app.schema.types.news import (
    MarkAllNewsReadPayload,
    MarkNewsReadPayload,
    NewsArticle,
    NewsArticleInput,
    NewsFilterInput,
)
from app.schema.types.sub_affiliate import SubAffiliate
from app.schema.types.terms import (
    AcceptTermsPayload,
    PresentTerms,
    TermsDifference,
    TermsFilterInput,
    TermsInput,
    TermsVersion,
)

Older = Annotated[strawberry.ID, strawberry.argument(description="The version before.")]
Newer = Annotated[strawberry.ID, strawberry.argument(description="The version after it.")]
_Brand = Annotated[
    strawberry.ID | None, strawberry.argument(description="A brand; none: the programme itself.")
]


@strawberry.type
class ProgrammeQueries:
    news = connection(
        NewsArticle,
        news_reads.news,
        news_reads.NewsOrder,
        NewsFilterInput,
        "News of the programme and of your brands (A69).",
    )
    contacts = connection(
        Contact,
        contact_reads.contacts,
        contact_reads.ContactOrder,
        None,
        "Whom you may write to: of the programme and of your brands (A69).",
    )
    terms = connection(
        TermsVersion,
        terms_reads.terms,
        terms_reads.TermsOrder,
        TermsFilterInput,
        "Published terms of the programme, and of every brand that you have a relation to (A69).",
    )
    terms_to_accept = connection(
        TermsVersion,
        terms_reads.terms_to_accept,
        terms_reads.TermsOrder,
        None,
        "Published terms, in force or to come, that wait for your account to accept them (A69).",
    )
    sub_affiliates = connection(
        SubAffiliate,
        sub_affiliates.sub_affiliates,
        sub_affiliates.SubAffiliateOrder,
        None,
        "The partners that registered by your links (A39).",
    )

    @query(permission_of(news_reads.unread_count), "How many news you have not read (A69).")
    async def unread_news_count(self, info: Info[Any, Any]) -> Count:
        return Count(await news_reads.unread_count(scope_of(info)))

    @query(
        permission_of(contact_reads.personal_manager),
        "The operator who looks after your account; null when there is none (A69).",
    )
    async def personal_contact(self, info: Info[Any, Any]) -> PersonalContact | None:
        subject_id = await contact_reads.personal_manager(scope_of(info))
        if subject_id is None:
            return None
        person = await context_of(info).loaders.person(subject_id)
        return PersonalContact(name=str(person.get("name", "")), email=str(person.get("email", "")))

    @query(
        Access.PUBLIC,
        "The terms in force, of the programme or of a brand; null when there are none (A60, A69).",
    )
    async def present_terms(
        self, info: Info[Any, Any], brand_id: _Brand = None
    ) -> PresentTerms | None:
        wanted = decode_optional_id("Brand", brand_id, "brandId")
        found = await present_terms(visitor_scope(info), wanted)
        return PresentTerms.of(found) if found else None

    @query(permission_of(terms_reads.difference), "How one version of terms became another (A69).")
    async def terms_difference(
        self, info: Info[Any, Any], older_id: Older, newer_id: Newer
    ) -> TermsDifference:
        return TermsDifference(
            lines=await terms_reads.difference(
                scope_of(info),
                decode_id("TermsVersion", older_id, "olderId"),
                decode_id("TermsVersion", newer_id, "newerId"),
            )
        )


@strawberry.type
class ProgrammeMutations:
    @mutation(permission_of(news_reads.mark_read), "Mark an article as read (A69).")
    async def mark_news_read(
        self, info: Info[Any, Any], input: NewsArticleInput
    ) -> MarkNewsReadPayload:
        article_id = decode_id("NewsArticle", input.article_id, "articleId")
        row = await news_reads.mark_read(scope_of(info), article_id)
        return MarkNewsReadPayload(article=NewsArticle.of(row))

    @mutation(permission_of(news_reads.mark_all_read), "Mark all news as read (A69).")
    async def mark_all_news_read(self, info: Info[Any, Any]) -> MarkAllNewsReadPayload:
        return MarkAllNewsReadPayload(marked=Count(await news_reads.mark_all_read(scope_of(info))))

    @mutation(
        permission_of(terms_commands.accept_terms),
        "Accept a published version of terms for your account; again changes nothing. One that another has replaced is "
        "refused (A69).",
    )
    async def accept_terms(self, info: Info[Any, Any], input: TermsInput) -> AcceptTermsPayload:
        terms_id = decode_id("TermsVersion", input.terms_id, "termsId")
        row = await terms_commands.accept_terms(scope_of(info), terms_id)
        return AcceptTermsPayload(terms=TermsVersion.of(row))
