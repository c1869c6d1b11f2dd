from collections.abc import AsyncIterator

import pytest

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import BodyTooLarge, BundleRejected
from hermetic.wiring.keeping import kept_in


async def test_nothing_is_touched_before_it_is_opened(home: Home) -> None:
    kept = kept_in(home, 1000, system_clock)
    assert list(home.root.iterdir()) == []
    await kept.database.open()
    assert await kept.services.all() == []
    assert await kept.principals.all() == []
    await kept.database.close()
    assert home.database.exists()


async def zeros(length: int) -> AsyncIterator[bytes]:
    yield bytes(length)


async def test_a_bundle_may_be_no_larger_than_the_settings_say(home: Home) -> None:
    bundles = kept_in(home, 1000, system_clock).bundles
    await bundles.start()
    with pytest.raises(BodyTooLarge):
        await bundles.add(zeros(1001))
    with pytest.raises(BundleRejected):  # small enough, but no archive
        await bundles.add(zeros(1000))
