"""Revocation lists: what is on them, whose they are, and when they count for nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hermetic.certificates.effort import Effort
from hermetic.certificates.keys import KeyKind
from hermetic.certificates.revocation import Revocations, check_revocation
from hermetic.errors import CertificateRejected
from tests.support.certificates import key_of
from tests.support.mint import (
    DAY,
    NOW,
    Change,
    Extension,
    Minted,
    authority,
    leaf,
    revocation_list,
    usage,
)

NUMBER: Extension = (x509.CRLNumber(1), False)
URL = x509.UniformResourceIdentifier("http://crl.example.com/1")
OTHER_URL = x509.UniformResourceIdentifier("http://crl.example.com/2")


def scope(only: str = "", full_name: Sequence[x509.GeneralName] | None = None) -> list[Extension]:
    """Return what a list carries that is for some certificates only."""
    value = x509.IssuingDistributionPoint(
        full_name=full_name,
        relative_name=None,
        only_some_reasons=None,
        only_contains_user_certs=only == "leaves",
        only_contains_ca_certs=only == "authorities",
        only_contains_attribute_certs=only == "attributes",
        indirect_crl=only == "indirect",
    )
    return [NUMBER, (value, True)]


def check(
    *path: x509.Certificate, lists: Sequence[x509.CertificateRevocationList], required: bool = False
) -> None:
    check_revocation(path, Revocations(lists, required), NOW, Effort())


def code_of(caught: pytest.ExceptionInfo[CertificateRejected]) -> str:
    return caught.value.code


@pytest.fixture
def root() -> Minted:
    return authority()


def test_a_certificate_that_is_on_no_list_is_accepted(root: Minted) -> None:
    other = leaf(root, change=Change(serial=7))
    check(leaf(root), root.certificate, lists=[revocation_list(root, other)])


def test_a_certificate_on_the_list_is_refused_with_day_and_reason(root: Minted) -> None:
    certificate = leaf(root)
    crl = revocation_list(root, certificate, reason=x509.ReasonFlags.key_compromise)
    with pytest.raises(
        CertificateRejected, match=r"revoked on 2026-06-01 11:00:00 UTC \(keyCompromise\)"
    ) as caught:
        check(certificate, root.certificate, lists=[crl])
    assert code_of(caught) == "revoked"


def test_an_intermediate_on_the_list_of_its_root_is_refused(root: Minted) -> None:
    middle = authority("CA", above=root)
    crl = revocation_list(root, middle.certificate)
    with pytest.raises(CertificateRejected, match=r"'CN=CA' was revoked .*no reason given"):
        check(leaf(middle), middle.certificate, root.certificate, lists=[crl])


def test_the_same_serial_number_of_another_authority_revokes_nothing(root: Minted) -> None:
    other = authority("Other")
    check(leaf(root), root.certificate, lists=[revocation_list(other, leaf(other))])


def test_a_list_of_the_same_name_by_another_key_revokes_nothing_if_it_says_so(
    root: Minted,
) -> None:
    namesake = authority(key=key_of(KeyKind.EC_P256, 50))
    assert isinstance(namesake.key, EllipticCurvePrivateKey)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(namesake.key.public_key())
    crl = revocation_list(namesake, leaf(root), put=(NUMBER, (identifier, False)))
    check(leaf(root), root.certificate, lists=[crl])


def test_a_list_of_the_same_name_that_does_not_say_so_is_a_forgery(root: Minted) -> None:
    namesake = authority(key=key_of(KeyKind.EC_P256, 50))
    with pytest.raises(CertificateRejected, match="not signed by the key") as caught:
        check(leaf(root), root.certificate, lists=[revocation_list(namesake)])
    assert code_of(caught) == "bad-crl"


@pytest.mark.parametrize(
    "put",
    [
        (),
        ((x509.CRLNumber(1), True),),
        (NUMBER, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"?"), True)),
        (NUMBER, (x509.DeltaCRLIndicator(1), True)),
        scope("indirect"),
    ],
)
def test_a_list_that_cannot_be_used_refuses(root: Minted, put: Sequence[Extension]) -> None:
    with pytest.raises(CertificateRejected, match=r"^The revocation list of 'CN=Root'") as caught:
        check(leaf(root), root.certificate, lists=[revocation_list(root, put=put)])
    assert code_of(caught) == "bad-crl"


def test_a_list_of_an_authority_that_may_sign_none_refuses() -> None:
    root = authority(change=Change(put=[(usage(key_cert_sign=True), True)]))
    with pytest.raises(CertificateRejected, match="lacks cRLSign") as caught:
        check(leaf(root), root.certificate, lists=[revocation_list(root)])
    assert code_of(caught) == "bad-crl"


def test_a_list_without_key_usage_above_it_counts() -> None:
    root = authority(change=Change(leave_out=[x509.KeyUsage]))
    certificate = leaf(root)
    with pytest.raises(CertificateRejected, match="was revoked"):
        check(certificate, root.certificate, lists=[revocation_list(root, certificate)])


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (NOW - 2 * DAY, NOW - timedelta(seconds=1), "crl-expired"),
        (NOW + timedelta(seconds=1), NOW + DAY, "bad-crl"),
    ],
)
def test_a_list_of_another_time_refuses(
    root: Minted, first: datetime, last: datetime, code: str
) -> None:
    crl = revocation_list(root, last_update=first, next_update=last)
    with pytest.raises(CertificateRejected, match="2026-06-01 12:00:00 UTC") as caught:
        check(leaf(root), root.certificate, lists=[crl])
    assert code_of(caught) == code


def test_a_stale_list_beside_its_successor_does_no_harm(root: Minted) -> None:
    stale = revocation_list(root, last_update=NOW - 2 * DAY, next_update=NOW - DAY)
    certificate = leaf(root)
    check(certificate, root.certificate, lists=[stale, revocation_list(root)])
    with pytest.raises(CertificateRejected) as caught:
        check(certificate, root.certificate, lists=[stale, revocation_list(root, certificate)])
    assert code_of(caught) == "revoked"


def test_a_certificate_without_a_list_is_accepted_unless_one_is_required(root: Minted) -> None:
    check(leaf(root), root.certificate, lists=[])
    check(leaf(root), root.certificate, lists=[revocation_list(root)], required=True)
    with pytest.raises(CertificateRejected, match="there is no list of 'CN=Root'") as caught:
        check(leaf(root), root.certificate, lists=[], required=True)
    assert code_of(caught) == "no-crl"


@pytest.mark.parametrize(
    ("only", "covers_leaf"),
    [
        ("leaves", True),
        ("authorities", False),
        ("attributes", False),
    ],
)
def test_a_list_counts_for_the_kind_it_covers(
    root: Minted, only: str, *, covers_leaf: bool
) -> None:
    certificate = leaf(root)
    crl = revocation_list(root, certificate, put=scope(only))
    with pytest.raises(CertificateRejected) as caught:
        check(certificate, root.certificate, lists=[crl], required=True)
    assert code_of(caught) == ("revoked" if covers_leaf else "no-crl")


@pytest.mark.parametrize(("url", "code"), [(URL, "revoked"), (OTHER_URL, "no-crl")])
def test_a_part_of_a_list_counts_for_those_who_point_at_it(
    root: Minted, url: x509.GeneralName, code: str
) -> None:
    point = x509.DistributionPoint([URL], None, None, None)
    certificate = leaf(root, change=Change(put=[(x509.CRLDistributionPoints([point]), False)]))
    crl = revocation_list(root, certificate, put=scope(full_name=[url]))
    with pytest.raises(CertificateRejected) as caught:
        check(certificate, root.certificate, lists=[crl], required=True)
    assert code_of(caught) == code
