"""The secrets in the settings of a web node, opened with a key of its stores."""

from functools import partial

from hermetic.certificates.keys import PrivateKey
from hermetic.certificates.selection import thumbprints
from hermetic.certstore.stores import PLACES, Stores
from hermetic.config.home import Home
from hermetic.config.secrets import unsealed
from hermetic.config.web import WebSettings


def opened(home: Home, written: WebSettings) -> WebSettings:
    """Return the settings with every secret opened that was sealed to a certificate.

    Raises:
        BadConfiguration: One cannot be opened; it says which, and with which certificate.
    """
    return unsealed(written, partial(_key_of, home))


def _key_of(home: Home, thumbprint: str) -> PrivateKey | None:
    """Return the private key of the certificate with that SHA-1 thumbprint, from any store."""
    # Only to look: a command may ask too, and must leave the home as it is.
    stores = Stores(home.stores, mending=False)
    for place in PLACES:
        for one in stores.credentials(*place):
            if thumbprint.lower() in thumbprints(one.chain.leaf):
                return one.key
    return None
