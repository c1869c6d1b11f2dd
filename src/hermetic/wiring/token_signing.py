"""The key that a web node signs its tokens with: of its own, or the one all web nodes share."""

import asyncio
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.selection import Choice
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, NotFound

ENTRY = "token-signing"
_LIFE = timedelta(days=3652)  # It is the key that counts; nobody asks for its certificate.
_SETTING = "Authentication.JWTSigningCertificate"


async def signing_key(home: Home, choice: Choice | None, clock: Clock) -> RSAPrivateKey:
    """Return the key that *choice* names, or else this home's own, made if there is none.

    Raises:
        BadConfiguration: The key cannot be read, is of another kind, or is not there.
    """
    if choice is None:
        return await asyncio.to_thread(key_in, FileStore(home.certificates), clock)
    return await asyncio.to_thread(shared_key, Stores(home.stores), choice)


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


def shared_key(stores: Stores, choice: Choice) -> RSAPrivateKey:
    """Return the key of the newest certificate that *choice* means; blocks for the disk.

    What else the certificate is for, and whether it has expired, is nothing to a token.
    """
    found = [
        one
        for one in stores.credentials(choice.location, choice.store)
        if choice.means(one.chain.leaf)
    ]
    if not found:
        raise BadConfiguration(
            f"No certificate in {choice.store} at {choice.location} has {choice} and a private"
            f" key, which {_SETTING} names: `hermetic certificate import` it on every web node."
        )
    newest = max(found, key=lambda one: one.chain.not_before)
    rivals = [one for one in found if one.chain.not_before == newest.chain.not_before]
    if len({one.key_pem for one in rivals}) > 1:
        raise BadConfiguration(
            f"Several certificates in {choice.store} at {choice.location} have {choice}, and none"
            f" is the newest: set {_SETTING}.Thumbprint to one of"
            f" {', '.join(one.chain.sha256 for one in rivals)}."
        )
    if not isinstance(newest.key, RSAPrivateKey):
        raise BadConfiguration(
            f"{_SETTING} names a certificate whose key is not RSA, and tokens are signed with"
            " RS512: import one with an RSA key."
        )
    return newest.key
