"""What the node's own port presents."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import structlog

from hermetic.certificates.chain import Chain
from hermetic.clock import system_clock
from hermetic.errors import NotFound, Unavailable
from hermetic.node.presented import PresentedCheck
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.listening import Port, listen


@dataclass
class Presenting:
    """A port, what it serves and what is kept."""

    port: Port
    context: SwappingContext
    kept: list[Chain]
    check: PresentedCheck


@pytest.fixture
def ours() -> Hierarchy:
    return hierarchy()


@pytest.fixture(params=[False, True], ids=["tls", "mutual-tls"])
async def presenting(ours: Hierarchy, request: pytest.FixtureRequest) -> AsyncIterator[Presenting]:
    credential = ours.issue("node.test")
    roots = ours.root_pem if request.param else None
    context = SwappingContext(credential, clock=system_clock, client_roots=roots)
    port = await listen(context.base)

    kept = [credential.chain]
    check = PresentedCheck(("127.0.0.1", port.number), lambda: "node.test", lambda: kept[-1])
    yield Presenting(port, context, kept, check)
    port.listener.close()
    await port.listener.wait_closed()


async def test_a_port_that_presents_what_is_kept_passes(presenting: Presenting) -> None:
    assert await presenting.check.look()
    await presenting.check.probe()
    assert presenting.check.shown == presenting.kept[-1].sha256


async def test_a_port_that_presents_another_twice_is_an_alarm(
    ours: Hierarchy, presenting: Presenting
) -> None:
    presenting.kept.append(ours.issue("node.test").chain)
    assert not await presenting.check.look()
    await presenting.check.probe()  # once may be a swap under way
    with structlog.testing.capture_logs() as lines:
        assert not await presenting.check.look()
    assert "certificate.not_presented" in [line["event"] for line in lines]
    with pytest.raises(Unavailable, match="restart the node"):
        await presenting.check.probe()


async def test_the_alarm_ends_when_the_port_presents_what_is_kept(
    ours: Hierarchy, presenting: Presenting
) -> None:
    renewed = ours.issue("node.test")
    presenting.kept.append(renewed.chain)
    await presenting.check.look()
    await presenting.check.look()
    presenting.context.swap(renewed)
    assert await presenting.check.look()
    await presenting.check.probe()


async def test_a_store_that_cannot_be_read_is_said_and_is_no_alarm() -> None:
    def kept() -> Chain:
        raise NotFound("There is no credential.")

    check = PresentedCheck(("127.0.0.1", 1), lambda: "node.test", kept)
    with structlog.testing.capture_logs() as lines:
        assert not await check.look()
    assert lines[0]["event"] == "certificate.presented_unknown"
    await check.probe()


async def test_a_port_where_nobody_answers_is_said(ours: Hierarchy) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", taken.getsockname()[1])
        chain = ours.issue("node.test").chain
        check = PresentedCheck(address, lambda: "node.test", lambda: chain)
        assert not await check.look()
