"""Fetching the European Central Bank's reference rates, when the settings ask for it (M40)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.errors import Invalid
from app.domain.exchange_rates.commands import enter_ecb_rates
from app.infra.ecb import LARGEST_FILE, MalformedFile, read_daily_file
from app.infra.money import currencies
from app.infra.outgoing import OutgoingClient
from app.infra.telemetry import logger

if TYPE_CHECKING:
    from app.domain.scope import Scope
    from app.settings import Settings

_TIMEOUT = 20
# The bank's file is of the last working day: holidays make that a few days, never weeks.
_OLDEST = timedelta(days=14)


async def fetch_ecb_rates(scope: Scope, settings: Settings) -> bool:
    """Enter the rates of the bank's daily file that the programme lacks; False when that failed, which is logged.

    Safe to run at any time: what a day has already stays as it is.
    """
    client = OutgoingClient(
        timeout=_TIMEOUT, connections=1, allow_private=settings.allow_private_targets
    )
    try:
        # One character more tells a file of the largest size from one that was cut.
        answer = await client.get(settings.ecb_rates_url, {}, keep=LARGEST_FILE + 1)
    finally:
        await client.close()
    if answer.code != 200 or answer.body is None or answer.error is not None:
        logger().warning("exchange_rates.ecb_unreachable", code=answer.code, error=answer.error)
        return False
    try:
        entered = await _enter(scope, answer.body)
    except (MalformedFile, Invalid) as error:
        logger().warning("exchange_rates.ecb_refused", error=str(error))
        return False
    if entered:
        logger().info("exchange_rates.ecb_entered", count=entered)
    return True


async def _enter(scope: Scope, body: str) -> int:
    found = read_daily_file(body)
    if found.day < scope.now().date() - _OLDEST:
        raise MalformedFile(f"it is of {found.day}, which is long ago")
    # A currency that is new to the world is no reason to go without the others.
    rates = {code: rate for code, rate in found.rates.items() if code in currencies()}
    return (await enter_ecb_rates(scope, found.day, rates)).entered
