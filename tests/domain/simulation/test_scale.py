"""Programmes of any size: as large as asked, the same for the same seed, and never beside real data."""

from __future__ import annotations

import pytest

from app.domain.errors import Conflict, Invalid
from app.domain.reports.metrics import METRICS
from app.domain.reports.run import run_report
from app.domain.reports.specification import Grouping, ReportSpecification
from app.domain.scope import Scope
from app.domain.simulation.scale import Size, simulate_connected
from app.infra import database as infra_database
from app.infra.clock import ManualClock
from app.infra.crypto import SecretBox
from app.infra.database import fetch
from app.models import Affiliation, Brand, Conversion, Partner, Player, Promo, Visit
from app.settings import Settings
from tests.domain.simulation.test_demo import another_database, digests
from tests.factories import make_brand

SMALL = Size(brands=4, partners=3, promos=2, days=3, visits=400)

TINY = Size(brands=2, partners=2, promos=1, days=2, visits=100)


def nothing(_what: str, _done: int, _of: int) -> None:
    """Nobody watches the progress."""


async def test_a_programme_is_as_large_as_asked_and_reports_add_it_up(
    database: Settings, clock: ManualClock, box: SecretBox
) -> None:
    steps: list[tuple[str, int, int]] = []
    made = await simulate_connected(box, clock, SMALL, 1, lambda *step: steps.append(step))

    assert await Brand.all().count() == 4
    assert await Partner.all().count() == 3
    assert await Affiliation.filter(state="accepted").count() == 12
    assert await Promo.all().count() == 4 * 3 * 2
    assert made == await Visit.all().count()
    assert 600 < made < 1_800
    assert await Player.all().count() > 5
    assert await Conversion.all().count() > 5
    assert steps[-1] == ("rollups", 1, 1)
    today = clock.now().date()
    specification = ReportSpecification(
        today.replace(month=1, day=1), today, tuple(METRICS), (Grouping.BRAND,)
    )
    report = await run_report(Scope.system(clock, "test"), specification)
    counted = await Visit.filter(uncounted_reason=None).count()
    rows = await fetch("SELECT count(*) AS count FROM duplicate_visits")
    assert report.totals.cells["visits_count"] == counted - rows[0]["count"]


async def test_the_same_seed_makes_the_same_programme(
    settings: Settings, clock: ManualClock, box: SecretBox
) -> None:
    await infra_database.connect(settings)
    await simulate_connected(box, clock, TINY, 1, nothing)
    first = await digests()
    await infra_database.disconnect()

    async with another_database(settings):
        await simulate_connected(box, clock, TINY, 1, nothing)

        assert await digests() == first
    assert first["visits"][0] > 100


async def test_programmes_of_several_seeds_stand_beside_each_other(
    database: Settings, clock: ManualClock, box: SecretBox
) -> None:
    await simulate_connected(box, clock, TINY, 1, nothing)
    await simulate_connected(box, clock, TINY, 2, nothing)

    with pytest.raises(Conflict, match="seed 2 is there already"):
        await simulate_connected(box, clock, TINY, 2, nothing)
    assert await Brand.all().count() == 4
    assert len({promo.code for promo in await Promo.all()}) == 2 * 2 * 2


async def test_real_brands_get_no_made_up_money_beside_them(
    database: Settings, clock: ManualClock, box: SecretBox
) -> None:
    await make_brand(clock)

    with pytest.raises(Conflict, match="not simulated"):
        await simulate_connected(box, clock, SMALL, 1, nothing)

    assert await Brand.all().count() == 1


@pytest.mark.parametrize(
    ("sizes", "field"),
    [
        ({"brands": 3}, "brands"),
        ({"brands": 0}, "brands"),
        ({"partners": 0}, "partners"),
        ({"promos": 0}, "promos"),
        ({"days": 0}, "days"),
        ({"days": 3_651}, "days"),
        ({"visits": -1}, "visits"),
    ],
)
def test_sizes_that_make_no_programme_are_refused_by_name(
    sizes: dict[str, int], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        Size(**sizes)

    assert refused.value.field == (field,)
