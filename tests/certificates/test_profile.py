"""What one certificate must be in itself: each rule with a certificate that breaks only it."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hermetic.certificates.names import ServerName
from hermetic.certificates.profile import (
    check_authority,
    check_common_name,
    check_leaf,
    check_name,
    check_time,
)
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from tests.support.mint import (
    DAY,
    NOW,
    Change,
    authority,
    general,
    leaf,
    patched,
    spoilt,
    subject,
    usage,
)

SECOND = timedelta(seconds=1)
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
ANY = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]
)
NODE_NAME = x509.SubjectAlternativeName([general("node.example.com")])
CONSTRAINTS = x509.NameConstraints([general("example.com")], None)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"?")
FOREIGN_KEY = x509.AuthorityKeyIdentifier(b"foreign", None, None)
WHOLE_ISSUER = x509.AuthorityKeyIdentifier(
    x509.SubjectKeyIdentifier.from_public_key(authority().key.public_key()).digest,
    [x509.DirectoryName(subject("Root"))],
    1,
)
NO_KEY = x509.AuthorityKeyIdentifier(None, [x509.DirectoryName(subject("Root"))], 1)


def code_of(caught: pytest.ExceptionInfo[CertificateRejected]) -> str:
    return caught.value.code


@pytest.mark.parametrize("role", [*Role, None])
def test_a_leaf_as_it_should_be_is_accepted_for_each_role(role: Role | None) -> None:
    check_leaf(leaf(authority()), role)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change(put=[(x509.BasicConstraints(True, None), True)]), "ca-as-leaf"),
        (Change(put=[(usage(digital_signature=True, key_cert_sign=True), True)]), "ca-as-leaf"),
        (Change(put=[(usage(key_encipherment=True), True)]), "wrong-purpose"),
        (Change(put=[(CLIENT, False)]), "wrong-purpose"),
        (Change(leave_out=[x509.ExtendedKeyUsage]), "wrong-purpose"),
        (Change(put=[(SERVER, True)]), "bad-extension"),
        (Change(put=[(ANY, False)]), "bad-extension"),
        (Change(put=[(CONSTRAINTS, True)]), "bad-extension"),
        (Change(leave_out=[x509.AuthorityKeyIdentifier]), "bad-extension"),
        (Change(put=[(NO_KEY, False)]), "bad-extension"),
        (Change(put=[(FOREIGN_KEY, True)]), "bad-extension"),
        (Change(put=[(NODE_NAME, False)]), "bad-extension"),
        (Change(put=[(UNKNOWN, True)]), "unhandled-extension"),
        (Change(put=[(x509.PolicyConstraints(0, None), True)]), "unhandled-extension"),
        (Change(leave_out=[x509.SubjectAlternativeName]), "no-san"),
        (Change(put=[(x509.SubjectAlternativeName([]), True)]), "no-san"),
        (Change(put=[(x509.UnrecognizedExtension(UNKNOWN.oid, bytes(70000)), False)]), "too-large"),
    ],
)
def test_a_leaf_that_breaks_one_rule_is_refused_with_its_code(change: Change, code: str) -> None:
    with pytest.raises(CertificateRejected, match=r"^The certificate without .*\.$") as caught:
        check_leaf(leaf(authority(), change=change), Role.API)
    assert code_of(caught) == code


@pytest.mark.parametrize(
    "change",
    [
        Change(leave_out=[x509.KeyUsage]),
        Change(put=[(SERVER, False)]),
        Change(put=[(UNKNOWN, False)]),
        Change(put=[(x509.PolicyConstraints(None, 0), True)]),
        Change(put=[(x509.BasicConstraints(False, None), True)]),
    ],
)
def test_what_no_rule_asks_for_may_be_there_or_not(change: Change) -> None:
    check_leaf(leaf(authority(), change=change), Role.API)


def test_a_leaf_with_a_thousand_names_is_accepted_and_one_more_is_not() -> None:
    names = [f"n{number}.example.com" for number in range(1001)]
    check_leaf(leaf(authority(), *names[:1000]), Role.API)
    with pytest.raises(CertificateRejected, match="more than 1000 names"):
        check_leaf(leaf(authority(), *names), Role.API)


def test_a_leaf_that_cannot_be_read_is_malformed() -> None:
    with pytest.raises(CertificateRejected) as caught:
        check_leaf(spoilt(leaf(authority()), x509.ExtendedKeyUsage), Role.API)
    assert code_of(caught) == "malformed"


def test_a_leaf_of_version_1_is_refused() -> None:
    der = leaf(authority()).public_bytes(Encoding.DER)
    lengths = [int.from_bytes(der[at : at + 2], "big") - 5 for at in (2, 6)]
    older = b"".join(b"\x30\x82" + length.to_bytes(2, "big") for length in lengths) + der[13:]
    with pytest.raises(CertificateRejected) as caught:
        check_leaf(x509.load_der_x509_certificate(older), Role.API)
    assert code_of(caught) == "bad-version"


@pytest.mark.filterwarnings("ignore:Parsed a serial number:UserWarning")
def test_a_leaf_with_a_negative_serial_number_is_refused_and_a_root_is_not() -> None:
    positive, negative = bytes.fromhex("02035ea1ed"), bytes.fromhex("02039ea1ed")
    root = authority()
    check_authority(patched(root.certificate, positive, negative), Role.API, is_root=True)
    with pytest.raises(CertificateRejected) as caught:
        check_leaf(patched(leaf(root), positive, negative), Role.API)
    assert code_of(caught) == "bad-serial"


def test_a_leaf_without_an_issuer_is_malformed() -> None:
    with pytest.raises(CertificateRejected, match="names no issuer"):
        check_leaf(leaf(authority("")), Role.API)


@pytest.mark.parametrize("is_root", [True, False])
def test_an_authority_as_it_should_be_is_accepted(is_root: bool) -> None:
    root = authority()
    check_authority((root if is_root else authority("CA", above=root)).certificate, Role.API,
                    is_root=is_root)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change(leave_out=[x509.BasicConstraints]), "not-an-authority"),
        (Change(put=[(x509.BasicConstraints(False, None), True)]), "not-an-authority"),
        (Change(put=[(x509.BasicConstraints(True, None), False)]), "not-an-authority"),
        (Change(put=[(usage(crl_sign=True), True)]), "not-an-authority"),
        (Change(leave_out=[x509.SubjectKeyIdentifier]), "bad-extension"),
        (Change(put=[(FOREIGN_KEY, False)]), "bad-extension"),
        (Change(put=[(WHOLE_ISSUER, False)]), "bad-extension"),
        (Change(put=[(SERVER, False)]), "bad-extension"),
        (Change(put=[(CONSTRAINTS, False)]), "bad-extension"),
    ],
)
def test_a_root_that_breaks_one_rule_is_refused_with_its_code(change: Change, code: str) -> None:
    with pytest.raises(CertificateRejected, match=r"^The certificate of 'CN=Root' ") as caught:
        check_authority(authority(change=change).certificate, Role.API, is_root=True)
    assert code_of(caught) == code


def test_an_authority_without_a_subject_issues_nothing() -> None:
    nobody = authority("", above=authority()).certificate
    with pytest.raises(CertificateRejected) as caught:
        check_authority(nobody, None, is_root=False)
    assert code_of(caught) == "not-an-authority"


def test_a_root_need_not_name_its_own_key() -> None:
    change = Change(leave_out=[x509.AuthorityKeyIdentifier, x509.KeyUsage])
    check_authority(authority(change=change).certificate, Role.API, is_root=True)


def test_an_intermediate_must_name_the_key_above_it() -> None:
    change = Change(leave_out=[x509.AuthorityKeyIdentifier])
    nameless = authority("CA", above=authority(), change=change).certificate
    with pytest.raises(CertificateRejected, match="lacks an authorityKeyIdentifier"):
        check_authority(nameless, Role.API, is_root=False)


def test_an_intermediate_issues_for_the_purposes_it_names() -> None:
    only_clients = authority("CA", above=authority(), change=Change(put=[(CLIENT, False)]))
    check_authority(only_clients.certificate, Role.AUTHENTICATION, is_root=False)
    check_authority(only_clients.certificate, None, is_root=False)
    with pytest.raises(CertificateRejected, match="may not issue for serverAuth") as caught:
        check_authority(only_clients.certificate, Role.API, is_root=False)
    assert code_of(caught) == "wrong-purpose"


def test_an_intermediate_for_anything_issues_for_every_purpose() -> None:
    anything = authority("CA", above=authority(), change=Change(put=[(ANY, False)]))
    check_authority(anything.certificate, Role.AUTHENTICATION, is_root=False)


def test_a_certificate_is_valid_from_its_first_second_to_its_last() -> None:
    certificate = leaf(authority())
    check_time(certificate, NOW - DAY)
    check_time(certificate, NOW + DAY)


def test_a_second_earlier_or_later_it_is_not() -> None:
    certificate = leaf(authority())
    with pytest.raises(CertificateRejected, match="valid from 2026-05-31 12:00:00 UTC") as caught:
        check_time(certificate, NOW - DAY - SECOND)
    assert code_of(caught) == "not-yet-valid"
    with pytest.raises(CertificateRejected, match="expired on 2026-06-02 12:00:00 UTC") as caught:
        check_time(certificate, NOW + DAY + SECOND)
    assert code_of(caught) == "expired"


@pytest.mark.parametrize("name", ["a.example", "x.b.example", "10.0.0.1"])
def test_a_name_that_is_presented_is_covered(name: str) -> None:
    certificate = leaf(authority(), "a.example", "*.b.example", "10.0.0.1")
    check_name(certificate, ServerName.parse(name))


@pytest.mark.parametrize("name", ["b.example", "y.x.b.example", "10.0.0.2", "cn.example"])
def test_another_name_is_refused_with_the_names_there_are(name: str) -> None:
    certificate = leaf(
        authority(), "a.example", "*.b.example", "10.0.0.1", common_name="cn.example"
    )
    with pytest.raises(
        CertificateRejected, match=rf"not for '{name}': it is for 'a\.example', '\*\.b\.example'"
    ) as caught:
        check_name(certificate, ServerName.parse(name))
    assert code_of(caught) == "wrong-name"


def test_names_that_name_nothing_are_told_as_such() -> None:
    certificate = leaf(authority(), "*.com", "a_b.example")
    with pytest.raises(CertificateRejected, match="which cannot name a server"):
        check_name(certificate, ServerName.parse("a.com"))


def test_of_many_names_the_first_are_told() -> None:
    certificate = leaf(authority(), *(f"n{number}.example" for number in range(25)))
    with pytest.raises(CertificateRejected, match=r"'n9\.example' and 15 more\.$"):
        check_name(certificate, ServerName.parse("other.example"))


@pytest.mark.parametrize(
    "common_name",
    [
        *("node.example.com", "example.com", "Contoso Web 2.0", "node", "Müller"),
    ],
)
def test_a_common_name_that_misleads_nobody_may_stay(common_name: str) -> None:
    check_common_name(leaf(authority(), "node.example.com", common_name=common_name))


@pytest.mark.parametrize(
    "common_name",
    [
        *("other.example.com", "Node.example.com", "10.0.0.1", "::1", "0x0A000001", "167772161"),
        *("node.example.com.", "ample.com"),
    ],
)
def test_a_common_name_that_reads_like_another_server_is_refused(common_name: str) -> None:
    with pytest.raises(CertificateRejected, match=r"'node\.example\.com'") as caught:
        check_common_name(leaf(authority(), "node.example.com", common_name=common_name))
    assert code_of(caught) == "bad-common-name"


def test_a_host_name_may_stand_beside_nothing_but_addresses() -> None:
    check_common_name(leaf(authority(), "10.0.0.1", common_name="node.example.com"))
