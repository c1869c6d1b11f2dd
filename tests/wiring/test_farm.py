import pytest
import structlog

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.web import WebSettings
from hermetic.errors import BadInput
from hermetic.gateway.others import ALONE
from hermetic.wiring.backend import BackEnd
from hermetic.wiring.farm import farm_of
from hermetic.wiring.keeping import kept_in
from hermetic.wiring.trusting import live_trust


async def test_entries_of_the_settings_are_used_and_their_lack_is_told(home: Home) -> None:
    kept = kept_in(home, 1_000_000, system_clock)
    await kept.database.open()
    trust, _ = await live_trust(home, Role.COMPUTE, system_clock)
    farm = farm_of(WebSettings(), kept, BackEnd(trust), ALONE, system_clock)
    with structlog.testing.capture_logs() as logs:
        await farm.start([])
    assert "nodes.none" in {one["event"] for one in logs}
    with pytest.raises(BadInput):
        await farm.start(["ftp://nowhere"])
    await farm.start(["http://127.0.0.1:1-2"])
    assert len(farm.nodes) == 2
    await farm.sessions(kept, system_clock).sweep()
    await farm.stop()
    await kept.database.close()
