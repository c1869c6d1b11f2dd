"""Name constraints: each kind of name inside and outside of what is permitted and excluded."""

from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from hermetic.certificates.constraints import check_name_constraints
from hermetic.certificates.effort import Effort
from hermetic.errors import CertificateRejected
from tests.support.mint import Change, Minted, authority, leaf, subject

Name = x509.GeneralName


def dns(text: str) -> x509.DNSName:
    return x509.DNSName(text)


def mail(text: str) -> x509.RFC822Name:
    # as parsing does: what stands in a certificate was checked by nobody
    return x509.RFC822Name._init_without_validation(text)


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ip_network(text) if "/" in text else ip_address(text))


def dn(*common_names: str) -> x509.DirectoryName:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in common_names]
    return x509.DirectoryName(x509.Name(parts))


OTHER = x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def bound(*, permit: Name | None = None, exclude: Name | None = None) -> Minted:
    """Return a root that may issue only for *permit*, and not for *exclude*."""
    value = x509.NameConstraints([permit] if permit else None, [exclude] if exclude else None)
    return authority(change=Change(put=[(value, True)]))


def check(root: Minted, *names: Name, common_name: str = "") -> None:
    change = Change(put=[(x509.SubjectAlternativeName(names), not common_name)])
    certificate = leaf(root, common_name=common_name, change=change)
    check_name_constraints([certificate, root.certificate], Effort())


INSIDE = [
    (dns("example.com"), dns("example.com")),
    (dns("example.com"), dns("A.B.EXAMPLE.com")),
    (dns("Example.COM"), dns("*.example.com")),
    (dns(""), dns("anything.example")),
    (ip("10.0.0.0/8"), ip("10.255.0.1")),
    (ip("2001:db8::/32"), ip("2001:db8::1")),
    (ip("0.0.0.0/0"), ip("192.0.2.1")),
    (mail("a@example.com"), mail("a@EXAMPLE.com")),
    (mail("example.com"), mail("b@example.com")),
    (mail(".example.com"), mail("b@mail.example.com")),
    (uri("example.com"), uri("https://user@Example.com:443/path@x?y#z")),
    (uri(".example.com"), uri("spiffe://node.example.com")),
    (dn("Contoso"), dn("CONTOSO", "Web")),
]
OUTSIDE = [
    (dns("example.com"), dns("notexample.com")),
    (dns("foo.example.com"), dns("example.com")),
    (ip("10.0.0.0/8"), ip("11.0.0.1")),
    (ip("0.0.0.0/0"), ip("::1")),
    (mail("a@example.com"), mail("A@example.com")),
    (mail("a@example.com"), mail("ab@example.com")),
    (mail("example.com"), mail("b@mail.example.com")),
    (mail(".example.com"), mail("b@example.com")),
    (uri("example.com"), uri("https://node.example.com/")),
    (uri(".example.com"), uri("https://example.com/")),
    (uri("example.com"), uri("https://evil.test\\@example.com/")),
    (dn("Contoso"), dn("Contoso Ltd")),
    (dn("Contoso", "Web"), dn("Contoso")),
]
UNREADABLE = [
    (dns("example.com"), dns(".example.com")),
    (dns("example.com"), dns("10.0.0.1")),
    (ip("10.0.0.0/8"), ip("10.0.0.0/16")),
    (mail("example.com"), mail("a@b@example.com")),
    (mail("example.com"), mail("@example.com")),
    (uri("example.com"), uri("urn:example.com")),
    (uri("example.com"), uri("https://10.0.0.1/")),
    (OTHER, OTHER),
]


@pytest.mark.parametrize(("subtree", "name"), INSIDE)
def test_what_lies_inside_is_permitted_and_excluded(subtree: Name, name: Name) -> None:
    check(bound(permit=subtree), name)
    with pytest.raises(CertificateRejected, match="lies in a subtree excluded") as caught:
        check(bound(exclude=subtree), name)
    assert caught.value.code == "name-constraints"


@pytest.mark.parametrize(("subtree", "name"), OUTSIDE)
def test_what_lies_outside_is_neither_permitted_nor_excluded(subtree: Name, name: Name) -> None:
    check(bound(exclude=subtree), name)
    with pytest.raises(CertificateRejected, match="in none of the subtrees permitted") as caught:
        check(bound(permit=subtree), name)
    assert caught.value.code == "name-constraints"


@pytest.mark.parametrize(("subtree", "name"), UNREADABLE)
def test_what_cannot_be_read_is_refused_where_it_is_constrained(subtree: Name, name: Name) -> None:
    for root in (bound(permit=subtree), bound(exclude=subtree)):
        with pytest.raises(CertificateRejected, match="malformed or of a kind") as caught:
            check(root, name)
        assert caught.value.code == "name-constraints"


@pytest.mark.parametrize(("subtree", "name"), UNREADABLE)
def test_and_is_left_alone_where_it_is_not(subtree: Name, name: Name) -> None:
    del subtree
    check(bound(permit=x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))), name)


@pytest.mark.parametrize("malformed", [dns(".example.com"), dns("a b"), mail("a@b@c"), uri("a b")])
def test_a_malformed_constraint_is_refused(malformed: Name) -> None:
    with pytest.raises(CertificateRejected, match="malformed name constraint") as caught:
        check(bound(permit=malformed), dns("node.example.com"))
    assert caught.value.code == "bad-extension"


def test_a_wildcard_may_not_stand_for_what_is_excluded() -> None:
    root = bound(exclude=dns("bar.example.com"))
    check(root, dns("*.foo.example.com"), dns("foo.example.com"))
    with pytest.raises(CertificateRejected, match=r"'\*\.example\.com'"):
        check(root, dns("*.example.com"))


def test_a_wildcard_does_not_reach_two_labels_down() -> None:
    check(bound(exclude=dns("a.bar.example.com")), dns("*.example.com"))


def test_the_subject_is_bound_by_names_of_its_kind() -> None:
    root = bound(permit=x509.DirectoryName(subject("Node")))
    check(root, dns("node.example.com"), common_name="NODE")
    with pytest.raises(CertificateRejected, match="'CN=other'"):
        check(root, dns("node.example.com"), common_name="other")


def test_the_e_mail_address_of_a_subject_counts_if_no_other_is_there() -> None:
    root = bound(permit=mail("example.com"))
    email = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@evil.test")])
    change = Change(subject=email, put=[(x509.SubjectAlternativeName([dns("a.b")]), False)])
    with pytest.raises(CertificateRejected, match=r"'a@evil\.test'"):
        check_name_constraints([leaf(root, change=change), root.certificate], Effort())


def test_a_constraint_of_an_intermediate_narrows_that_of_its_root() -> None:
    root = bound(permit=dns("example.com"))
    change = Change(put=[(x509.NameConstraints([dns("a.example.com")], None), True)])
    middle = authority("CA", above=root, change=change)
    path = [middle.certificate, root.certificate]
    check_name_constraints([leaf(middle, "x.a.example.com"), *path], Effort())
    with pytest.raises(CertificateRejected):
        check_name_constraints([leaf(middle, "b.example.com"), *path], Effort())


OTHER_TEST = Change(put=[(x509.SubjectAlternativeName([dns("other.test")]), False)])


def test_the_names_of_an_intermediate_are_bound() -> None:
    root = bound(permit=dns("example.com"))
    middle = authority("CA", above=root, change=OTHER_TEST)
    with pytest.raises(CertificateRejected, match=r"'other\.test'"):
        check_name_constraints(
            [leaf(middle, "a.example.com"), middle.certificate, root.certificate], Effort()
        )


def test_the_names_of_a_self_issued_one_are_not() -> None:
    root = bound(permit=dns("example.com"))
    middle = authority("Root", above=root, change=OTHER_TEST)
    check_name_constraints(
        [leaf(middle, "a.example.com"), middle.certificate, root.certificate], Effort()
    )


def test_more_comparisons_than_allowed_are_not_made() -> None:
    root = bound(permit=dns("example.com"))
    certificate = leaf(root, *(f"n{number}.example.com" for number in range(100)))
    check_name_constraints([certificate, root.certificate], Effort())
    with pytest.raises(CertificateRejected) as caught:
        check_name_constraints([certificate, root.certificate], Effort(comparisons=1000))
    assert caught.value.code == "too-complex"
