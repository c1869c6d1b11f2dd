"""A client and a server that fails as it is told to, under a clock that is turned."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.clock import TurnedClock
from hermetic.issuers.acme.client import AcmeIssuer
from tests.support import pebble as pebbles
from tests.support.acme import client
from tests.support.acme_server import AcmeServer, serving
from tests.support.pebble import Pebble

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


@pytest.fixture
async def server(clock: TurnedClock) -> AsyncIterator[AcmeServer]:
    async with serving(clock) as made:
        yield made


@pytest.fixture
def issuer(server: AcmeServer, clock: TurnedClock, tmp_path: Path) -> AcmeIssuer:
    return client(server, clock, tmp_path)


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with pebbles.running({"PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_AUTHZREUSE": "0"}) as made:
        yield made
