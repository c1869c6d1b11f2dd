"""Which machine keeps which session."""

import pytest

from hermetic.errors import Gone
from hermetic.gateway.hosts import HERE, OneHost
from tests.support.hosting import PlayedSessions


async def test_one_box_keeps_its_sessions_itself(host: PlayedSessions) -> None:
    hosts = OneHost(host)
    node, found = await hosts.place()
    assert node == HERE
    assert found is host
    assert await hosts.of(node) is host


async def test_one_box_has_no_other_nodes(host: PlayedSessions) -> None:
    with pytest.raises(Gone, match="'https://compute-1:12805', which is no part of this box"):
        await OneHost(host).of("https://compute-1:12805")
