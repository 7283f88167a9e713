"""What operators tell partners: news, contacts and terms are written, published and taken back (A69, O21)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.contacts import commands as contact_commands
from app.domain.contacts import reads as contacts
from app.domain.news import commands as news_commands
from app.domain.news import reads as news
from app.domain.terms import commands as terms_commands
from app.domain.terms import reads as terms
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of, query
from app.schema.ids import decode_id, decode_optional_id
from app.schema.parts.programme_news import Newer, Older
from app.schema.types.contact import Contact
from app.schema.types.news import NewsArticleInput
from app.schema.types.staff_programme import (
    ArticleFilterInput,
    ContactInput,
    ContactPayload,
    CreateContactInput,
    CreateNewsArticleInput,
    DraftTermsInput,
    EditContactInput,
    EditNewsArticleInput,
    EditTermsInput,
    NewsArticle,
    NewsArticlePayload,
    PublishNewsArticleInput,
    PublishTermsInput,
    SortContactsInput,
    SortContactsPayload,
    TermsAcceptance,
    TermsAcceptanceFilterInput,
    TermsPayload,
    TermsVersion,
)
from app.schema.types.terms import TermsDifference, TermsFilterInput, TermsInput
from app.schema.types.users import DonePayload


@strawberry.type
class StaffProgrammeQueries:
    news_articles = connection(
        NewsArticle,
        news.articles_of_operators,
        news.ArticleOrder,
        ArticleFilterInput,
        "News, drafts included (A69).",
    )
    contacts = connection(
        Contact,
        contacts.contacts_of_operators,
        contacts.ContactOrder,
        None,
        "Whom partners may write to (A69).",
    )
    terms_versions = connection(
        TermsVersion,
        terms.terms_of_operators,
        terms.TermsOrder,
        TermsFilterInput,
        "Terms of the programme and of brands, drafts included (A69).",
    )

    terms_acceptances = connection(
        TermsAcceptance,
        terms.acceptances_of_operators,
        terms.AcceptanceOrder,
        TermsAcceptanceFilterInput,
        "Which partners accepted which versions of the terms (A69).",
    )

    @query(
        permission_of(terms.difference_of_operators),
        "How one version of terms became another, drafts included (A69).",
    )
    async def terms_difference(
        self, info: Info[Any, Any], older_id: Older, newer_id: Newer
    ) -> TermsDifference:
        return TermsDifference(
            lines=await terms.difference_of_operators(
                scope_of(info),
                decode_id("TermsVersion", older_id, "olderId"),
                decode_id("TermsVersion", newer_id, "newerId"),
            )
        )


@strawberry.type
class StaffProgrammeMutations:
    @mutation(permission_of(news_commands.create_article), "Write a draft of an article (A69).")
    async def create_news_article(
        self, info: Info[Any, Any], input: CreateNewsArticleInput
    ) -> NewsArticlePayload:
        row = await news_commands.create_article(
            scope_of(info), input.title, input.body, _brand(input.brand_id)
        )
        return NewsArticlePayload(article=NewsArticle.of(row))

    @mutation(permission_of(news_commands.edit_article), "Change an article, published or not.")
    async def edit_news_article(
        self, info: Info[Any, Any], input: EditNewsArticleInput
    ) -> NewsArticlePayload:
        row = await news_commands.edit_article(
            scope_of(info), _article(input.article_id), title=input.title, body=input.body
        )
        return NewsArticlePayload(article=NewsArticle.of(row))

    @mutation(
        permission_of(news_commands.publish_article),
        "Show a draft to partners, now or from a time to come on.",
    )
    async def publish_news_article(
        self, info: Info[Any, Any], input: PublishNewsArticleInput
    ) -> NewsArticlePayload:
        row = await news_commands.publish_article(
            scope_of(info), _article(input.article_id), input.at
        )
        return NewsArticlePayload(article=NewsArticle.of(row))

    @mutation(
        permission_of(news_commands.unpublish_article),
        "Make a published article a draft again; who has read it is kept.",
    )
    async def unpublish_news_article(
        self, info: Info[Any, Any], input: NewsArticleInput
    ) -> NewsArticlePayload:
        row = await news_commands.unpublish_article(scope_of(info), _article(input.article_id))
        return NewsArticlePayload(article=NewsArticle.of(row))

    @mutation(permission_of(news_commands.delete_article), "Delete a draft of an article.")
    async def delete_news_article(
        self, info: Info[Any, Any], input: NewsArticleInput
    ) -> DonePayload:
        await news_commands.delete_article(scope_of(info), _article(input.article_id))
        return DonePayload(done=True)

    @mutation(permission_of(contact_commands.create_contact), "Add a contact, at the end (A69).")
    async def create_contact(
        self, info: Info[Any, Any], input: CreateContactInput
    ) -> ContactPayload:
        row = await contact_commands.create_contact(
            scope_of(info), input.to_domain(), _brand(input.brand_id)
        )
        return ContactPayload(contact=Contact.of(row))

    @mutation(permission_of(contact_commands.edit_contact), "Change a contact.")
    async def edit_contact(self, info: Info[Any, Any], input: EditContactInput) -> ContactPayload:
        row = await contact_commands.edit_contact(
            scope_of(info), _contact(input.contact_id), input.to_domain()
        )
        return ContactPayload(contact=Contact.of(row))

    @mutation(permission_of(contact_commands.sort_contacts), "Put contacts into an order.")
    async def sort_contacts(
        self, info: Info[Any, Any], input: SortContactsInput
    ) -> SortContactsPayload:
        ids = [decode_id("Contact", value, "contactIds") for value in input.contact_ids]
        rows = await contact_commands.sort_contacts(scope_of(info), ids)
        return SortContactsPayload(contacts=[Contact.of(row) for row in rows])

    @mutation(permission_of(contact_commands.delete_contact), "Delete a contact.")
    async def delete_contact(self, info: Info[Any, Any], input: ContactInput) -> DonePayload:
        await contact_commands.delete_contact(scope_of(info), _contact(input.contact_id))
        return DonePayload(done=True)

    @mutation(
        permission_of(terms_commands.draft_terms),
        "Begin the next version of the terms; one draft at a time (A69).",
    )
    async def draft_terms(self, info: Info[Any, Any], input: DraftTermsInput) -> TermsPayload:
        row = await terms_commands.draft_terms(scope_of(info), input.body, _brand(input.brand_id))
        return TermsPayload(terms=TermsVersion.of(row))

    @mutation(permission_of(terms_commands.edit_terms), "Change a draft of the terms.")
    async def edit_terms(self, info: Info[Any, Any], input: EditTermsInput) -> TermsPayload:
        row = await terms_commands.edit_terms(scope_of(info), _terms(input.terms_id), input.body)
        return TermsPayload(terms=TermsVersion.of(row))

    @mutation(
        permission_of(terms_commands.publish_terms),
        "Publish a draft of the terms, for ever; it is in force from its time on.",
    )
    async def publish_terms(self, info: Info[Any, Any], input: PublishTermsInput) -> TermsPayload:
        row = await terms_commands.publish_terms(
            scope_of(info), _terms(input.terms_id), input.effective_at
        )
        return TermsPayload(terms=TermsVersion.of(row))

    @mutation(permission_of(terms_commands.delete_terms_draft), "Delete a draft of the terms.")
    async def delete_terms_draft(self, info: Info[Any, Any], input: TermsInput) -> DonePayload:
        await terms_commands.delete_terms_draft(scope_of(info), _terms(input.terms_id))
        return DonePayload(done=True)


def _brand(value: str | None) -> int | None:
    return decode_optional_id("Brand", value, "brandId")


def _article(value: str) -> int:
    return decode_id("NewsArticle", value, "articleId")


def _contact(value: str) -> int:
    return decode_id("Contact", value, "contactId")


def _terms(value: str) -> int:
    return decode_id("TermsVersion", value, "termsId")
