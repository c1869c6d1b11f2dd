"""The authority that a node has joined, as whoever certifies for it."""

from pathlib import Path

from hermetic.certstore.accounts import Accounts
from hermetic.clock import Clock
from hermetic.config.home import Home, speaking_of
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.jose import ExternalAccount
from hermetic.tls.contexts import TlsProfile, client_context
from hermetic.wiring.joined import Joined

TRUST = "trust"
"""The use of an account that asks whom to trust."""


def joined_issuer(
    home: Home,
    joined: Joined,
    clock: Clock,
    *,
    profile: str = "",
    use: str = "",
    external: ExternalAccount | None = None,
) -> AcmeIssuer:
    """Return the issuer that the authority is; blocks for the disk.

    Args:
        profile: The role to be certified for.
        use: Of the copies of the account, which one; see `Home.acme_account`.
        external: The token, where there is no account yet.
    """
    roots = _read(home.joined_roots) if joined.pinned else None
    context = client_context(roots, profile=TlsProfile.INTERMEDIATE)
    server = Server(joined.directory, context, (), True, external, profile)
    kept = Accounts(home.acme_account(joined.directory, use))
    return AcmeIssuer(server, kept, [], Chance(clock))


def share_account(home: Home, joined: Joined, uses: tuple[str, ...]) -> None:
    """Give each of *uses* a copy of the account; blocks for the disk."""
    account = Accounts(home.acme_account(joined.directory)).read("account")
    for use in uses:
        if account is not None:
            Accounts(home.acme_account(joined.directory, use)).write("account", account)


def _read(path: Path) -> bytes:
    with speaking_of(path):
        return path.read_bytes()
