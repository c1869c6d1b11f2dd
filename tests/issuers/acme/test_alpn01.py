"""Certificates that prove a name, and who gets to see them."""

import hashlib
import socket
import ssl

import pytest
from cryptography import x509

from hermetic.errors import BadConfiguration
from hermetic.issuers.acme.alpn01 import PROTOCOL, AlpnPort, answer_for, server_name
from hermetic.issuers.acme.order import Proof
from hermetic.tls.contexts import server_context
from tests.support.hops import shown_to
from tests.support.nginx import free_port

PROOF = Proof("tls-alpn-01", "a.test", "a-token", "a-token.thumbprint")
OTHER = Proof("tls-alpn-01", "127.0.0.1", "b-token", "b-token.thumbprint")
IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")


@pytest.mark.parametrize("proof", [PROOF, OTHER])
def test_the_certificate_is_as_the_rfc_has_it(proof: Proof) -> None:
    leaf = answer_for(proof).chain.leaf
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one.value) for one in names] == [proof.name]
    found = leaf.extensions.get_extension_for_oid(IDENTIFIER)
    assert found.critical
    assert isinstance(found.value, x509.UnrecognizedExtension)
    assert found.value.value == b"\x04\x20" + hashlib.sha256(proof.answer.encode()).digest()


def test_addresses_are_asked_for_reversed() -> None:
    assert server_name("10.0.0.5") == "5.0.0.10.in-addr.arpa"
    assert server_name("2001:db8::1").endswith(".8.b.d.0.1.0.0.2.ip6.arpa")
    assert server_name("A.Test") == "a.test"


async def test_each_name_is_shown_its_own_and_strangers_nothing() -> None:
    port = free_port()
    prover = AlpnPort(server_context, port, ["127.0.0.1"])
    await prover.present(PROOF)
    await prover.present(OTHER)
    for proof in (PROOF, OTHER):
        leaf, spoken = await shown_to(port, server_name(proof.name), PROTOCOL)
        digest = hashlib.sha256(proof.answer.encode()).digest()
        assert leaf.extensions.get_extension_for_oid(IDENTIFIER).value.public_bytes()[2:] == digest
        assert spoken == PROTOCOL
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await shown_to(port, "stranger.test", PROTOCOL)
    await prover.withdraw(PROOF)
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await shown_to(port, "a.test", PROTOCOL)
    await prover.withdraw(OTHER)
    await prover.withdraw(OTHER)
    with pytest.raises(ConnectionRefusedError):
        await shown_to(port, "a.test", PROTOCOL)


async def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        prover = AlpnPort(server_context, taken.getsockname()[1], ["127.0.0.1"])
        with pytest.raises(BadConfiguration, match="--challenge"):
            await prover.present(PROOF)
