"""What a front may be asked to do, before any product is told."""

from dataclasses import replace

import pytest

from hermetic.certificates.names import ServerName
from hermetic.errors import BadInput
from hermetic.fronts.front import Front, Role, Upstream
from hermetic.serving.uris import NodeAddress

NAME = ServerName.parse("models.example.com")
FRONT = Front(Role.WEB, (NAME,), Upstream.parse([], None, Role.WEB))


@pytest.mark.parametrize(("role", "port"), [(Role.WEB, 12800), (Role.COMPUTE, 12805)])
def test_unless_told_otherwise_the_node_is_on_this_machine_and_sealed(
    role: Role, port: int
) -> None:
    upstream = Upstream.parse([], None, role)
    assert [str(one) for one in upstream.addresses] == [f"https://127.0.0.1:{port}/"]
    assert str(upstream.name) == "localhost"
    assert upstream.is_sealed


@pytest.mark.parametrize(
    ("entries", "name", "expected"),
    [
        (["https://node.example.com:12800"], None, "node.example.com"),
        (["https://node.example.com:1-3"], None, "node.example.com"),
        (["https://127.0.0.1:1", "https://[::1]:2", "https://localhost"], None, "localhost"),
        (["https://10.0.0.1-9:12805"], "nodes.example.com", "nodes.example.com"),
        (
            ["https://a.example.com", "https://b.example.com"],
            "Nodes.example.com",
            "nodes.example.com",
        ),
    ],
)
def test_the_nodes_are_known_by_one_name(
    entries: list[str], name: str | None, expected: str
) -> None:
    assert str(Upstream.parse(entries, name, Role.WEB).name) == expected


@pytest.mark.parametrize("entry", ["http://127.0.0.1:12800", "http://localhost", "http://[::1]:1"])
def test_plain_http_may_go_to_this_machine(entry: str) -> None:
    assert not Upstream.parse([entry], None, Role.WEB).is_sealed


@pytest.mark.parametrize(
    ("entries", "name", "reason"),
    [
        (["https://a.example.com", "https://b.example.com"], None, "have 2 names"),
        (["https://10.0.0.1"], None, "not by 10.0.0.1"),
        (["https://node.example.com"], "10.0.0.1", "not by 10.0.0.1"),
        (["https://node.example.com"], "no de", "cannot name a server"),
        (["https://node.example.com", "http://localhost"], None, "https:// for all"),
        (["http://node.example.com"], None, "readable through the network"),
        (["http://127.0.0.1", "http://10.0.0.1"], None, "readable through the network"),
        (["http://localhost"], "localhost", "no certificate shows"),
        (["node.example.com"], None, "no scheme"),
    ],
)
def test_nodes_that_cannot_be_reached_safely_are_refused(
    entries: list[str], name: str | None, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        Upstream.parse(entries, name, Role.WEB)


def test_a_front_needs_a_name_an_address_and_ports_of_its_own() -> None:
    for changes, reason in (
        ({"names": ()}, "needs a name"),
        ({"addresses": ()}, "needs an address"),
        ({"port": 0}, "from 1 to 65535, not 0"),
        ({"redirect_from": 65536}, "not 65536"),
        ({"redirect_from": 443}, "cannot share the port 443"),
    ):
        with pytest.raises(BadInput, match=reason):
            replace(FRONT, **changes)


@pytest.mark.parametrize(
    "host", ["a;b", "a b", "a\nb", "a{", "$host", 'a"', "a'", "a\\", "a#b", ""]
)
def test_a_host_that_nobody_parsed_is_refused_wherever_it_stands(host: str) -> None:
    address = NodeAddress("https", host, 1)
    for changes in (
        {"names": (ServerName(host),)},
        {"upstream": Upstream((address,), NAME)},
        {"upstream": Upstream(FRONT.upstream.addresses, ServerName(host))},
    ):
        with pytest.raises(BadInput, match="it is no host"):
            replace(FRONT, **changes)
