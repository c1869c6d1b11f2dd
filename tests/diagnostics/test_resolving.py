"""The addresses of hosts, and a resolver that does not answer."""

import asyncio
import socket
import threading
import time

import pytest

from hermetic.diagnostics import hop
from hermetic.diagnostics.resolving import addresses


async def test_a_name_and_an_address_are_found() -> None:
    assert "127.0.0.1" in await addresses("localhost", 443)
    assert await addresses("127.0.0.1") == ["127.0.0.1"]


@pytest.mark.parametrize(("host", "error"), [("a.invalid", OSError), ("a" * 70, UnicodeError)])
async def test_what_has_none_raises(host: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await addresses(host)


def test_a_resolver_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(hop, "WITHIN_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(20) and [])
    began = time.monotonic()
    try:
        found = asyncio.run(hop.opened("there", "slow.example", 443))
        assert time.monotonic() - began < 2
    finally:
        answered.set()
    assert found is not None
    assert found.code == "dns.unknown"
