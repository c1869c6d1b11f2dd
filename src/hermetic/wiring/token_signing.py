"""The key that one box signs its tokens with.

Part of the wiring of `hermetic up`.
"""

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.errors import BadConfiguration, NotFound

ENTRY = "token-signing"
_LIFE = timedelta(days=3652)  # It is the key that counts; nobody asks for its certificate.


def key_in(store: FileStore, clock: Clock) -> RSAPrivateKey:
    """Return the key kept in *store*, or make one there; blocks for the disk.

    Raises:
        BadConfiguration: The key cannot be read, or is of another kind.
    """
    try:
        key = store.read(ENTRY).key
    except NotFound:
        key = generate(KeyKind.RSA_2048)
        made = self_signed(key, name="Hermetic token signing", now=clock(), life=_LIFE)
        store.write(ENTRY, made)
    if not isinstance(key, RSAPrivateKey):
        raise BadConfiguration(
            f"The key in {store.folder(ENTRY)} must be an RSA key, since tokens are signed"
            " with RS512: remove the folder to have one made."
        )
    return key
