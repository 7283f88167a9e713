"""What the programme's news and terms mean to whoever reads them, for a whole page of them at once (A69, G24)."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.news.reads import read_articles
from app.domain.scope import Scope
from app.domain.terms.reads import acceptances, present_among
from app.models import TermsAcceptance


async def load_read(scope: Scope, article_ids: Sequence[int]) -> list[bool]:
    """Whether the scope's user has read each article."""
    read = await read_articles(scope, article_ids)
    return [article_id in read for article_id in article_ids]


async def load_present(scope: Scope, terms_ids: Sequence[int]) -> list[bool]:
    """Whether each version of terms is in force."""
    present = await present_among(scope, terms_ids)
    return [terms_id in present for terms_id in terms_ids]


async def load_acceptance(scope: Scope, terms_ids: Sequence[int]) -> list[TermsAcceptance | None]:
    """When the scope's partner accepted each version of terms."""
    accepted = await acceptances(scope, terms_ids)
    return [accepted.get(terms_id) for terms_id in terms_ids]
