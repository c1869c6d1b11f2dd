"""What a credential is for, and whether its certificate says so.

The three roles are ML Server's: the API certificate of a web node, the certificate of a compute
node, and the certificate a web node shows to compute nodes.
"""

from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from hermetic.certificates.chain import Chain, is_authority
from hermetic.certificates.extensions import extension
from hermetic.certificates.refusal import refusal

_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
}


SIGNING = "signing"
"""Beside the roles that peers are shown: what web nodes sign tokens with."""


class Role(StrEnum):
    """What a credential is for."""

    API = "api"
    """A web node shows it to clients."""
    COMPUTE = "compute"
    """A compute node shows it to web nodes."""
    AUTHENTICATION = "authentication"
    """A web node shows it to compute nodes, to be let in."""

    @property
    def purpose(self) -> x509.ObjectIdentifier:
        """The extended key usage that certificates of this role carry."""
        if self is Role.AUTHENTICATION:
            return ExtendedKeyUsageOID.CLIENT_AUTH
        return ExtendedKeyUsageOID.SERVER_AUTH


def check(chain: Chain, role: Role) -> None:
    """Raise `CertificateRejected` if peers would refuse *chain* in that role.

    As OpenSSL does, a certificate without extended key usages is taken for any purpose, and
    `anyExtendedKeyUsage` for none.  The codes are `wrong-purpose`, and `no-san` if a server's
    certificate names no server.
    """
    leaf = chain.leaf
    if is_authority(leaf):
        raise refusal(
            leaf,
            "wrong-purpose",
            "is an authority's (CA:TRUE) and cannot be shown to peers: have a"
            " certificate issued with CA:FALSE.",
        )
    usage = extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.value.digital_signature:
        raise refusal(
            leaf,
            "wrong-purpose",
            "lacks the key usage digitalSignature, which TLS 1.3 needs: have it issued with that.",
        )
    for certificate in chain.certificates:
        _check_purpose(certificate, role)
    if role is not Role.AUTHENTICATION and not chain.names:
        raise refusal(
            leaf,
            "no-san",
            "names no server: have it issued with the DNS names or addresses of"
            " this node as subjectAltName.",
        )


def purposes_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the names of the extended key usages, others than ours as dotted OIDs.

    None at all means that the certificate says nothing, and may be used for anything.
    """
    usages = extension(certificate, x509.ExtendedKeyUsage)
    found = usages.value if usages is not None else ()
    return tuple(_PURPOSES.get(usage, usage.dotted_string) for usage in found)


def _check_purpose(certificate: x509.Certificate, role: Role) -> None:
    usages = extension(certificate, x509.ExtendedKeyUsage)
    if usages is not None and role.purpose not in usages.value:
        raise refusal(
            certificate,
            "wrong-purpose",
            f"is not for the role {role.value!r}: its extended key usage"
            f" lacks {_PURPOSES[role.purpose]}.",
        )
