"""One click on a link of the demo, outside the traffic of its days."""

from __future__ import annotations

from app.domain.scope import Scope
from app.domain.visits.click import Click, NewVisit, new_visit
from app.domain.visits.destination import stag
from app.domain.visits.links import Link, find_link
from app.infra.crypto import SecretBox
from app.infra.visit_ids import VisitIds
from app.models import Promo

_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


async def link_of(promo: Promo) -> Link:
    """The promo's link, which every promo of the demo has."""
    link = await find_link(promo.code)
    if link is None:
        raise RuntimeError(f"the demo promo {promo.code} has no link")
    return link


def click_on(
    scope: Scope, link: Link, query: bytes, ip: str, ids: VisitIds, box: SecretBox
) -> NewVisit:
    """The visit of a Finnish visitor at the scope's time; nobody has recorded it yet."""
    click = Click(query, ip, _AGENT, None, country="FI", device="desktop")
    return new_visit(scope, link, click, ids.next(scope.now()), box.fingerprint_key)


def tag_of(visit: NewVisit) -> str:
    """The tag that the brand gets."""
    return stag(visit.promo_id, visit.id)
