from datetime import timedelta

import pytest

from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock, system_clock
from hermetic.config.home import Home
from hermetic.errors import Unavailable
from hermetic.wiring.presenting import seal
from hermetic.wiring.sealing import unsealed_listener
from hermetic.wiring.wish import Wish

NAMES = ("localhost", "127.0.0.1", "::1", "box.example")
OWN = Wish(Role.API, own_names=NAMES)


async def test_in_plain_http_nothing_is_presented(home: Home) -> None:
    sealing = unsealed_listener(home, system_clock)
    assert (sealing.context, sealing.ca, sealing.tasks) == (None, None, ())
    await sealing.probe()


async def test_the_time_left_of_every_certificate_is_told(home: Home) -> None:
    left = (await seal(home, OWN, system_clock)).seconds_left()
    assert set(left) == {"api", "authority-root", "authority-intermediate"}
    assert 0 < left["api"] <= timedelta(days=1).total_seconds()


async def test_a_box_whose_certificate_has_expired_is_not_ready(home: Home) -> None:
    clock = TurnedClock(system_clock())
    sealing = await seal(home, OWN, clock)
    await sealing.probe()
    clock.advance(timedelta(days=2))
    with pytest.raises(Unavailable, match="expired"):
        await sealing.probe()
