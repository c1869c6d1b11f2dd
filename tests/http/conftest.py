from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.webnode import WebNode, web_node
from tests.support.wire import WireNode, wire_node


@pytest.fixture
async def node() -> AsyncIterator[WireNode]:
    async with wire_node() as running:
        yield running


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebNode]:
    async with web_node(tmp_path) as running:
        yield running
