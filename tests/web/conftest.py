from collections.abc import AsyncIterator

import pytest

from tests.support.wire import WireNode, wire_node


@pytest.fixture
async def node() -> AsyncIterator[WireNode]:
    async with wire_node() as running:
        yield running
