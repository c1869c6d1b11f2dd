"""The extensions of a certificate, a request or a revocation list, or one coded refusal.

`cryptography` parses extensions when they are first asked for and raises errors of several
kinds; everybody else asks here, and meets only `CertificateRejected`.
"""

from typing import TypeVar

from cryptography import x509

from hermetic.errors import CertificateRejected

Extended = x509.Certificate | x509.CertificateSigningRequest | x509.CertificateRevocationList
_Value = TypeVar("_Value", bound=x509.ExtensionType)


def extensions(holder: Extended) -> x509.Extensions:
    """Return all extensions, or raise `CertificateRejected` (`malformed`)."""
    try:
        return holder.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise CertificateRejected(
            "malformed", f"The extensions of {described(holder)} cannot be read: {error}."
        ) from error


def extension(holder: Extended, kind: type[_Value]) -> x509.Extension[_Value] | None:
    """Return the extension of that kind, or `None` if there is none."""
    try:
        return extensions(holder).get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def described(holder: Extended) -> str:
    """Name *holder* in a sentence: what it is, and whose."""
    if isinstance(holder, x509.CertificateRevocationList):
        return f"the revocation list of {_shown(holder.issuer)}"
    kind = "certificate" if isinstance(holder, x509.Certificate) else "request"
    try:
        return f"the {kind} of {_shown(holder.subject)}"
    except ValueError:
        return f"a {kind} without a readable subject"


def _shown(name: x509.Name) -> str:
    return f"'{name.rfc4514_string()}'" if list(name) else "no subject"
