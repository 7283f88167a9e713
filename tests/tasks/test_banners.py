"""Files of banners whose upload never arrived leave the storage by the clock (O01)."""

from __future__ import annotations

from pathlib import Path

from dramatiq.brokers.redis import RedisBroker

from app.domain.banners.uploads import LONGEST_UPLOAD
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.redis import RedisClient
from app.infra.storage import Storage
from app.models import Banner
from app.settings import Settings
from app.tasks.scheduler import ticks
from tests.domain.banners.gallery import make_banner
from tests.factories import make_brand


async def test_o01_the_schedule_removes_what_is_left_of_an_upload(
    database: Settings, broker: RedisBroker, clock: ManualClock, system: Scope, tmp_path: Path
) -> None:
    own = database.model_copy(update={"data_dir": tmp_path})
    brand = await make_brand(clock)
    kept = await make_banner(brand, clock)
    left = await make_banner(brand, clock, state="uploading")
    for banner in (kept, left):
        await Storage(own).put(banner.storage_key, b"a picture")
    redis = RedisClient(own)
    schedule = {tick.name: tick for tick in ticks(own, broker, redis, "test")}

    clock.advance(LONGEST_UPLOAD)
    await schedule["leftover_files"].run(system)
    await redis.close()

    assert [banner.id for banner in await Banner.all()] == [kept.id]
    assert (tmp_path / "files" / kept.storage_key).exists()
    assert not (tmp_path / "files" / left.storage_key).exists()
