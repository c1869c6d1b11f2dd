"""Whom the face of Azure ML believes, and whom its callers are to believe.  Blocks for the disk."""

from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.importing import Known
from hermetic.certstore.stores import Stores
from hermetic.config.home import Home
from hermetic.issuers.authority import Authority
from hermetic.tls.system import system_roots


def known(home: Home, authority: Authority) -> Known:
    """Return by whom a certificate that is given may be issued."""
    stores = Stores(home.stores)
    roots = (*stores.roots(), *authority.roots, *system_roots())
    return Known(roots, stores.intermediates(), stores.revocation_lists())


def callers_believe(home: Home, authority: Authority, *, by_acme: bool) -> bytes:
    """Return in PEM by whom certificates of front ends may be issued that are not given.

    An ACME server does not say which root it issues by: whoever is believed here may be it.
    """
    if not by_acme:
        return authority.root_pem
    return b"".join(one.public_bytes(Encoding.PEM) for one in known(home, authority).roots)
