"""A credential: a chain and the private key that fits its leaf."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from hermetic.certificates.chain import Chain, is_authority, order, without_root
from hermetic.certificates.keys import PrivateKey, encode, kind_of
from hermetic.certificates.reading import Contents
from hermetic.certificates.refusal import shown
from hermetic.errors import CertificateRejected


@dataclass(frozen=True)
class Credential:
    """A chain and the key that fits its leaf; its `repr` shows no key."""

    chain: Chain
    key: PrivateKey = field(repr=False)

    @property
    def key_pem(self) -> bytes:
        """The key as unencrypted PKCS#8 in PEM."""
        return encode(self.key)

    @property
    def chain_pem(self) -> bytes:
        """The chain in PEM, leaf first."""
        return self.chain.pem


def pair(contents: Contents, pool: Iterable[x509.Certificate] = ()) -> Credential:
    """Return the credential that *contents* make up, its chain ordered and without the root.

    The leaf is the certificate that fits a key; of several for one key (a renewal that kept it)
    the newest.  Keys that fit nothing are left out if one does.  Issuers that are missing are
    taken from *pool*.

    Raises:
        CertificateRejected: `no-key`, `no-certificate`, `key-mismatch`, `several-keys`, and what
            `order` raises.
    """
    if not contents.keys:
        raise CertificateRejected(
            "no-key",
            "The private key is missing: add it, or import a PKCS#12 file that includes it.",
        )
    if not contents.certificates:
        raise CertificateRejected(
            "no-certificate", _no_certificate(is_requested=bool(contents.requests))
        )
    candidates = _leaves(contents.certificates)
    fitting = {key: [c for c in candidates if fits(key, c)] for key in contents.keys}
    fitting = {key: found for key, found in fitting.items() if found}
    if len(fitting) > 1:
        raise CertificateRejected(
            "several-keys",
            f"It holds {len(fitting)} keys that fit a certificate each: keep one key and its"
            " certificate.",
        )
    for key, found in fitting.items():
        leaf = min(found, key=_leaf_preference)
        return Credential(without_root(order(contents.certificates, leaf=leaf, pool=pool)), key)
    raise _mismatch(contents)


def fits(key: PrivateKey, certificate: x509.Certificate) -> bool:
    """Whether *certificate* is for the public half of *key*."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _leaves(certificates: Sequence[x509.Certificate]) -> Sequence[x509.Certificate]:
    """Return those that are no authority's; all if there are authorities alone."""
    return [c for c in certificates if not is_authority(c)] or certificates


def _leaf_preference(certificate: x509.Certificate) -> tuple[bool, float, int]:
    """Sort one issued before one self-made, the newest first."""
    return (
        certificate.subject == certificate.issuer,
        -certificate.not_valid_after_utc.timestamp(),
        certificate.serial_number,
    )


def _no_certificate(*, is_requested: bool) -> str:
    if is_requested:
        return "It holds a request, not the certificate: add what the authority sent back for it."
    return "The certificate is missing: add the one that was issued for this key."


def _mismatch(contents: Contents) -> CertificateRejected:
    leaves = _leaves(contents.certificates)
    kinds = " and ".join(sorted({kind_of(key).value for key in contents.keys}))
    return CertificateRejected(
        "key-mismatch",
        f"The private key ({kinds}) does not fit the certificate of"
        f" {shown(leaves[0].subject)}: give the key that its request was made with.",
    )
