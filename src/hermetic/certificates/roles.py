"""What a credential is for, and whether its certificate says so.

The three roles are ML Server's: the API certificate of a web node, the certificate of a compute
node, and the certificate a web node shows to compute nodes.
"""

from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID


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
