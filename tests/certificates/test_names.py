"""Names of servers, of certificates and of their subjects."""

import string
from ipaddress import ip_address

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from hermetic.certificates.names import (
    DistinguishedName,
    PresentedName,
    ServerName,
    matches,
    names_of,
    presented_names,
)
from hermetic.errors import BadInput, CertificateRejected
from tests.support.mint import Change, authority, leaf

_END = st.sampled_from(string.ascii_lowercase + string.digits)
_LABELS = st.builds(
    lambda first, middle, last: first + middle + last,
    st.sampled_from(string.ascii_lowercase),
    st.text(string.ascii_lowercase + string.digits + "-", max_size=20),
    _END,
)
_HOSTS = st.lists(_LABELS, min_size=1, max_size=5).map(".".join)
_ADDRESSES = st.ip_addresses().map(str)
_VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip())
)
_ATTRIBUTES = st.tuples(st.sampled_from(["CN", "O", "OU", "DC", "1.2.3.4"]), _VALUES)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("LocalHost", "localhost"),
        ("Node-1.Example.COM.", "node-1.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("a。b", "a.b"),
        ("127.0.0.1", "127.0.0.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[::1]", "::1"),
    ],
)
def test_a_server_name_is_canonical(written: str, canonical: str) -> None:
    assert ServerName.parse(written).text == canonical


@pytest.mark.parametrize(
    "junk",
    [
        *("", ".", "a..b", ".a", "-a", "a-", "a b", "a_b.example", "*.example.com", "node:443"),
        *("http://node", "[127.0.0.1]", "[::1", "fe80::1%eth0", "127.1", "0x7f.1", "1.2.3.4."),
        *("1.2.3.256", "host.5", "x" * 64, "x." * 127 + "x", "x" * 5000, "😜.example", "\ud800.a"),
        *("a\x00.example", "a\n", "\uff11.1", "٣.example"),
    ],
)
def test_what_cannot_name_a_server_is_refused_in_a_sentence(junk: str) -> None:
    with pytest.raises(BadInput, match=r"^.{20,400}\.$"):
        ServerName.parse(junk)


@given(_HOSTS | _ADDRESSES)
def test_parsing_again_changes_nothing(text: str) -> None:
    name = ServerName.parse(text)
    assert ServerName.parse(str(name)) == name


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_bad_input(text: str) -> None:
    try:
        name = ServerName.parse(text)
    except BadInput:
        return
    assert name.text.isascii()
    assert name.text == name.text.lower()
    assert 0 < len(name.text) <= 253


@given(_HOSTS)
def test_case_and_a_trailing_dot_do_not_count(host: str) -> None:
    assert matches(host.upper(), ServerName.parse(f"{host}."))


@given(host=_HOSTS, label=_LABELS)
def test_a_wildcard_stands_for_exactly_one_label(host: str, label: str) -> None:
    pattern = f"*.{host}.example"
    assert matches(pattern, ServerName.parse(f"{label}.{host}.example"))
    assert not matches(pattern, ServerName.parse(f"{label}.{label}.{host}.example"))
    assert not matches(pattern, ServerName.parse(f"{host}.example"))


@pytest.mark.parametrize(
    "pattern",
    [
        *("*", "*.", "*.com", "a*.example.com", "*a.example.com", "*.*.example.com"),
        *("a.*.example.com", "xn--*-1b3c148a.example.com", "**.example.com", "*.10.0.0.1", ""),
    ],
)
def test_other_wildcards_name_nothing(pattern: str) -> None:
    with pytest.raises(CertificateRejected) as caught:
        PresentedName.parse(pattern)
    assert caught.value.code == "bad-name"
    assert not matches(pattern, ServerName.parse("abc.example.com"))


def test_a_wildcard_never_covers_an_address() -> None:
    assert not matches("*.0.0.1", ServerName.parse("127.0.0.1"))


@given(_ADDRESSES)
def test_addresses_are_compared_as_addresses(text: str) -> None:
    assert matches(ip_address(text).exploded, ServerName.parse(text))


def test_a_name_written_into_a_certificate_is_read_back() -> None:
    names = ("xn--bcher-kva.example", "*.example.com", "10.0.0.1", "::1")
    assert names_of(leaf(authority(), *names)) == names


def test_a_presented_name_is_written_as_its_kind() -> None:
    assert PresentedName.parse("*.A.example").general_name == x509.DNSName("*.a.example")
    assert PresentedName.parse("10.0.0.1").general_name == x509.IPAddress(ip_address("10.0.0.1"))


def test_entries_that_cannot_name_a_server_are_left_out() -> None:
    names = [x509.DNSName(one) for one in ("10.0.0.1", "*", "b*.example", "a.example", "[::1]")]
    change = Change(put=[(x509.SubjectAlternativeName([*names, x509.RFC822Name("a@b.c")]), True)])
    assert names_of(leaf(authority(), change=change)) == ("a.example",)


def test_a_certificate_without_names_presents_none() -> None:
    change = Change(leave_out=[x509.SubjectAlternativeName])
    assert presented_names(leaf(authority(), common_name="a.example", change=change)) == ()


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("CN=host", "CN=host"),
        (" cn = host ; o = Foo\\, Inc ", "CN=host,O=Foo\\, Inc"),
        ('O="Foo, Inc" ,CN=x', "O=Foo\\, Inc,CN=x"),
        ("S=Ohio,E=a@b.c", "ST=Ohio,E=a@b.c"),
        ("CN=\\C3\\A9t\\C3\\A9", "CN=été"),
        ("OU=b + CN=a,DC=x", "OU=b+CN=a,DC=x"),
        ("OID.1.2.3=4", "1.2.3=4"),
        ("CN=a=b", "CN=a=b"),
    ],
)
def test_a_distinguished_name_is_read_as_people_write_it(written: str, canonical: str) -> None:
    assert DistinguishedName.parse(written) == DistinguishedName.parse(canonical)


@pytest.mark.parametrize(
    "junk",
    [
        *("", "host", "CN", "CN=", "CN= ", "CN=a,", ",CN=a", "CN=a,,O=b", "ZZ=a", "=a", "CN=#0403"),
        *('CN=a"b', 'CN="a', "CN=a\\", "CN=\\FF", 'CN="a"b', "CN=" + "x" * 5000),
    ],
)
def test_other_text_is_no_distinguished_name(junk: str) -> None:
    with pytest.raises(BadInput, match=r"\.$"):
        DistinguishedName.parse(junk)


def test_a_hostile_distinguished_name_is_refused_at_once() -> None:
    with pytest.raises(BadInput):
        DistinguishedName.parse("CN=" + " " * 1000 + '"')


@given(st.lists(_ATTRIBUTES, min_size=1, max_size=4))
def test_a_distinguished_name_reads_back_what_it_writes(pairs: list[tuple[str, str]]) -> None:
    oids = {"CN": "2.5.4.3", "O": "2.5.4.10", "OU": "2.5.4.11", "DC": "0.9.2342.19200300.100.1.25"}
    name = DistinguishedName.of(
        x509.Name(
            [
                x509.NameAttribute(x509.ObjectIdentifier(oids.get(kind, kind)), value)
                for kind, value in pairs
            ]
        )
    )
    assert DistinguishedName.parse(str(name)) == name


def test_order_case_and_blanks_do_not_tell_subjects_apart() -> None:
    typed = DistinguishedName.parse("cn=My  Host, o=contoso")
    assert typed.is_same_as(DistinguishedName.parse("O=Contoso,CN=my host"))
    assert not typed.is_same_as(DistinguishedName.parse("O=Contoso,CN=myhost"))
    assert not typed.is_same_as(DistinguishedName.parse("CN=my host"))


def test_the_subject_of_a_certificate_is_found_by_what_is_typed() -> None:
    certificate = leaf(authority(), common_name="node.example.com")
    subject = DistinguishedName.of(certificate.subject)
    assert subject.is_same_as(DistinguishedName.parse("CN=node.example.com"))
    assert str(subject) == "CN=node.example.com"
