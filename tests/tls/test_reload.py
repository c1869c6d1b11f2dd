"""Another certificate, without touching what serves: swapped if good, refused if not."""

import ssl
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.errors import BadInput, CertificateRejected, HermeticError
from hermetic.tls.contexts import TlsProfile, client_context
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import DAY, Hierarchy
from tests.support.memory_tls import shake, trusting

Serve = Callable[..., SwappingContext]


@pytest.fixture
def clock(authority: Hierarchy) -> TurnedClock:
    return TurnedClock(authority.now)


@pytest.fixture
def serve(authority: Hierarchy, clock: TurnedClock) -> Serve:
    """Return what makes a context that serves a leaf for localhost, or the one given."""

    def make(credential: Credential | None = None, **options: object) -> SwappingContext:
        options = {"names": ["localhost"], "clock": clock} | options
        return SwappingContext(credential or authority.issue(), **options)  # type: ignore[arg-type]

    return make


def presented(context: SwappingContext, authority: Hierarchy, name: str | None = None) -> bytes:
    """Return the leaf that a new client is shown."""
    client = trusting(authority.root_pem)
    client.check_hostname = name is not None
    shaken = shake(context.base, client, name)
    assert shaken.succeeded
    assert shaken.presented is not None
    return shaken.presented


def der(credential: Credential) -> bytes:
    return credential.chain.leaf.public_bytes(Encoding.DER)


@pytest.mark.parametrize("name", ["localhost", None])
def test_the_next_handshake_gets_the_new_one(
    serve: Serve, authority: Hierarchy, name: str | None
) -> None:
    first, second = authority.issue(), authority.issue()
    context = serve(first)
    assert presented(context, authority, name) == der(first)
    assert context.swap(second)
    assert presented(context, authority, name) == der(second)
    assert (context.swaps, context.credential) == (1, second)


def test_a_handshake_under_way_is_finished_with_what_it_began_with(
    serve: Serve, authority: Hierarchy
) -> None:
    first = authority.issue()
    context = serve(first)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(authority.root_pem).wrap_bio(
        to_client, to_server, server_hostname="localhost"
    )
    server = context.base.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            end.do_handshake()
    context.swap(authority.issue())
    client.do_handshake()
    server.do_handshake()
    assert client.getpeercert(binary_form=True) == der(first)


def test_the_same_one_again_changes_nothing(serve: Serve, authority: Hierarchy) -> None:
    credential = authority.issue()
    context = serve(credential)
    assert not context.swap(Credential(credential.chain, credential.key))
    assert context.swaps == 0


def test_what_is_unfit_is_refused_and_the_last_good_one_stays(
    serve: Serve, authority: Hierarchy
) -> None:
    good = authority.issue()
    context = serve(good)
    with capture_logs() as lines, pytest.raises(CertificateRejected) as caught:
        context.swap(authority.issue("elsewhere.test"))
    assert context.last_error is caught.value
    assert context.refusals == {"wrong-name": 1}
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("certificate.refused", "wrong-name")
    ]
    assert presented(context, authority) == der(good)


def test_the_same_chain_with_another_key_is_refused(serve: Serve, authority: Hierarchy) -> None:
    good = authority.issue()
    context = serve(good)
    with pytest.raises(CertificateRejected) as caught:
        context.swap(Credential(good.chain, generate()))
    assert caught.value.code == "key-mismatch"
    assert presented(context, authority) == der(good)


def test_whoever_listens_hears_of_swaps_and_refusals(serve: Serve, authority: Hierarchy) -> None:
    heard: list[tuple[int, HermeticError | None]] = []
    context = serve(on_change=lambda one: heard.append((one.swaps, one.last_error)))
    context.swap(authority.issue())
    with pytest.raises(CertificateRejected) as caught:
        context.swap(authority.issue("elsewhere.test"))
    assert heard == [(1, None), (1, caught.value)]


@pytest.mark.parametrize("again", ["another", "the same"])
def test_a_good_one_ends_the_error(serve: Serve, authority: Hierarchy, again: str) -> None:
    good = authority.issue()
    context = serve(good)
    with pytest.raises(CertificateRejected):
        context.swap(authority.issue("elsewhere.test"))
    context.swap(good if again == "the same" else authority.issue())
    assert context.last_error is None


def test_time_is_what_the_clock_says(
    serve: Serve, authority: Hierarchy, clock: TurnedClock
) -> None:
    context, next_one = serve(), authority.issue()
    clock.advance(2 * DAY)
    with pytest.raises(CertificateRejected) as caught:
        context.swap(next_one)
    assert caught.value.code == "expired"
    assert context.swap(authority.issue(now=authority.now + 2 * DAY))


def test_what_is_unfit_at_the_beginning_makes_no_context(
    serve: Serve, authority: Hierarchy
) -> None:
    with pytest.raises(CertificateRejected, match="elsewhere"):
        serve(authority.issue("elsewhere.test"))
    with pytest.raises(CertificateRejected, match="role"):
        serve(authority.issue(role=Role.AUTHENTICATION))
    with pytest.raises(BadInput):
        serve(names=["no name"])


def test_an_unknown_name_is_refused_by_alert_and_logged_by_name(
    serve: Serve, authority: Hierarchy
) -> None:
    context = serve()
    with capture_logs() as lines:
        shaken = shake(context.base, trusting(None), "elsewhere.test")
    assert shaken.client_error == "TLSV1_UNRECOGNIZED_NAME"
    assert context.unknown_names == 1
    assert [(line["event"], line["name"]) for line in lines] == [
        ("tls.unknown_name", "elsewhere.test")
    ]


def test_a_name_that_cannot_be_read_is_logged_and_nothing_else_is_written(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    context, to_server, to_client = serve(), ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting(None).wrap_bio(to_client, to_server, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = to_server.read().replace(b"localhost", b"\xff\xfe\r\nlocal")
    to_server.write(hello)
    server = context.base.wrap_bio(to_server, to_client, server_side=True)
    with capture_logs() as lines, pytest.raises(ssl.SSLError, match="callback failed"):
        server.do_handshake()
    assert [line["name"] for line in lines] == [repr(b"\xff\xfe\r\nlocal")]
    assert context.unknown_names == 1
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["Node-1.Example.COM", "node-2.example.com", "other.test"])
def test_a_name_of_the_certificate_is_served(serve: Serve, authority: Hierarchy, name: str) -> None:
    credential = authority.issue("*.example.com", "other.test")
    context = serve(credential, names=["other.test"])
    assert shake(context.base, trusting(None), name).presented == der(credential)


@pytest.mark.parametrize("name", ["example.com", "a.b.example.com", "com", "xexample.com"])
def test_a_wildcard_stands_for_one_label(serve: Serve, authority: Hierarchy, name: str) -> None:
    context = serve(authority.issue("*.example.com"), names=[])
    assert shake(context.base, trusting(None), name).client_error == "TLSV1_UNRECOGNIZED_NAME"


def test_the_names_change_with_the_certificate(serve: Serve, authority: Hierarchy) -> None:
    context = serve(authority.issue("old.test", "both.test"), names=[])
    context.swap(authority.issue("new.test", "both.test"))
    assert shake(context.base, trusting(None), "new.test").succeeded
    assert not shake(context.base, trusting(None), "old.test").succeeded


def test_the_profile_holds_after_a_swap(serve: Serve, authority: Hierarchy) -> None:
    context = serve(profile=TlsProfile.MODERN)
    context.swap(authority.issue())
    older = trusting(authority.root_pem, up_to=ssl.TLSVersion.TLSv1_2)
    assert shake(context.base, older).server_error == "UNSUPPORTED_PROTOCOL"
    assert shake(context.base, trusting(authority.root_pem)).succeeded


def test_a_ticket_is_good_after_a_swap(serve: Serve, authority: Hierarchy) -> None:
    context, client = serve(), trusting(authority.root_pem)
    session = shake(context.base, client).client.session
    context.swap(authority.issue())
    assert shake(context.base, client, session=session).client.session_reused


def test_other_roots_can_be_admitted_later(
    serve: Serve, authority: Hierarchy, stranger: Hierarchy
) -> None:
    context = serve(client_roots=authority.root_pem)
    old, new = (one.issue("n", role=Role.AUTHENTICATION) for one in (authority, stranger))
    with_old, with_new = (client_context(authority.root_pem, credential=one) for one in (old, new))
    assert shake(context.base, with_old).succeeded
    assert not shake(context.base, with_new).succeeded
    context.admit(authority.root_pem + stranger.root_pem)
    assert shake(context.base, with_old).succeeded
    assert shake(context.base, with_new).succeeded
    context.admit(stranger.root_pem)
    assert not shake(context.base, with_old).succeeded
    assert shake(context.base, with_new).succeeded


def test_roots_that_are_none_leave_the_last_ones(serve: Serve, authority: Hierarchy) -> None:
    context = serve(client_roots=authority.root_pem)
    with pytest.raises(CertificateRejected):
        context.admit(b"nonsense")
    known = authority.issue("n", role=Role.AUTHENTICATION)
    assert shake(context.base, client_context(authority.root_pem, credential=known)).succeeded


def test_without_roots_nobody_is_admitted_until_there_are_some(
    serve: Serve, authority: Hierarchy
) -> None:
    context = serve(client_roots=b"")
    known = authority.issue("n", role=Role.AUTHENTICATION)
    client = client_context(authority.root_pem, credential=known)
    for roots, succeeds in ((authority.root_pem, True), (b"", False), (authority.root_pem, True)):
        assert shake(context.base, client).succeeded is not succeeds
        context.admit(roots)
        assert shake(context.base, client).succeeded is succeeds
    without = shake(context.base, trusting(authority.root_pem))
    assert without.server_error == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


def test_an_intermediate_that_is_admitted_may_be_left_out_and_is_no_root(
    serve: Serve, authority: Hierarchy
) -> None:
    full = authority.issue("n", role=Role.AUTHENTICATION)
    alone = Credential(Chain(full.chain.certificates[:1]), full.key)
    client = client_context(authority.root_pem, credential=alone)
    context = serve(client_roots=authority.root_pem)
    assert not shake(context.base, client).succeeded
    context.admit(authority.root_pem + authority.intermediate.chain_pem)
    assert shake(context.base, client).succeeded
    context.admit(authority.intermediate.chain_pem)
    assert not shake(context.base, client).succeeded


def test_a_context_that_asks_no_client_refuses_roots(serve: Serve, authority: Hierarchy) -> None:
    with pytest.raises(HermeticError, match="asks no client"):
        serve().admit(authority.root_pem)


def test_names_that_it_is_not_for_are_served_by_what_stands_beside_it(
    serve: Serve, authority: Hierarchy
) -> None:
    own, public = authority.issue("localhost"), authority.issue("models.test", "*.a.test")
    beside = serve(own)
    context = serve(public, names=[], beside=beside)
    assert presented(context, authority, "models.test") == der(public)
    assert presented(context, authority, "x.a.test") == der(public)
    assert presented(context, authority) == der(public)
    assert presented(context, authority, "localhost") == der(own)
    again = authority.issue("localhost")
    beside.swap(again)
    assert presented(context, authority, "localhost") == der(again)
    client = trusting(authority.root_pem)
    assert not shake(context.base, client, "elsewhere.test").succeeded
    assert context.unknown_names == 1


def test_nobody_comes_in_beside_a_door_that_asks_for_certificates(
    serve: Serve, authority: Hierarchy
) -> None:
    beside = serve(authority.issue("localhost"))
    guarded = serve(
        authority.issue("models.test"), names=[], beside=beside, client_roots=authority.root_pem
    )
    client = trusting(authority.root_pem)
    assert not shake(guarded.base, client, "localhost").succeeded
