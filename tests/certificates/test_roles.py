from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from hermetic.certificates.chain import Chain
from hermetic.certificates.roles import Role, check, purposes_of
from hermetic.errors import CertificateRejected
from tests.support.imports import lonely, material

_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=True,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_NAMES = x509.SubjectAlternativeName([x509.DNSName("api.example")])


def _chain(*extensions: x509.ExtensionType) -> Chain:
    """Return a chain of one certificate with these extensions and no others."""
    template = material().certificate
    builder = x509.CertificateBuilder(
        issuer_name=template.issuer,
        subject_name=template.subject,
        public_key=template.public_key(),
        serial_number=1,
        not_valid_before=template.not_valid_before_utc,
        not_valid_after=template.not_valid_after_utc,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Chain((builder.sign(material().ours.intermediate.key, hashes.SHA256()),))


def _purposes(*purposes: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(purposes)


@pytest.mark.parametrize("role", Role)
def test_what_was_issued_for_a_role_serves_in_it(role: Role) -> None:
    check(material().ours.issue("api.example", role=role).chain, role)


@pytest.mark.parametrize(
    ("issued_for", "used_as"),
    [
        (Role.API, Role.AUTHENTICATION),
        (Role.COMPUTE, Role.AUTHENTICATION),
        (Role.AUTHENTICATION, Role.API),
        (Role.AUTHENTICATION, Role.COMPUTE),
    ],
)
def test_a_server_is_no_client_and_a_client_no_server(issued_for: Role, used_as: Role) -> None:
    chain = material().ours.issue("api.example", role=issued_for).chain
    with pytest.raises(CertificateRejected, match="extended key usage lacks") as caught:
        check(chain, used_as)
    assert caught.value.code == "wrong-purpose"


@pytest.mark.parametrize("role", Role)
def test_without_purposes_a_certificate_serves_for_all(role: Role) -> None:
    check(_chain(_NAMES), role)


@pytest.mark.parametrize(
    "chain",
    [
        lambda: _chain(_NAMES, _purposes(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)),
        lambda: _chain(_NAMES, _USAGE),
        lambda: material().ours.intermediate.chain,
    ],
    ids=["any purpose", "no digitalSignature", "an authority"],
)
def test_what_peers_would_refuse_is_refused(chain: Callable[[], Chain]) -> None:
    with pytest.raises(CertificateRejected) as caught:
        check(chain(), Role.API)
    assert caught.value.code == "wrong-purpose"


def test_an_intermediate_limits_what_is_below_it() -> None:
    limited = _chain(_purposes(ExtendedKeyUsageOID.CLIENT_AUTH)).leaf
    check(Chain((material().certificate, material().intermediate)), Role.API)
    with pytest.raises(CertificateRejected, match="serverAuth"):
        check(Chain((material().certificate, limited)), Role.API)


def test_a_server_needs_a_name_and_a_client_none() -> None:
    check(lonely().chain, Role.AUTHENTICATION)
    with pytest.raises(CertificateRejected, match="names no server") as caught:
        check(lonely().chain, Role.COMPUTE)
    assert caught.value.code == "no-san"


def test_purposes_are_told_by_name() -> None:
    mail = ExtendedKeyUsageOID.EMAIL_PROTECTION
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, mail])
    assert purposes_of(_chain(both).leaf) == ("serverAuth", mail.dotted_string)
    assert purposes_of(_chain().leaf) == ()
