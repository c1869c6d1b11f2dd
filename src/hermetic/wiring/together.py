"""What a web node wishes to present, alone or together with the others of its installation."""

from collections.abc import Sequence
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.config.web import WebSettings
from hermetic.wiring.keeping import Kept
from hermetic.wiring.sharing import Sharing
from hermetic.wiring.token_signing import signing_key
from hermetic.wiring.wish import Wish, choice_of, wish_of


async def token_key(home: Home, settings: WebSettings, clock: Clock) -> RSAPrivateKey:
    """Return the key that the node signs tokens with.

    Raises:
        BadConfiguration: The one that the settings name cannot be used.
    """
    section = settings.authentication.jwt_signing_certificate
    return await signing_key(home, choice_of(section) if section.is_chosen else None, clock)


def wished(
    settings: WebSettings, names: Sequence[str], kept: Kept, key: RSAPrivateKey
) -> Wish | None:
    """Return what the settings wish for; an ACME server is asked by one web node for all.

    That is so where they share a database and the *key* of their tokens.
    """
    wish = wish_of(Role.API, names, settings)
    if wish is None or not wish.acme or not settings.connection_strings.postgresql.enabled:
        return wish
    return replace(wish, sharing=Sharing(kept.database, key))
