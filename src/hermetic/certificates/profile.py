"""What one certificate must be in itself, as a leaf or as an authority (RFC 5280, CA/B 7.1).

Each rule looks at one certificate alone and raises `CertificateRejected` with a code; what
certificates mean together is for `verification` and `constraints`.  Clauses are RFC 5280's; the
rules are those of the web's PKI where that asks more, because clients hold a server to them.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from hermetic.certificates.extensions import extension, extensions
from hermetic.certificates.names import PresentedName, ServerName, presented_names
from hermetic.certificates.refusal import refusal, shown, told
from hermetic.certificates.roles import Role
from hermetic.certificates.strength import check_key

_LARGEST = 64 * 1024  # octets; public certificates have up to 7 kB
_MOST_NAMES = 1000  # as many as we sign
_LARGEST_SERIAL = 2**159 - 1  # 20 octets, of which the first bit is the sign (4.1.2.2)

# What is judged here or in `constraints`; another critical extension refuses (4.2).
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.NAME_CONSTRAINTS,
    # where no policy has to be there, which `_check_policies` sees to, these bind nobody
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.POLICY_MAPPINGS,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.INHIBIT_ANY_POLICY,
}
_NEVER_CRITICAL = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER: "4.2.1.1",
    ExtensionOID.SUBJECT_KEY_IDENTIFIER: "4.2.1.2",
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS: "4.2.2.1",
    ExtensionOID.SUBJECT_INFORMATION_ACCESS: "4.2.2.2",
}
_ALWAYS_CRITICAL = {
    ExtensionOID.NAME_CONSTRAINTS: "4.2.1.10",
    ExtensionOID.POLICY_CONSTRAINTS: "4.2.1.11",
    ExtensionOID.INHIBIT_ANY_POLICY: "4.2.1.14",
}
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
}


def check_time(certificate: x509.Certificate, at: datetime) -> None:
    """Refuse a certificate that is not valid in that second, in UTC (4.1.2.5)."""
    not_before, not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < not_before:
        raise refusal(
            certificate,
            "not-yet-valid",
            f"is valid from {told(not_before)}, and it is {told(at)}: wait, or set the clock.",
        )
    if at > not_after:
        raise refusal(
            certificate,
            "expired",
            f"expired on {told(not_after)}, and it is {told(at)}: renew it, or set the clock.",
        )


def check_name(leaf: x509.Certificate, name: ServerName) -> None:
    """Refuse a leaf whose subjectAltName does not cover *name*; the common name never does."""
    presented = presented_names(leaf)
    if any(one.matches(name) for one in presented):
        return
    found = extension(leaf, x509.SubjectAlternativeName)
    unusable = [one.value for one in found.value if _is_server_kind(one)] if found else []
    if presented or not unusable:
        its = _listed(presented) or "no DNS name or address"
    else:
        its = f"{_listed(unusable)}, which cannot name a server"
    raise refusal(leaf, "wrong-name", f"is not for '{name}': it is for {its}.")


def check_common_name(leaf: x509.Certificate) -> None:
    """Refuse a common name that reads like a server's and is not one of the names presented.

    What old software would take it for is then not what the authority vouched for (CA/B
    7.1.4.3).  A title ("Contoso Web"), a single word, the domain above a name, and a host name
    beside nothing but addresses mislead nobody and may stay.
    """
    presented = presented_names(leaf)
    texts = {one.text for one in presented}
    for attribute in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        value = str(attribute.value)
        if value not in texts and _misleads(value, presented):
            raise refusal(
                leaf,
                "bad-common-name",
                f"has a common name that is not, letter for letter, one of its names"
                f" ({_listed(presented)}): leave it out, or repeat one of them.",
            )


def check_leaf(leaf: x509.Certificate, purpose: Role | None) -> None:
    """Refuse a leaf that could not serve as one, or not for *purpose*; `None` asks for none."""
    _check_any(leaf)
    if not 0 < leaf.serial_number <= _LARGEST_SERIAL:
        raise refusal(
            leaf, "bad-serial", "has a serial number that is not from 1 to 20 octets (4.1.2.2)."
        )
    constraints = extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise refusal(leaf, "ca-as-leaf", "is an authority's: it cannot stand for a node.")
    if extension(leaf, x509.NameConstraints) is not None:
        raise refusal(
            leaf, "bad-extension", "has name constraints, which are for authorities (4.2.1.10)."
        )
    _check_authority_key(leaf)
    _check_leaf_usage(leaf, purpose)
    _check_leaf_names(leaf, purpose)


def check_authority(certificate: x509.Certificate, purpose: Role | None, *, is_root: bool) -> None:
    """Refuse a certificate that may not issue others, or none for *purpose*."""
    _check_any(certificate)
    if not list(certificate.subject):
        raise refusal(certificate, "not-an-authority", "cannot issue: it names nobody (4.1.2.6).")
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.value.ca or not constraints.critical:
        raise refusal(
            certificate,
            "not-an-authority",
            "cannot issue: it lacks the critical basic constraint CA:TRUE (4.2.1.9).",
        )
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.value.key_cert_sign:
        raise refusal(
            certificate, "not-an-authority", "cannot issue: its key usage lacks keyCertSign."
        )
    if extension(certificate, x509.SubjectKeyIdentifier) is None:
        raise refusal(
            certificate, "bad-extension", "is an authority's without a subjectKeyIdentifier."
        )
    if is_root and certificate.subject == certificate.issuer:
        _check_root_key(certificate)
    else:
        _check_authority_key(certificate)
    _check_authority_purpose(certificate, purpose, is_root=is_root)


def _check_any(certificate: x509.Certificate) -> None:
    if len(certificate.public_bytes(Encoding.DER)) > _LARGEST:
        raise refusal(certificate, "too-large", f"is larger than {_LARGEST} octets.")
    if certificate.version is not x509.Version.v3:
        raise refusal(certificate, "bad-version", "is not of version 3 (4.1.2.1).")
    try:
        names_somebody = bool(list(certificate.issuer)) and list(certificate.subject) is not None
    except ValueError as error:
        raise refusal(certificate, "malformed", "cannot be read.") from error
    if not names_somebody:
        raise refusal(certificate, "malformed", "names no issuer (4.1.2.4).")
    check_key(certificate)
    for one in extensions(certificate):
        clause = (_NEVER_CRITICAL if one.critical else _ALWAYS_CRITICAL).get(one.oid)
        if clause is not None:
            marked = "is marked critical" if one.critical else "is not marked critical"
            raise refusal(
                certificate,
                "bad-extension",
                f"has an extension, {one.oid.dotted_string}, that {marked} ({clause}).",
            )
        if one.critical and one.oid not in _UNDERSTOOD:
            raise refusal(
                certificate,
                "unhandled-extension",
                f"has a critical extension that is not known here, {one.oid.dotted_string} (4.2).",
            )
    _check_policies(certificate)


def _check_policies(certificate: x509.Certificate) -> None:
    found = extension(certificate, x509.PolicyConstraints)
    if found is not None and found.value.require_explicit_policy is not None:
        raise refusal(
            certificate,
            "unhandled-extension",
            "demands certificate policies, which are not processed here (4.2.1.11).",
        )


def _check_authority_key(certificate: x509.Certificate) -> None:
    """Refuse a certificate that does not say which key signed it (4.2.1.1)."""
    found = extension(certificate, x509.AuthorityKeyIdentifier)
    if found is None or found.value.key_identifier is None:
        raise refusal(
            certificate, "bad-extension", "lacks an authorityKeyIdentifier with a key (4.2.1.1)."
        )


def _check_root_key(root: x509.Certificate) -> None:
    """Refuse a self-signed root that points at anything but its own key (CA/B 7.1.2.1.3)."""
    found = extension(root, x509.AuthorityKeyIdentifier)
    own = extension(root, x509.SubjectKeyIdentifier)
    if found is None or own is None:
        return
    if (
        found.value.key_identifier != own.value.digest
        or found.value.authority_cert_serial_number is not None
    ):
        raise refusal(
            root,
            "bad-extension",
            "is a root whose authorityKeyIdentifier is not its own key alone (CA/B 7.1.2.1.3).",
        )


def _check_leaf_usage(leaf: x509.Certificate, purpose: Role | None) -> None:
    usage = extension(leaf, x509.KeyUsage)
    if usage is not None and usage.value.key_cert_sign:
        raise refusal(leaf, "ca-as-leaf", "may sign certificates, and is no authority's (4.2.1.9).")
    if usage is not None and not usage.value.digital_signature:
        raise refusal(
            leaf, "wrong-purpose", "is not for TLS: its key usage lacks digitalSignature."
        )
    if purpose is None:
        return
    wanted = _PURPOSES[purpose.purpose]
    found = extension(leaf, x509.ExtendedKeyUsage)
    if found is None or purpose.purpose not in found.value:
        raise refusal(
            leaf, "wrong-purpose", f"is not for {wanted}: its extended key usage does not say so."
        )
    if found.critical or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in found.value:
        raise refusal(
            leaf,
            "bad-extension",
            "has an extended key usage that is critical or for anything (CA/B 7.1.2.7).",
        )


def _check_authority_purpose(
    certificate: x509.Certificate, purpose: Role | None, *, is_root: bool
) -> None:
    found = extension(certificate, x509.ExtendedKeyUsage)
    if found is None:
        return
    if is_root:
        raise refusal(
            certificate, "bad-extension", "is a root with an extended key usage (CA/B 7.1.2.1.2)."
        )
    usages = set(found.value)
    if purpose is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages:
        return
    if purpose.purpose not in usages:
        raise refusal(
            certificate,
            "wrong-purpose",
            f"may not issue for {_PURPOSES[purpose.purpose]}: its extended key usage leaves it out.",
        )


def _check_leaf_names(leaf: x509.Certificate, purpose: Role | None) -> None:
    found = extension(leaf, x509.SubjectAlternativeName)
    # Whoever comes in is asked for a subject, as ML Server asks; only a server must be found.
    if found is None and purpose is Role.AUTHENTICATION and list(leaf.subject):
        return
    if found is None or not list(found.value):
        raise refusal(
            leaf,
            "no-san",
            "has no subjectAltName: a common name does not name a server (RFC 9525).",
        )
    if len(list(found.value)) > _MOST_NAMES:
        raise refusal(leaf, "too-large", f"has more than {_MOST_NAMES} names.")
    if found.critical is bool(list(leaf.subject)):
        raise refusal(
            leaf,
            "bad-extension",
            "must mark its subjectAltName critical exactly if it has no subject (4.2.1.6).",
        )


def _misleads(common_name: str, presented: tuple[PresentedName, ...]) -> bool:
    text = common_name.lower()
    # 0xC0A80101 and 3232235777 are addresses to whoever reads them as inet_aton does
    is_number = text.isdecimal() or text.startswith("0x")
    is_host = "." in text and not any(char.isspace() for char in text)
    if is_number or ":" in text or (is_host and text[-1].isdecimal()):
        return True
    if not is_host or all(one.address is not None for one in presented):
        return False
    return not any(one.text.endswith(f".{common_name}") for one in presented)


def _is_server_kind(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.DNSName | x509.IPAddress)


def _listed(names: Sequence[object]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(shown(one) for one in names[:10]) + more
