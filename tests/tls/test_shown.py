"""What the other side showed: on both sides of a handshake, in memory and on a socket."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.shown import parsed, shown_on
from tests.support.certificates import Hierarchy
from tests.support.memory_tls import shake, trusting


@pytest.fixture
def node(authority: Hierarchy) -> Credential:
    return authority.issue("node-1", role=Role.AUTHENTICATION)


def ders(credential: Credential) -> tuple[bytes, ...]:
    return tuple(one.public_bytes(Encoding.DER) for one in credential.chain.certificates)


def test_each_side_sees_the_leaf_of_the_other_and_then_its_issuers(
    authority: Hierarchy, node: Credential
) -> None:
    served = authority.issue()
    context = server_context(served, client_roots=authority.root_pem)
    shaken = shake(context, client_context(authority.root_pem, credential=node))
    assert shaken.succeeded
    assert shown_on(shaken.server) == ders(node)
    assert shown_on(shaken.client) == ders(served)
    assert len(ders(node)) == 2


def test_a_client_that_is_not_asked_shows_nothing(authority: Hierarchy, node: Credential) -> None:
    context = server_context(authority.issue())
    asked_nothing = shake(context, client_context(authority.root_pem, credential=node))
    assert shown_on(asked_nothing.server) == ()
    assert shown_on(shake(context, trusting(authority.root_pem)).server) == ()


def test_it_is_parsed_in_its_order(node: Credential) -> None:
    assert parsed(ders(node)) == node.chain.certificates


@pytest.mark.parametrize(
    ("shown", "code"), [((), "no-certificate"), ((b"\x30\x03\x02\x01\x00",), "malformed")]
)
def test_what_cannot_be_judged_is_refused(shown: tuple[bytes, ...], code: str) -> None:
    with pytest.raises(CertificateRejected) as caught:
        parsed(shown)
    assert caught.value.code == code
