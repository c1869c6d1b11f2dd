"""One authority for all tests of the room: keys take time.  Some files run on both event loops."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from hermetic.clock import system_clock
from tests.support.callers import Cast
from tests.support.certificates import Hierarchy, hierarchy

ON_BOTH_LOOPS = {"test_peers.py", "test_mutual_tls.py"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the loops a test runs on: each has a TLS of its own."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in ON_BOTH_LOOPS:
        loops["uvloop"] = uvloop.new_event_loop
    return loops


@pytest.fixture(scope="session")
def authority() -> Hierarchy:
    """Return an authority whose leaves the tests serve."""
    return hierarchy()


@pytest.fixture(scope="session")
def stranger() -> Hierarchy:
    """Return an authority that nobody trusts unless a test says so."""
    return hierarchy(name="Stranger")


@pytest.fixture(scope="session")
def cast() -> Cast:
    """Return all who knock, at the time of the machine: OpenSSL asks no other clock."""
    return Cast(system_clock())
