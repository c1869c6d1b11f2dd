"""The extensions of a certificate, a request or a revocation list, or one coded refusal.

`cryptography` parses extensions when they are first asked for and raises errors of several
kinds; everybody else asks here, and meets only `CertificateRejected`.
"""

from typing import TypeVar

from cryptography import x509

from hermetic.certificates.refusal import Extended, refusal

_Value = TypeVar("_Value", bound=x509.ExtensionType)


def extensions(holder: Extended) -> x509.Extensions:
    """Return all extensions, or raise `CertificateRejected` (`malformed`)."""
    try:
        return holder.extensions
    except (
        ValueError,
        TypeError,  # what 50.0 raises for a name constraint whose address mask is none
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise refusal(
            holder, "malformed", f"has extensions that cannot be read: {error}."
        ) from error


def extension(holder: Extended, kind: type[_Value]) -> x509.Extension[_Value] | None:
    """Return the extension of that kind, or `None` if there is none."""
    try:
        return extensions(holder).get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
