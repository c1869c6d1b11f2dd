"""What Python's `ssl` does wrong, one test a trap: the trap as it is, then what we do instead.

If the first half of one fails, a newer Python or OpenSSL has closed that trap, and the code
that goes around it may go.
"""

import ssl

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.memory import as_path
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy
from tests.support.memory_tls import shake, trusting


@pytest.fixture
def swapping(authority: Hierarchy) -> SwappingContext:
    return SwappingContext(authority.issue(), clock=TurnedClock(authority.now))


@pytest.fixture
def mutual(authority: Hierarchy) -> SwappingContext:
    """Return a context that asks clients for a certificate of the authority."""
    clock = TurnedClock(authority.now)
    return SwappingContext(authority.issue(), clock=clock, client_roots=authority.root_pem)


def node_of(authority: Hierarchy, *, trusts: Hierarchy) -> ssl.SSLContext:
    """Return the context of a client that shows a certificate of *authority*."""
    credential = authority.issue("node-1", role=Role.AUTHENTICATION)
    return client_context(trusts.root_pem, credential=credential)


def load(context: ssl.SSLContext, credential: Credential) -> None:
    """Load a pair as everybody does."""
    with as_path(credential.chain_pem + credential.key_pem) as path:
        context.load_cert_chain(path)


def test_1_a_pair_that_fails_to_load_breaks_a_live_context(
    authority: Hierarchy, swapping: SwappingContext
) -> None:
    misfit = Credential(authority.issue().chain, generate())
    live, client = server_context(authority.issue()), trusting(authority.root_pem)
    with pytest.raises(ssl.SSLError):
        load(live, misfit)
    assert not shake(live, client).succeeded

    with pytest.raises(CertificateRejected):
        swapping.swap(misfit)
    assert shake(swapping.base, client).succeeded


@pytest.mark.parametrize("name", ["localhost", None])
def test_2_the_sni_callback_runs_with_and_without_a_name(
    authority: Hierarchy, swapping: SwappingContext, name: str | None
) -> None:
    client = trusting(authority.root_pem)
    client.check_hostname = False
    asked: list[str | None] = []
    context = server_context(authority.issue())
    context.sni_callback = lambda end, asked_for, base: asked.append(asked_for)
    shake(context, client, name)
    assert asked == [name]

    assert shake(swapping.base, client, name).succeeded


def test_3_a_context_swapped_in_does_not_bring_its_verify_mode(
    authority: Hierarchy, mutual: SwappingContext
) -> None:
    without = trusting(authority.root_pem)
    careless = server_context(authority.issue())
    inner = server_context(authority.issue(), client_roots=authority.root_pem)

    def swap_in(end: ssl.SSLObject, name: str | None, base: ssl.SSLContext) -> None:
        end.context = inner

    careless.sni_callback = swap_in
    assert shake(careless, without).succeeded

    assert shake(mutual.base, without).server_error == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


def test_4_loading_roots_only_adds_to_those_there(
    authority: Hierarchy, stranger: Hierarchy, mutual: SwappingContext
) -> None:
    old = node_of(authority, trusts=authority)
    live = server_context(authority.issue(), client_roots=authority.root_pem)
    live.load_verify_locations(cadata=stranger.root_pem.decode())
    assert shake(live, old).succeeded

    mutual.admit(stranger.root_pem)
    assert not shake(mutual.base, old).succeeded


def test_5_a_ticket_lets_a_client_in_whose_root_was_removed(
    authority: Hierarchy, stranger: Hierarchy, mutual: SwappingContext
) -> None:
    client = node_of(authority, trusts=authority)
    leaf = authority.issue()
    before, after = (
        server_context(leaf, client_roots=roots.root_pem) for roots in (authority, stranger)
    )
    outer = server_context(leaf, client_roots=authority.root_pem)
    outer.num_tickets = before.num_tickets = 2
    serving = before

    def swap_in(end: ssl.SSLObject, name: str | None, base: ssl.SSLContext) -> None:
        end.context = serving

    outer.sni_callback = swap_in
    session = shake(outer, client).client.session
    serving = after
    resumed = shake(outer, client, session=session)
    assert resumed.succeeded
    assert resumed.client.session_reused

    session = shake(mutual.base, client).client.session
    assert session is None or not session.has_ticket
    mutual.admit(stranger.root_pem)
    assert not shake(mutual.base, client, session=session).succeeded


def test_6_groups_beside_the_profile_are_on_by_default(
    authority: Hierarchy, swapping: SwappingContext
) -> None:
    # The first half is in test_groups, which needs a process that was never limited.
    client = trusting(authority.root_pem)
    client.set_ecdh_curve("secp521r1")
    assert shake(swapping.base, client).server_error == "NO_SUITABLE_KEY_SHARE"


def test_7_a_key_loads_from_a_path_only(authority: Hierarchy, swapping: SwappingContext) -> None:
    credential = authority.issue()
    live = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises((OSError, ValueError)):
        live.load_cert_chain(credential.chain_pem, credential.key_pem)

    assert swapping.swap(credential)
