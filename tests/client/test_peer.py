import socket

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.client import peer
from tests.support.certificates import Hierarchy
from tests.support.played_node import Played


def test_the_facts_of_a_certificate_are_read(authority: Hierarchy) -> None:
    leaf = authority.issue("a.example", "*.b.example", "10.1.2.3", "::1").chain.leaf
    shown = peer.read(leaf.public_bytes(Encoding.DER))
    assert shown is not None
    assert shown.names == ("a.example", "*.b.example", "10.1.2.3", "::1")
    assert shown.issuer == "Test intermediate"
    assert shown.not_before == leaf.not_valid_before_utc
    assert shown.not_after == leaf.not_valid_after_utc


def test_a_certificate_without_alternative_names_has_none(authority: Hierarchy) -> None:
    shown = peer.read(authority.root_certificate.public_bytes(Encoding.DER))
    assert shown is not None
    assert shown.names == ()


def test_what_is_no_certificate_is_none(authority: Hierarchy) -> None:
    der = authority.root_certificate.public_bytes(Encoding.DER)
    assert all(peer.read(junk) is None for junk in (b"", b"\x30", der[:20], bytes(64)))


def test_what_a_running_server_shows_is_read(node: Played) -> None:
    shown = peer.shown_by("localhost", int(node.url.rsplit(":", 1)[1]))
    assert shown is not None
    assert "localhost" in shown.names


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 \r\n\r\n"])
def test_a_server_that_shows_nothing_is_none(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]
        assert peer.shown_by("127.0.0.1", port, timeout_s=0.05) is None
        accepted, _ = server.accept()
        accepted.close()
