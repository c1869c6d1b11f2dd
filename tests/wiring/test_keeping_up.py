"""What runs beside a node that has joined an authority, and what it shows because of it."""

import pytest

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration
from hermetic.wiring.joined import Joined, keep
from hermetic.wiring.keeping_up import authentication_renewal, keeping_up
from tests.support.certificates import hierarchy
from tests.wiring.test_joined import told

AT = "https://127.0.0.1:1/acme/directory"


def test_nothing_runs_beside_a_node_that_has_joined_nobody(home: Home) -> None:
    assert keeping_up(home, system_clock) == ()
    assert authentication_renewal(home, system_clock) is None


@pytest.mark.parametrize(
    ("roles", "shows"), [(("compute",), False), (("api", "authentication"), True)]
)
def test_a_web_node_shows_what_its_authority_certifies(
    home: Home, roles: tuple[str, ...], shows: bool
) -> None:
    keep(home, Joined(AT, roles, ("w.test",), ()), told(hierarchy()))
    assert len(keeping_up(home, system_clock)) == 1
    assert (authentication_renewal(home, system_clock) is not None) is shows


def test_a_damaged_note_of_it_is_told_at_the_start(home: Home) -> None:
    home.joined.write_text("{")
    with pytest.raises(BadConfiguration, match="join again"):
        keeping_up(home, system_clock)
