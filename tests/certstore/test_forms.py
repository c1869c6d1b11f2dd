"""Each form gives back what it was given, and takes nothing else for it."""

import pytest

from hermetic.certstore.forms import CERTIFICATE, LIST, PAIR
from hermetic.errors import CertificateRejected
from tests.support.imports import material, pem
from tests.support.mint import authority, revocation_list

A_LIST = revocation_list(authority())


def test_a_credential_is_its_key_and_its_chain() -> None:
    documents = PAIR.write(material().leaf)
    assert tuple(documents) == PAIR.files
    found = PAIR.read(documents)
    assert (found.chain, found.key_pem) == (material().leaf.chain, material().leaf.key_pem)


def test_a_certificate_is_itself_alone() -> None:
    documents = CERTIFICATE.write(material().root)
    assert tuple(documents) == CERTIFICATE.files
    assert CERTIFICATE.read(documents) == material().root


def test_a_list_is_kept_to_the_letter() -> None:
    documents = LIST.write(A_LIST)
    assert tuple(documents) == LIST.files
    assert LIST.read(documents) == A_LIST


@pytest.mark.parametrize(
    "document",
    [
        pem(material().key),
        pem(A_LIST),
        pem(material().root, material().intermediate),
        b"nothing of the kind",
    ],
)
def test_another_thing_is_no_certificate(document: bytes) -> None:
    with pytest.raises(CertificateRejected):
        CERTIFICATE.read(dict.fromkeys(CERTIFICATE.files, document))


@pytest.mark.parametrize("document", [pem(material().root), b"", b"nothing of the kind"])
def test_another_thing_is_no_list(document: bytes) -> None:
    with pytest.raises(CertificateRejected):
        LIST.read(dict.fromkeys(LIST.files, document))


def test_a_key_of_another_is_no_credential() -> None:
    documents = dict(PAIR.write(material().leaf)) | {"tls.key": material().neighbour.key_pem}
    with pytest.raises(CertificateRejected, match="does not fit"):
        PAIR.read(documents)
