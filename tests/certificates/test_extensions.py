"""Extensions are read once, or refused with one code."""

import pytest
from cryptography import x509

from hermetic.certificates.extensions import extension, extensions
from hermetic.errors import CertificateRejected
from tests.support.mint import Change, authority, leaf, revocation_list, spoilt


def test_an_extension_that_is_there_is_found() -> None:
    found = extension(authority(path_length=3).certificate, x509.BasicConstraints)
    assert found is not None
    assert found.value.path_length == 3


def test_an_extension_that_is_absent_is_none() -> None:
    assert extension(leaf(authority()), x509.NameConstraints) is None


def test_a_revocation_list_has_extensions_too() -> None:
    found = extension(revocation_list(authority()), x509.CRLNumber)
    assert found is not None
    assert found.value.crl_number == 1


def test_extensions_that_cannot_be_read_are_refused_by_name() -> None:
    certificate = spoilt(leaf(authority(), common_name="node.example.com"), x509.ExtendedKeyUsage)
    with pytest.raises(
        CertificateRejected, match=r"'CN=node.example.com' has extensions"
    ) as caught:
        extensions(certificate)
    assert caught.value.code == "malformed"


def test_an_extension_of_no_known_kind_is_no_obstacle() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"?")
    assert len(extensions(leaf(authority(), change=Change(put=[(unknown, True)])))) == 5
