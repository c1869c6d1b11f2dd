"""Chains: which are believed, which are not, and what is said of them."""

import time
from datetime import timedelta, timezone
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hermetic.certificates.keys import KeyKind
from hermetic.certificates.names import ServerName
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.certificates.verification import Authorities, verify
from hermetic.errors import BadInput, CertificateRejected
from tests.support.certificates import Hierarchy, hierarchy, key_of
from tests.support.mint import (
    DAY,
    NOW,
    Change,
    Minted,
    authority,
    leaf,
    patched,
    revocation_list,
    spoilt,
)


@pytest.fixture(scope="module")
def ours() -> Hierarchy:
    return hierarchy(NOW)


@cache
def one_chain(ours: Hierarchy) -> tuple[x509.Certificate, ...]:
    """Return one chain of *ours*, the same each time."""
    return ours.issue("node.example.com").chain.certificates


def code_of(caught: pytest.ExceptionInfo[CertificateRejected]) -> str:
    return caught.value.code


@pytest.mark.parametrize("role", Role)
def test_what_we_sign_is_believed_for_its_role(ours: Hierarchy, role: Role) -> None:
    credential = ours.issue("node.example.com", "127.0.0.1", "::1", role=role)
    found = verify(
        credential.chain.certificates,
        roots=[ours.root_certificate],
        at=NOW,
        name="NODE.example.com.",
        purpose=role,
    )
    assert found.certificates == (*credential.chain.certificates, ours.root_certificate)


@pytest.mark.parametrize(
    "kind", [KeyKind.RSA_2048, KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519]
)
def test_what_we_sign_is_believed_with_every_kind_of_key(kind: KeyKind) -> None:
    authority_of_kind = hierarchy(NOW, kind=kind)
    credential = authority_of_kind.issue("10.0.0.1", key=key_of(kind))
    verify(
        credential.chain.certificates,
        roots=[authority_of_kind.root_certificate],
        at=NOW,
        name=ServerName.parse("10.0.0.1"),
        purpose=Role.API,
    )


@pytest.mark.parametrize(
    ("purpose", "role"),
    [
        (Role.AUTHENTICATION, Role.API),
        (Role.AUTHENTICATION, Role.COMPUTE),
        (Role.API, Role.AUTHENTICATION),
        (Role.COMPUTE, Role.AUTHENTICATION),
    ],
)
def test_a_leaf_for_one_role_is_refused_for_another(
    ours: Hierarchy, purpose: Role, role: Role
) -> None:
    chain = ours.issue(role=role).chain
    with pytest.raises(CertificateRejected) as caught:
        verify(chain.certificates, roots=[ours.root_certificate], at=NOW, purpose=purpose)
    assert code_of(caught) == "wrong-purpose"


def test_a_leaf_of_another_authority_is_refused(ours: Hierarchy) -> None:
    stranger = hierarchy(NOW, name="Stranger").issue().chain
    with pytest.raises(CertificateRejected, match="who is neither a root nor among") as caught:
        verify(stranger.certificates, roots=[ours.root_certificate], at=NOW)
    assert code_of(caught) == "unknown-issuer"


def test_a_leaf_of_an_authority_of_the_same_name_is_refused(ours: Hierarchy) -> None:
    namesake = hierarchy(NOW).issue().chain
    with pytest.raises(CertificateRejected, match="another authority has the same name") as caught:
        verify(namesake.certificates, roots=[ours.root_certificate], at=NOW)
    assert code_of(caught) == "bad-signature"


def test_a_root_that_comes_with_the_chain_is_not_trusted_for_it(ours: Hierarchy) -> None:
    stranger = hierarchy(NOW, name="Stranger")
    chain = (*stranger.issue().chain.certificates, stranger.root_certificate)
    with pytest.raises(CertificateRejected, match=r"'CN=Stranger root.*self-signed") as caught:
        verify(chain, roots=[ours.root_certificate], at=NOW)
    assert code_of(caught) == "untrusted-root"


def test_a_missing_intermediate_is_named(ours: Hierarchy) -> None:
    chain = ours.issue().chain
    with pytest.raises(
        CertificateRejected, match=r"'CN=Test intermediate.*add the missing"
    ) as caught:
        verify(chain.certificates[:1], roots=[ours.root_certificate], at=NOW)
    assert code_of(caught) == "unknown-issuer"


def test_without_certificates_or_roots_nothing_is_believed(ours: Hierarchy) -> None:
    with pytest.raises(CertificateRejected) as caught:
        verify([], roots=[ours.root_certificate], at=NOW)
    assert code_of(caught) == "no-certificate"
    with pytest.raises(CertificateRejected) as caught:
        verify(ours.issue().chain.certificates, roots=[], at=NOW)
    assert code_of(caught) == "unknown-issuer"


def test_a_self_signed_leaf_is_refused_as_such() -> None:
    itself = authority("a.example")
    alone = leaf(itself, "a.example", common_name="a.example", key=itself.key)
    with pytest.raises(CertificateRejected, match=r"'CN=a\.example' is self-signed") as caught:
        verify([alone], roots=[authority().certificate], at=NOW)
    assert code_of(caught) == "untrusted-root"


def test_a_common_name_alone_names_no_server() -> None:
    root = authority()
    change = Change(leave_out=[x509.SubjectAlternativeName])
    certificate = leaf(root, common_name="node.example.com", change=change)
    with pytest.raises(CertificateRejected, match="RFC 9525") as caught:
        verify([certificate], roots=[root.certificate], at=NOW, name="node.example.com")
    assert code_of(caught) == "no-san"


def test_who_comes_in_needs_a_subject_or_an_alternative_and_a_server_the_latter() -> None:
    root = authority()
    change = Change(leave_out=[x509.SubjectAlternativeName])
    named = leaf(root, common_name="web-1", change=change)
    nameless = leaf(root, change=change)
    verify([named], roots=[root.certificate], at=NOW, purpose=Role.AUTHENTICATION)
    for certificate, purpose in ((named, Role.COMPUTE), (nameless, Role.AUTHENTICATION)):
        with pytest.raises(CertificateRejected) as caught:
            verify([certificate], roots=[root.certificate], at=NOW, purpose=purpose)
        assert code_of(caught) == "no-san"


def test_a_misleading_common_name_is_refused_of_servers_only() -> None:
    root = authority()
    certificate = leaf(root, "a.example", common_name="b.example")
    verify([certificate], roots=[root.certificate], at=NOW, purpose=Role.AUTHENTICATION)
    with pytest.raises(CertificateRejected) as caught:
        verify([certificate], roots=[root.certificate], at=NOW, purpose=Role.API)
    assert code_of(caught) == "bad-common-name"


@pytest.mark.parametrize(("name", "code"), [("b.example", "wrong-name"), ("*.example", "")])
def test_another_name_and_junk_are_refused(name: str, code: str) -> None:
    root = authority()
    with pytest.raises(BadInput) as caught:
        verify([leaf(root, "a.example")], roots=[root.certificate], at=NOW, name=name)
    assert getattr(caught.value, "code", "") == code


@pytest.mark.parametrize(
    ("later", "code"),
    [(timedelta(days=-2), "not-yet-valid"), (timedelta(days=2), "expired"), (timedelta(), "")],
)
def test_each_link_has_to_be_in_time(later: timedelta, code: str) -> None:
    long = Change(not_before=NOW - 9 * DAY, not_after=NOW + 9 * DAY)
    root = authority(change=long)
    middle = authority("CA", above=root)
    chain = [leaf(middle, change=long), middle.certificate]
    if not code:
        verify(chain, roots=[root.certificate], at=(NOW + later).astimezone(timezone(DAY / 24)))
        return
    with pytest.raises(CertificateRejected, match="'CN=CA'") as caught:
        verify(chain, roots=[root.certificate], at=NOW + later)
    assert code_of(caught) == code


def test_an_expired_path_does_not_hide_a_good_one() -> None:
    root = authority()
    old = authority("CA", above=root, change=Change(not_before=NOW - 9 * DAY, not_after=NOW - DAY))
    new = authority("CA", above=root)
    found = verify([leaf(new), old.certificate, new.certificate], roots=[root.certificate], at=NOW)
    assert found.certificates[1] == new.certificate


def test_what_fails_below_a_trusted_root_is_told_before_what_leads_nowhere() -> None:
    root = authority(change=Change(not_before=NOW - 9 * DAY, not_after=NOW - DAY))
    middle = authority("CA", above=root)
    elsewhere = authority("CA", above=authority("Nobody"))
    chain = [leaf(middle), elsewhere.certificate, middle.certificate]
    with pytest.raises(CertificateRejected, match="'CN=Root' expired") as caught:
        verify(chain, roots=[root.certificate], at=NOW)
    assert code_of(caught) == "expired"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(4)))
def test_the_pool_may_be_in_any_order_and_hold_repeats(order: list[int]) -> None:
    root = authority()
    first = authority("A", above=root)
    second = authority("B", above=first)
    pool = [first, second, root, second]
    found = verify(
        [leaf(second), *(pool[index].certificate for index in order)],
        roots=[root.certificate],
        at=NOW,
    )
    assert [one.subject.rfc4514_string() for one in found.issuers] == ["CN=B", "CN=A", "CN=Root"]


def test_an_authority_may_allow_none_below_itself() -> None:
    root = authority(path_length=0)
    verify([leaf(root)], roots=[root.certificate], at=NOW)
    middle = authority("CA", above=root)
    with pytest.raises(CertificateRejected, match="allows 0 authorities below itself") as caught:
        verify([leaf(middle), middle.certificate], roots=[root.certificate], at=NOW)
    assert code_of(caught) == "path-too-long"


def test_self_issued_authorities_are_not_counted() -> None:
    root = authority(path_length=0)
    rolled = authority("Root", above=root, key=key_of(KeyKind.EC_P256, 60))
    verify([leaf(rolled), rolled.certificate], roots=[root.certificate], at=NOW)


def chain_of(length: int) -> tuple[Minted, list[x509.Certificate]]:
    """Return a root, and a leaf with that many authorities between."""
    above = root = authority()
    pool: list[x509.Certificate] = []
    for number in range(length):
        above = authority(f"CA {number:02}", above=above)
        pool.append(above.certificate)
    return root, [leaf(above), *pool]


def test_eight_authorities_may_stand_between_and_nine_may_not() -> None:
    root, chain = chain_of(8)
    assert len(verify(chain, roots=[root.certificate], at=NOW).certificates) == 10
    root, chain = chain_of(9)
    with pytest.raises(CertificateRejected, match="more than 8 authorities") as caught:
        verify(chain, roots=[root.certificate], at=NOW)
    assert code_of(caught) == "path-too-long"


def test_the_length_can_be_set() -> None:
    root, chain = chain_of(1)
    verify(chain, roots=[root.certificate], at=NOW, longest=1)
    with pytest.raises(CertificateRejected):
        verify(chain, roots=[root.certificate], at=NOW, longest=0)


def test_a_circle_of_authorities_ends() -> None:
    one, other = authority("A", above=authority("B")), authority("B", above=authority("A"))
    with pytest.raises(CertificateRejected, match="from whom no root is reached") as caught:
        verify(
            [leaf(one), one.certificate, other.certificate],
            roots=[authority().certificate],
            at=NOW,
        )
    assert code_of(caught) == "unknown-issuer"


def test_paths_without_end_are_given_up_in_time() -> None:
    # each of twelve namesakes has signed each other: 12! ways, and none reaches the root
    namesakes = [authority("CA", key=key_of(KeyKind.EC_P256, 70 + n)) for n in range(12)]
    pool = [
        authority("CA", above=above, key=below.key).certificate
        for above in namesakes
        for below in namesakes
        if above is not below
    ]
    certificate = leaf(namesakes[0])
    start = time.process_time()
    with pytest.raises(CertificateRejected) as caught:
        verify([certificate, *pool], roots=[authority().certificate], at=NOW)
    assert code_of(caught) == "too-complex"
    assert time.process_time() - start < 1


def test_names_times_constraints_are_given_up_in_time() -> None:
    subtrees = [x509.DNSName(f"a{number}.example") for number in range(1000)]
    change = Change(put=[(x509.NameConstraints(None, subtrees), True)])
    root = authority(change=change)
    certificate = leaf(root, *(f"*.b{number}.example" for number in range(1000)))
    start = time.process_time()
    with pytest.raises(CertificateRejected) as caught:
        verify([certificate], roots=[root.certificate], at=NOW)
    assert code_of(caught) == "too-complex"
    assert time.process_time() - start < 1


def test_a_leaf_that_was_changed_is_refused(ours: Hierarchy) -> None:
    certificate, *pool = ours.issue("node.example.com").chain.certificates
    changed = patched(certificate, b"node.example", b"evil.example")
    with pytest.raises(CertificateRejected, match="it was changed") as caught:
        verify([changed, *pool], roots=[ours.root_certificate], at=NOW, name="evil.example.com")
    assert code_of(caught) == "bad-signature"


def test_a_signature_that_ends_within_an_octet_is_refused(ours: Hierarchy) -> None:
    issued = (ours.issue("node.example.com").chain.certificates for _ in range(100))
    # Only where the last bit is zero can it be left out without the parser's notice.
    certificate, *pool = next(one for one in issued if not one[0].signature[-1] & 1)
    signature = certificate.signature
    shortened = patched(certificate, b"\x00" + signature, b"\x01" + signature)
    with pytest.raises(CertificateRejected, match="within an octet") as caught:
        verify([shortened, *pool], roots=[ours.root_certificate], at=NOW)
    assert code_of(caught) == "bad-signature"


def test_a_leaf_signed_over_a_short_hash_is_refused() -> None:
    root = authority()
    certificate = leaf(root, change=Change(hash=hashes.SHA224()))
    with pytest.raises(CertificateRejected) as caught:
        verify([certificate], roots=[root.certificate], at=NOW)
    assert code_of(caught) == "weak-signature"


def test_a_pool_with_certificates_that_cannot_be_read_does_no_harm(ours: Hierarchy) -> None:
    chain = ours.issue().chain.certificates
    broken = spoilt(ours.intermediate.chain.leaf, x509.BasicConstraints)
    nameless = patched(ours.intermediate.chain.leaf, b"Test root", b"\xff" * 9)
    verify([chain[0], broken, nameless, *chain[1:]], roots=[ours.root_certificate], at=NOW)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    which=st.integers(0, 1),
    position=st.integers(0, 10_000),
    octet=st.integers(0, 255),
)
@example(which=0, position=15, octet=128)  # a negative serial number
def test_a_chain_with_one_octet_changed_is_refused_with_a_code(
    ours: Hierarchy, which: int, position: int, octet: int
) -> None:
    chain = list(one_chain(ours))
    der = bytearray(chain[which].public_bytes(Encoding.DER))
    der[position % len(der)] ^= octet or 1
    try:
        chain[which] = x509.load_der_x509_certificate(bytes(der))
    except (ValueError, x509.InvalidVersion):
        return
    with pytest.raises(CertificateRejected):
        verify(chain, roots=[ours.root_certificate], at=NOW, name="node.example.com")


def test_authorities_at_hand_serve_many_chains_and_only_roots_are_believed(
    ours: Hierarchy,
) -> None:
    leaf_alone = one_chain(ours)[:1]
    intermediates = [one.chain.leaf for one in (ours.intermediate, hierarchy(NOW).intermediate)]
    at_hand = Authorities.of([ours.root_certificate], intermediates)
    for shown in (leaf_alone, one_chain(ours)):
        assert verify(shown, roots=at_hand, at=NOW).certificates[-1] == ours.root_certificate
    with pytest.raises(CertificateRejected) as caught:
        verify(leaf_alone, roots=Authorities.of([], intermediates), at=NOW)
    assert code_of(caught) == "unknown-issuer"


def test_a_revoked_certificate_is_refused_and_its_neighbour_is_not() -> None:
    root = authority()
    revoked, neighbour = leaf(root, change=Change(serial=7)), leaf(root, change=Change(serial=8))
    revocations = Revocations([revocation_list(root, revoked)], required=True)
    verify([neighbour], roots=[root.certificate], at=NOW, revocations=revocations)
    with pytest.raises(CertificateRejected) as caught:
        verify([revoked], roots=[root.certificate], at=NOW, revocations=revocations)
    assert code_of(caught) == "revoked"
