"""Making revocation lists (RFC 5280, 5), which `revocation` judges."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import signature_hash
from hermetic.certificates.signing import BACKDATE

_REASONS = {
    1: x509.ReasonFlags.key_compromise,
    2: x509.ReasonFlags.ca_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    9: x509.ReasonFlags.privilege_withdrawn,
    10: x509.ReasonFlags.aa_compromise,
}


@dataclass(frozen=True)
class Revoked:
    """A certificate that its authority has taken back.

    `reason` is one of RFC 5280 (5.3.1); 0, which says nothing, is left out of the list as it asks.
    """

    serial: int
    at: datetime
    reason: int = 0


def revocation_list(
    issuer: Credential, revoked: Iterable[Revoked], *, now: datetime, life: timedelta
) -> x509.CertificateRevocationList:
    """Sign the list of what *issuer* has *revoked*, which is good for *life*.

    It begins five minutes before *now*, for clocks that are behind; its number is the moment in
    seconds, so that it grows without being kept anywhere.
    """
    above = issuer.chain.leaf
    now = now.replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(above.subject)
        .last_update(now - BACKDATE)
        .next_update(now + life)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(one.at)
        if one.reason in _REASONS:
            entry = entry.add_extension(x509.CRLReason(_REASONS[one.reason]), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, signature_hash(issuer.key))
