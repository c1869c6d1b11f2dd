"""Names that lead to a node, set at a real name server."""

from collections.abc import Iterator

import pytest

from hermetic.errors import BadConfiguration, BadInput, Unavailable
from hermetic.issuers.dns_updates import DnsUpdates, UpdateServer
from tests.support import bind
from tests.support.bind import KEY, Bind, free_port

pytestmark = [bind.needs_bind, pytest.mark.slow]

HOST = "contosoabc123.local.site.test"


@pytest.fixture(scope="module")
def server() -> Iterator[Bind]:
    with bind.running("taken.site.test. IN A 192.0.2.9") as running:
        yield running


@pytest.fixture
def updates(server: Bind) -> DnsUpdates:
    return DnsUpdates(UpdateServer("127.0.0.1", server.port, KEY, server.secret))


async def test_a_name_leads_where_it_was_told_and_nowhere_else(
    server: Bind, updates: DnsUpdates
) -> None:
    await updates.lead(HOST, "192.0.2.1")
    assert server.addresses(HOST) == {"192.0.2.1"}
    await updates.lead(HOST, "192.0.2.1")
    await updates.lead(HOST, "2001:db8::1")
    assert server.addresses(HOST) == {"2001:db8::1"}
    await updates.forget(HOST)
    assert server.addresses(HOST) == set()
    await updates.forget(HOST)


async def test_another_name_stays_as_it_is(server: Bind, updates: DnsUpdates) -> None:
    await updates.lead(HOST, "192.0.2.1")
    await updates.forget(HOST)
    assert server.addresses("taken.site.test") == {"192.0.2.9"}


async def test_a_foreign_key_changes_nothing(server: Bind) -> None:
    other = DnsUpdates(UpdateServer("127.0.0.1", server.port, KEY, "c2VjcmV0LW9mLXNvbWVib2R5"))
    with pytest.raises(BadConfiguration, match="does not accept the key"):
        await other.lead(HOST, "192.0.2.1")
    nobody = DnsUpdates(UpdateServer("127.0.0.1", server.port))
    with pytest.raises(BadConfiguration, match="REFUSED"):
        await nobody.lead(HOST, "192.0.2.1")
    assert server.addresses(HOST) == set()


async def test_a_name_of_another_zone_is_refused(updates: DnsUpdates) -> None:
    with pytest.raises(BadConfiguration, match="has no zone"):
        await updates.lead("www.elsewhere.test", "192.0.2.1")


async def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await DnsUpdates(UpdateServer("127.0.0.1", free_port())).lead(HOST, "192.0.2.1")


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(BadInput, match="tsig-keygen"):
        DnsUpdates(UpdateServer("127.0.0.1", 53, KEY, "a"))
