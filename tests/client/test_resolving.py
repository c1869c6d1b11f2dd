"""Names, as bind9 tells of them."""

import socket
from collections.abc import Iterator

import pytest

from hermetic.client.resolving import resolve
from hermetic.errors import BadInput, NotFound, Unavailable
from tests.support.bind import Bind, needs_bind, running

pytestmark = [pytest.mark.slow, needs_bind]


@pytest.fixture(scope="module")
def bind() -> Iterator[Bind]:
    with running(
        "api 120 IN A 203.0.113.7",
        "api 60 IN AAAA 2001:db8::7",
        "www 30 IN CNAME api",
        "mail IN MX 10 api",
        "xn--bcher-kva IN A 203.0.113.8",
    ) as server:
        yield server


def test_addresses_of_both_kinds_come_with_the_shortest_life(bind: Bind) -> None:
    found = resolve("api.site.test", servers=["127.0.0.1"], port=bind.port)
    assert (found.addresses, found.ttl_s) == (("203.0.113.7", "2001:db8::7"), 60)


def test_an_alias_is_followed_and_named(bind: Bind) -> None:
    found = resolve("www.site.test.", servers=["127.0.0.1"], port=bind.port)
    assert (found.aliases, found.ttl_s) == (("api.site.test",), 30)


def test_a_name_in_another_script_is_found(bind: Bind) -> None:
    found = resolve("bücher.site.test", servers=["127.0.0.1"], port=bind.port)
    assert found.addresses == ("203.0.113.8",)


@pytest.mark.parametrize(("name", "told"), [("none", "does not exist"), ("mail", "no address")])
def test_what_is_missing_is_told_apart(bind: Bind, name: str, told: str) -> None:
    with pytest.raises(NotFound, match=told):
        resolve(f"{name}.site.test", servers=["127.0.0.1"], port=bind.port)


def test_a_server_that_is_silent_or_refuses_is_no_answer(bind: Bind) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable):
            resolve("api.site.test", servers=["127.0.0.1"], port=port, within_s=0.5)
    with pytest.raises(Unavailable):
        resolve("example.org", servers=["127.0.0.1"], port=bind.port)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64 + ".test", "a b\x00"])
def test_what_is_no_name_is_said(name: str) -> None:
    with pytest.raises((BadInput, NotFound, Unavailable)):
        resolve(name, servers=["127.0.0.1"], port=9, within_s=0.2)
