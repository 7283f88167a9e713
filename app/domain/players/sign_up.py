"""What a brand tells of a sign-up after what the player did: it replaces what was taken from that (W3, M03).

A player whom the brand did not register comes with a tag on what it did, and has that moment as its sign-up. The first
registration that follows says when and where the player really signed up. The attribution stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.events import NewEvent, Subject, record_all
from app.domain.players.known import KnownPlayer
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Transaction
from app.infra.encoding import dumps_text
from app.models import Brand

_UPDATE_PLAYER = """
UPDATE players SET country = $2, language = $3, currency = $4, sign_up_at = $5, sign_up_inferred = FALSE
WHERE id = $1
"""
_REPLACE_REGISTRATION = """
WITH gone AS (
    UPDATE registrations SET superseded_by = $1
    WHERE business_day = $2 AND player_id = $3 AND superseded_by IS NULL
    RETURNING *
), come AS (
    INSERT INTO registrations (recording_id, occurred_at, business_day, brand_id, partner_id, campaign_id, plan_id,
                               promo_id, player_id, country, currency)
    SELECT $1, $4, $5, brand_id, partner_id, campaign_id, plan_id, promo_id, player_id, $6, $7 FROM gone
    RETURNING id
)
INSERT INTO fact_changes (recording_id, partner_id, brand_id, fact, before_id, after_id, reason, delta)
SELECT $1, gone.partner_id, gone.brand_id, 'registrations', gone.id, come.id, $8, $9::jsonb FROM gone, come
"""
_REASON = "the brand told of the sign-up after what the player did"


@dataclass(frozen=True, slots=True)
class SignUp:
    """What a registration says of a player; None: not said."""

    at: datetime
    country: str | None
    language: str | None
    currency: str | None

    def applied_to(self, player: KnownPlayer) -> KnownPlayer:
        """The player when this holds: from then on its facts carry its country."""
        country = self.country or player.country
        moves = tuple(
            replace(
                move,
                before=replace(move.before, country=country),
                after=replace(move.after, country=country),
            )
            for move in player.moves
        )
        return replace(
            player,
            attribution=replace(player.attribution, country=country),
            country=country,
            language=self.language or player.language,
            currency=self.currency or player.currency,
            moves=moves,
            sign_up_at=self.at,
            sign_up_inferred=False,
        )

    def differs_from(self, player: KnownPlayer) -> bool:
        """True when it says something else than what is known."""
        return self.applied_to(player) != replace(player, sign_up_inferred=False)


async def tell_sign_up(
    scope: Scope, tx: Transaction, brand: Brand, player: KnownPlayer, told: SignUp
) -> KnownPlayer:
    """Replace what was inferred of the player's sign-up; returns the player as it is afterwards.

    The registration moves to the business day of the sign-up, with a change that says so; it keeps its promo.
    """
    after = told.applied_to(player)
    profile = (after.country, after.language, after.currency)
    await tx.fetch(_UPDATE_PLAYER, player.id, *profile, told.at)
    if told.differs_from(player):
        await tx.fetch(
            _REPLACE_REGISTRATION,
            await tx.recording(),
            business_day(player.sign_up_at, brand.time_zone),
            player.id,
            told.at,
            business_day(told.at, brand.time_zone),
            after.country,
            after.currency,
            _REASON,
            dumps_text({"occurred_at": [player.sign_up_at, told.at]}),
        )
    data = {
        "country": after.country,
        "language": after.language,
        "currency": after.currency,
        "sign_up_at": told.at,
    }
    subject = Subject("player", player.id)
    owner = player.attribution.partner_id
    event = NewEvent("player.updated", subject, owner, brand.id, scope.now(), data)
    await record_all(scope, tx, [event])
    return after
