"""What an ACME server answers of certificates: their chains, its names for them, when to renew."""

from datetime import UTC, datetime, timedelta

from cryptography import x509

from hermetic.certificates import chain as chains
from hermetic.certificates.chain import Chain, without_root
from hermetic.certificates.extensions import extension
from hermetic.certificates.reading import read
from hermetic.certificates.renewal import Window
from hermetic.errors import CertificateRejected, NotFound
from hermetic.issuers.acme import jose
from hermetic.issuers.acme.messages import RenewalInfo, said
from hermetic.issuers.issuer import Suggestion

_ASKED_AGAIN = timedelta(hours=6)
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=1)  # RFC 9773, 4.3.2


def certificate_id(leaf: x509.Certificate) -> str:
    """Return how RFC 9773 (4.1) names *leaf*; raises `NotFound` if it cannot be named."""
    found = extension(leaf, x509.AuthorityKeyIdentifier)
    if found is None or found.value.key_identifier is None:
        raise NotFound("The certificate does not say which key signed it.")
    serial = leaf.serial_number
    octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    return f"{jose.encoded(found.value.key_identifier)}.{jose.encoded(octets)}"


def has_id(leaf: x509.Certificate) -> bool:
    """Whether RFC 9773 has a name for *leaf*."""
    found = extension(leaf, x509.AuthorityKeyIdentifier)
    return found is not None and found.value.key_identifier is not None


def chain_of(pem: bytes, request: x509.CertificateSigningRequest) -> Chain:
    """Return the chain the server sent, put in order; its leaf holds the key of *request*."""
    certificates = read(pem).certificates
    ours = [one for one in certificates if one.public_key() == request.public_key()]
    if not ours:
        raise CertificateRejected(
            "key-mismatch", "The ACME server sent a certificate for another key than ours."
        )
    return without_root(chains.order(certificates, leaf=ours[0]))


def suggestion_of(body: bytes, retry_after: timedelta, now: datetime) -> Suggestion:
    """Return what renewal information (RFC 9773, 4.2) suggests; asked again within its bounds.

    Args:
        retry_after: When the server wants to be asked again; nothing leaves it to us.

    Raises:
        Unreachable: It is no renewal information.
    """
    window = said(body, RenewalInfo).suggested_window
    again = min(max(retry_after or _ASKED_AGAIN, _SOONEST), _LATEST)
    return Suggestion(Window(_utc(window.start), _utc(window.end)), now + again)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
