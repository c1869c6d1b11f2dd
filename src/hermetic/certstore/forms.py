"""The forms in which things are kept: a credential, a certificate alone, a revocation list."""

from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.reading import read
from hermetic.certstore.entries import Form
from hermetic.errors import CertificateRejected

_KEY, _CHAIN = "tls.key", "tls.crt"
_CERTIFICATE, _LIST = "certificate.pem", "list.crl"


def _pair_documents(credential: Credential) -> dict[str, bytes]:
    return {_KEY: credential.key_pem, _CHAIN: credential.chain_pem}


def _pair(documents: Mapping[str, bytes]) -> Credential:
    return pair(read(documents[_KEY] + documents[_CHAIN]))


PAIR = Form("credential", (_KEY, _CHAIN), _pair_documents, _pair)
"""A credential: the key, and the chain that is presented with it, both in PEM."""


def _certificate_documents(certificate: x509.Certificate) -> dict[str, bytes]:
    return {_CERTIFICATE: certificate.public_bytes(Encoding.PEM)}


def _certificate(documents: Mapping[str, bytes]) -> x509.Certificate:
    found = read(documents[_CERTIFICATE]).certificates
    if len(found) != 1:
        raise CertificateRejected("no-certificate", f"{_CERTIFICATE} holds {len(found)} of them.")
    return found[0]


CERTIFICATE = Form("certificate", (_CERTIFICATE,), _certificate_documents, _certificate)
"""A certificate whose key is somebody else's, in PEM."""


def _list_documents(found: x509.CertificateRevocationList) -> dict[str, bytes]:
    return {_LIST: found.public_bytes(Encoding.DER)}


def _list(documents: Mapping[str, bytes]) -> x509.CertificateRevocationList:
    found = read(documents[_LIST]).revocation_lists
    if len(found) != 1:
        raise CertificateRejected("bad-crl", f"{_LIST} holds {len(found)} revocation lists.")
    return found[0]


LIST = Form("revocation list", (_LIST,), _list_documents, _list)
"""A revocation list in DER, since it may be long."""
