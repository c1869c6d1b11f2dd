"""Contexts: what they agree on, what they refuse, and that keys touch no disk."""

import ssl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from hermetic.tls.contexts import TlsProfile, client_context, prove, server_context
from tests.support.certificates import Hierarchy, key_of
from tests.support.memory_tls import shake, trusting

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("kind", list(KeyKind))
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_every_kind_of_key_serves_both_versions(
    authority: Hierarchy, kind: KeyKind, version: ssl.TLSVersion
) -> None:
    credential = authority.issue(key=key_of(kind))
    shaken = shake(server_context(credential), trusting(authority.root_pem, up_to=version))
    assert shaken.succeeded
    assert shaken.presented == credential.chain.leaf.public_bytes(Encoding.DER)
    assert shaken.client.version() == version.name.replace("v1_", "v1.")


def test_modern_speaks_tls_1_3_only(authority: Hierarchy) -> None:
    context = server_context(authority.issue(), profile=TlsProfile.MODERN)
    assert shake(context, trusting(authority.root_pem)).succeeded
    older = shake(context, trusting(authority.root_pem, up_to=TLS_1_2))
    assert older.server_error == "UNSUPPORTED_PROTOCOL"


def test_every_cipher_has_forward_secrecy_and_authenticates(authority: Hierarchy) -> None:
    names = [cipher["name"] for cipher in server_context(authority.issue()).get_ciphers()]
    assert all(name.startswith(("TLS_", "ECDHE-")) for name in names)
    assert all("GCM" in name or "CHACHA20" in name for name in names)


def test_http_1_1_is_agreed_on_by_name(authority: Hierarchy) -> None:
    client = trusting(authority.root_pem)
    client.set_alpn_protocols(["h2", "http/1.1"])
    shaken = shake(server_context(authority.issue()), client)
    assert shaken.client.selected_alpn_protocol() == "http/1.1"


def test_without_client_roots_everybody_comes_in_and_gets_tickets(authority: Hierarchy) -> None:
    shaken = shake(server_context(authority.issue()), trusting(authority.root_pem))
    assert shaken.succeeded
    session = shaken.client.session
    assert session is not None
    assert session.has_ticket


def test_with_client_roots_only_their_clients_come_in(
    authority: Hierarchy, stranger: Hierarchy
) -> None:
    context = server_context(authority.issue(), client_roots=authority.root_pem)
    known = authority.issue("node-1", role=Role.AUTHENTICATION)
    unknown = stranger.issue("node-1", role=Role.AUTHENTICATION)
    with_known = client_context(authority.root_pem, credential=known)
    with_unknown = client_context(authority.root_pem, credential=unknown)
    assert shake(context, with_known).succeeded
    assert shake(context, with_unknown).server_error == "CERTIFICATE_VERIFY_FAILED"
    without = shake(context, client_context(authority.root_pem))
    assert without.server_error == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


def test_our_client_trusts_the_roots_given_and_no_others(
    authority: Hierarchy, stranger: Hierarchy
) -> None:
    context = server_context(authority.issue())
    assert shake(context, client_context(authority.root_pem)).succeeded
    elsewhere = shake(context, client_context(stranger.root_pem))
    assert elsewhere.client_error == "CERTIFICATE_VERIFY_FAILED"
    assert shake(context, client_context(None)).client_error == "CERTIFICATE_VERIFY_FAILED"


def test_our_client_checks_the_name(authority: Hierarchy) -> None:
    context, client = server_context(authority.issue("a.test")), client_context(authority.root_pem)
    assert shake(context, client, "a.test").succeeded
    assert shake(context, client, "b.test").client_error == "CERTIFICATE_VERIFY_FAILED"


def test_roots_that_are_none_are_refused(authority: Hierarchy) -> None:
    with pytest.raises(CertificateRejected, match="not certificates") as caught:
        client_context(b"nonsense")
    assert caught.value.code == "malformed"


def test_a_key_that_does_not_fit_is_refused(authority: Hierarchy) -> None:
    credential = Credential(authority.issue().chain, generate())
    with pytest.raises(CertificateRejected) as caught:
        server_context(credential)
    assert caught.value.code == "key-mismatch"


def test_a_context_that_serves_the_credential_is_proven(authority: Hierarchy) -> None:
    credential = authority.issue()
    prove(server_context(credential), credential)
    prove(server_context(credential, client_roots=authority.root_pem), credential)
    prove(server_context(credential, profile=TlsProfile.MODERN), credential)


def test_a_context_that_serves_another_is_not(authority: Hierarchy) -> None:
    with pytest.raises(CertificateRejected, match="Another certificate"):
        prove(server_context(authority.issue()), authority.issue())


def test_a_context_that_serves_none_is_not(authority: Hierarchy) -> None:
    with pytest.raises(CertificateRejected) as caught:
        prove(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), authority.issue())
    assert caught.value.code == "handshake-failed"
