"""What the demo programme tells its partners: terms, contacts and news (A69)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.contacts.commands import ContactParts, create_contact
from app.domain.news.commands import create_article, publish_article
from app.domain.scope import Actor, Scope
from app.domain.terms.commands import accept_terms, draft_terms, publish_terms
from app.infra.clock import Clock
from app.models import Brand, User

_TERMS = """# Terms of {name}

1. Promote honestly: no spam, no misleading claims, no bidding on our names.
2. Visitors belong to the link by which they came, for the time that the brand states.
3. Either side may end the relation at any time; what was earned until then is paid.
"""
_WELCOME = """Welcome to the demo programme.

- Create a *campaign* and a promo: its link works at once.
- Add a **postback**, so that your own tracker hears of each registration.
"""
_LIVE = """The casino's page **Live tables** is open to all partners.

| page | for |
|---|---|
| Welcome bonus | new players |
| Live tables | fans of roulette and blackjack |
"""
# A week before the demo's last day: fresh enough to be news.
_RECENT = timedelta(days=113)


async def make_announcements(clock: Clock, request_id: str, casino: Brand, shop: Brand) -> None:
    """Publish terms of the programme and both brands, contacts and two articles, by the demo's operator."""
    system = Scope.system(clock, request_id)
    operator = await system.query(User).filter(audience="staff").order_by("id").first()
    olga = replace(system, actor=Actor("operator_user", operator.id if operator else None))
    for brand in (None, casino, shop):
        name = brand.name if brand else "the demo programme"
        draft = await draft_terms(olga, _TERMS.format(name=name), brand.id if brand else None)
        await publish_terms(olga, draft.id)
        await _accept(system, draft.id)
    await _contacts(olga, casino, shop)
    welcome = await create_article(olga, "Welcome", _WELCOME, None)
    await publish_article(olga, welcome.id)
    live = await create_article(olga, "A landing page for live tables", _LIVE, casino.id)
    await publish_article(olga, live.id, clock.now() + _RECENT)


async def _accept(system: Scope, terms_id: int) -> None:
    """Every owner of an account has accepted them."""
    owners = system.query(User).filter(audience="partner", role="owner", partner__state="active")
    for owner in await owners.order_by("id"):
        partner = replace(
            system, actor=Actor("partner_user", owner.id), partner_id=owner.partner_id
        )
        await accept_terms(partner, terms_id)


async def _contacts(olga: Scope, casino: Brand, shop: Brand) -> None:
    for brand, name, position, email in (
        (None, "Olga Operator", "Head of partners", "operator@demo.test"),
        (casino, "Mara Lindt", "Affiliate manager", "mara@lucky-otter.example"),
        (shop, "Adrian Advertiser", "Partnerships", "advertiser@demo.test"),
    ):
        parts = ContactParts(name, position, email, messenger="Telegram, on request")
        await create_contact(olga, parts, brand.id if brand else None)
