"""How a refusal names what it refuses: which certificate, request or list, and of whom."""

from datetime import datetime

from cryptography import x509

from hermetic.errors import CertificateRejected

Extended = x509.Certificate | x509.CertificateSigningRequest | x509.CertificateRevocationList
"""What carries extensions, and a name."""

_LONGEST = 200  # a hostile name may be long, and this goes into answers and logs


def refusal(holder: Extended, code: str, reason: str) -> CertificateRejected:
    """Return the error to raise: its sentence begins with *holder* and goes on with *reason*.

    Made only when it is raised, since writing out a long subject costs more than most rules.
    """
    return CertificateRejected(code, f"{_described(holder)} {reason}")


def shown(value: object) -> str:
    """Return a name as it stands in a sentence: quoted, and not too long."""
    text = value.rfc4514_string() if isinstance(value, x509.Name) else str(value)
    return f"'{text}'" if len(text) <= _LONGEST else f"'{text[:_LONGEST]}…'"


def told(moment: datetime) -> str:
    """Return a moment in UTC as it stands in a sentence."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _described(holder: Extended) -> str:
    if isinstance(holder, x509.CertificateRevocationList):
        return f"The revocation list of {shown(holder.issuer)}"
    kind = "certificate" if isinstance(holder, x509.Certificate) else "request"
    try:
        if list(holder.subject):
            return f"The {kind} of {shown(holder.subject)}"
    except ValueError:
        return f"A {kind} with an unreadable subject"
    if isinstance(holder, x509.Certificate):
        return f"The {kind} without a subject (serial number {holder.serial_number:x})"
    return f"The {kind} without a subject"
