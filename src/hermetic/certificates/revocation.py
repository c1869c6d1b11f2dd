"""Revocation lists: whether an authority has taken a certificate back (RFC 5280, 5 and 6.3).

A list counts for the certificates of the authority that signed it.  Where only lists are at hand
that cannot be used (stale, badly signed, indirect), the chain is refused: a list that is skipped
revokes nobody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from hermetic.certificates.effort import Effort
from hermetic.certificates.extensions import extension, extensions
from hermetic.certificates.keys import PublicKey
from hermetic.certificates.refusal import refusal, shown, told
from hermetic.certificates.strength import check_signature_hash
from hermetic.errors import CertificateRejected


@dataclass(frozen=True)
class Revocations:
    """The revocation lists at hand, and whether each certificate has to be on record."""

    lists: Sequence[x509.CertificateRevocationList] = ()
    required: bool = False
    """Whether a certificate without a list of its authority is refused (`no-crl`)."""


def check_revocation(
    path: Sequence[x509.Certificate], revocations: Revocations, at: datetime, effort: Effort
) -> None:
    """Refuse a path, leaf first and root last, of which one below the root is revoked.

    Raises `CertificateRejected`: `revoked`, `bad-crl`, `crl-expired`, `no-crl`.
    """
    for certificate, authority in pairwise(path):
        covered, unusable = False, None
        for crl in revocations.lists:
            try:
                if not _covers(crl, certificate, authority, is_leaf=certificate is path[0]):
                    continue
                check_list(crl, authority, at, effort)
            except CertificateRejected as error:
                unusable = error
                continue
            _check_entry(crl, certificate)
            covered = True
        # a stale list beside its successor does no harm, and a forged one beside a good one
        if unusable is not None and not covered:
            raise unusable
        if revocations.required and not covered:
            raise refusal(
                certificate,
                "no-crl",
                f"cannot be checked for revocation: there is no list of {shown(authority.subject)}.",
            )


def check_list(
    crl: x509.CertificateRevocationList, authority: x509.Certificate, at: datetime, effort: Effort
) -> None:
    """Refuse a list that *authority* did not sign, may not sign, or that is not current."""
    usage = extension(authority, x509.KeyUsage)
    if usage is not None and not usage.value.crl_sign:
        raise refusal(crl, "bad-crl", "does not count: its signer's key usage lacks cRLSign.")
    number = extension(crl, x509.CRLNumber)
    if number is None or number.critical:
        raise refusal(crl, "bad-crl", "has no CRL number, or a critical one (5.2.3).")
    for one in extensions(crl):
        # among them deltaCRLIndicator: the base it adds to is not at hand
        if one.critical and one.oid != ExtensionOID.ISSUING_DISTRIBUTION_POINT:
            raise refusal(
                crl,
                "bad-crl",
                f"has a critical extension that is not known here, {one.oid.dotted_string} (5.2).",
            )
    effort.check_signature()
    _check_signature(crl, authority)
    _check_current(crl, at)


def _covers(
    crl: x509.CertificateRevocationList,
    certificate: x509.Certificate,
    authority: x509.Certificate,
    *,
    is_leaf: bool,
) -> bool:
    """Whether *crl* is the list, or a part of it, on which *certificate* would stand."""
    if crl.issuer != certificate.issuer or _is_of_another_key(crl, authority):
        return False
    scope = extension(crl, x509.IssuingDistributionPoint)
    if scope is None:
        return True
    if scope.value.indirect_crl or scope.value.only_some_reasons:
        raise refusal(crl, "bad-crl", "is indirect or for some reasons only: give a full one.")
    if scope.value.only_contains_attribute_certs:
        return False
    if scope.value.only_contains_ca_certs if is_leaf else scope.value.only_contains_user_certs:
        return False
    return not scope.value.full_name or bool(
        set(scope.value.full_name) & set(_distribution_points(certificate))
    )


def _is_of_another_key(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    """Whether another key of the same name signed *crl*, before or after a rollover."""
    signer = extension(crl, x509.AuthorityKeyIdentifier)
    own = extension(authority, x509.SubjectKeyIdentifier)
    if signer is None or signer.value.key_identifier is None or own is None:
        return False
    return signer.value.key_identifier != own.value.digest


def _distribution_points(certificate: x509.Certificate) -> Iterable[x509.GeneralName]:
    found = extension(certificate, x509.CRLDistributionPoints)
    for point in found.value if found is not None else ():
        yield from point.full_name or ()


def _check_signature(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> None:
    check_signature_hash(crl)
    key = authority.public_key()
    try:
        is_signed = isinstance(key, PublicKey) and crl.is_signature_valid(key)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        is_signed = False
    if not is_signed:
        raise refusal(crl, "bad-crl", "is not signed by the key of its authority.")


def _check_current(crl: x509.CertificateRevocationList, at: datetime) -> None:
    if at < crl.last_update_utc:
        raise refusal(
            crl,
            "bad-crl",
            f"is of {told(crl.last_update_utc)}, and it is {told(at)}: set the clock.",
        )
    until = crl.next_update_utc
    if until is None or at > until:
        raise refusal(
            crl,
            "crl-expired",
            f"was good until {told(until) if until else 'nobody says when'}, and it is"
            f" {told(at)}: fetch the current one.",
        )


def _check_entry(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
    try:
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        details = list(entry.extensions) if entry is not None else []
    except (ValueError, x509.DuplicateExtension) as error:
        raise refusal(crl, "bad-crl", f"has an entry that cannot be read: {error}.") from error
    if entry is None:
        return
    reasons = [one.value.reason.value for one in details if isinstance(one.value, x509.CRLReason)]
    raise refusal(
        certificate,
        "revoked",
        f"was revoked on {told(entry.revocation_date_utc)}"
        f" ({reasons[0] if reasons else 'no reason given'}): have a new one issued.",
    )
